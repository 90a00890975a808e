import { describe, expect, test } from 'vitest';
import { parseMoment, parseSeconds, parseTail } from '../../../cli/options.ts';

const now = Date.parse('2026-11-20T12:00:00Z');

describe('a moment', () => {
  test.each([
    ['42m', `${now / 1000 - 42 * 60}.000`],
    ['1h30m', `${now / 1000 - 5400}.000`],
    ['1.5s', `${now / 1000 - 1.5}00`],
    ['250ms', `${now / 1000 - 0.25}0`],
    ['2d', `${now / 1000 - 172_800}.000`],
    ['1763640000', '1763640000'],
    ['1763640000.123456789', '1763640000.123456789'],
    ['2026-11-20T11:00:00Z', `${now / 1000 - 3600}`],
    ['2026-11-20T11:00:00.123456789Z', `${now / 1000 - 3600}.123456789`],
    ['2026-11-20T12:00:00+01:00', `${now / 1000 - 3600}`],
    ['2026-11-20T11:00Z', `${now / 1000 - 3600}`],
  ])('%s is read to the nanosecond it names', (text, expected) => {
    expect(parseMoment(text, now)).toBe(expected);
  });

  test.each(['', 'yesterday', '42', '12x', '2026-13-01T00:00:00Z', '2026-11-20T11:00:00Zulu'])(
    'of "%s" must be refused, unless it is a number of seconds',
    (text) => {
      if (/^\d+$/u.test(text)) expect(parseMoment(text, now)).toBe(text);
      else expect(() => parseMoment(text, now)).toThrow(`"${text}" is no moment`);
    },
  );
});

test('a number of lines is a number, all, or negative for all', () => {
  expect(['0', '20', 'all', '-1'].map(parseTail)).toEqual([0, 20, 'all', 'all']);
  expect(() => parseTail('ten')).toThrow('"ten" is no number of lines');
});

test('seconds are whole', () => {
  expect(['0', '10', '-1'].map(parseSeconds)).toEqual([0, 10, -1]);
  expect(() => parseSeconds('1.5')).toThrow('"1.5" is not a number of whole seconds');
});
