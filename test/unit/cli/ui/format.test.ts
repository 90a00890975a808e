import { describe, expect, test } from 'vitest';
import { formatAge, formatCommand, formatElapsed, formatPorts } from '../../../../cli/ui/format.ts';
import { chooseStyle, colouredStyle, plainStyle } from '../../../../cli/ui/style.ts';
import { renderTable } from '../../../../cli/ui/table.ts';

test.each([
  [0, 'Less than a second'],
  [1, '1 second'],
  [59.9, '59 seconds'],
  [60, 'About a minute'],
  [121, '2 minutes'],
  [3600, 'About an hour'],
  [7200, '2 hours'],
  [3 * 86_400, '3 days'],
  [15 * 86_400, '2 weeks'],
  [70 * 86_400, '2 months'],
  [800 * 86_400, '2 years'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatAge(seconds)).toBe(text);
});

test('a duration is short', () => {
  expect([0, 230, 12_000, 125_000].map(formatElapsed)).toEqual(['0.0s', '0.2s', '12.0s', '2m05s']);
});

test('a command is quoted and cut to twenty characters', () => {
  expect(formatCommand('node server.mjs')).toBe('"node server.mjs"');
  expect(formatCommand('node server.mjs --port 8080')).toBe('"node server.mjs --p…"');
});

test('ports in a row that keep their number are a range', () => {
  const published = [8000, 8001, 8002, 8010].map((port) => ({
    IP: '0.0.0.0',
    PrivatePort: port,
    PublicPort: port,
    Type: 'tcp',
  }));
  expect(formatPorts(published)).toBe('0.0.0.0:8000-8002->8000-8002/tcp, 0.0.0.0:8010->8010/tcp');
});

test('ports are sorted, those published under another number last', () => {
  expect(
    formatPorts([
      { PrivatePort: 443, Type: 'tcp' },
      { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 53, Type: 'udp' },
    ]),
  ).toBe('53/udp, 443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp');
});

describe('a table', () => {
  test('is as wide as its cells, except for the last of a line', () => {
    expect(
      renderTable(
        ['NAME', 'PORTS'],
        [
          ['shop-web-1', '80/tcp'],
          ['db', ''],
        ],
      ),
    ).toBe('NAME         PORTS\nshop-web-1   80/tcp\ndb           \n');
  });

  test('without rows is its header', () => {
    expect(renderTable(['NAME', 'PORTS'], [])).toBe('NAME      PORTS\n');
  });
});

test.each([
  { name: 'a terminal', ansi: 'auto', env: {}, isTerminal: true, isColoured: true },
  { name: 'a pipe', ansi: 'auto', env: {}, isTerminal: false, isColoured: false },
  { name: 'NO_COLOR', ansi: 'auto', env: { NO_COLOR: '1' }, isTerminal: true, isColoured: false },
  {
    name: 'empty NO_COLOR',
    ansi: 'auto',
    env: { NO_COLOR: '' },
    isTerminal: true,
    isColoured: true,
  },
  { name: 'TERM=dumb', ansi: 'auto', env: { TERM: 'dumb' }, isTerminal: true, isColoured: false },
  { name: '--ansi never', ansi: 'never', env: {}, isTerminal: true, isColoured: false },
  {
    name: '--ansi always beside NO_COLOR',
    ansi: 'always',
    env: { NO_COLOR: '1' },
    isTerminal: false,
    isColoured: true,
  },
] as const)('$name: colour is $isColoured', ({ ansi, env, isTerminal, isColoured }) => {
  expect(chooseStyle(ansi, env, isTerminal)).toBe(isColoured ? colouredStyle : plainStyle);
});
