/** Files from a stranger, given to the built program: refused or understood, in a second of work and 256 MB. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { measured, type Measured } from '../lib/measured.ts';
import { tempDir } from '../lib/temp-dir.ts';

const maxMiB = 256;
/** Forty times what the smallest file takes, where that is more than a second: the machine is slow, or busy. */
let maxCpuMs = 1000;

beforeAll(async () => {
  await using directory = await tempDir();
  writeFileSync(join(directory.path, 'compose.yaml'), web);
  for (let round = 0; round < 3; round += 1) {
    const { cpuMs } = await measured(['config', '-q'], { cwd: directory.path });
    maxCpuMs = Math.max(maxCpuMs, 40 * cpuMs);
  }
});

/** Once more where it took long: others may have had the processor's caches. */
async function measuredTwice(...[args, options]: Parameters<typeof measured>): Promise<Measured> {
  const first = await measured(args, options);
  return first.cpuMs < maxCpuMs ? first : await measured(args, options);
}

function expectCheap({ cpuMs, rssMiB }: Measured): void {
  const found = { isQuick: cpuMs < maxCpuMs, isSmall: rssMiB < maxMiB };
  expect(found, `${cpuMs} of ${maxCpuMs} ms, ${rssMiB} MiB`).toEqual({
    isQuick: true,
    isSmall: true,
  });
}

const web = 'services: {web: {image: nginx}}\n';
const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_unused, index) => line(index)).join('\n');
const items = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_unused, index) => item(index)).join(', ');

/** `open` a hundred thousand times, and closed again. */
const nested = (open: string, close: string, count = 100_000): string =>
  `x-a: ${open.repeat(count)}${close.repeat(count)}\n`;
const service = (attributes: string): string => `services: {web: {image: nginx, ${attributes}}}\n`;
const services = (count: number, attributes: (index: number) => string): string =>
  `services:\n${lines(count, (index) => `  s${index}: {image: nginx${attributes(index)}}`)}\n`;

const aliasBomb = (fan: number): string =>
  lines(9, (level) =>
    level === 0
      ? `x-0: &a0 [${items(fan, () => 'x')}]`
      : `x-${level}: &a${level} [${items(fan, () => `*a${level - 1}`)}]`,
  );

/** What it is, the file, the code of the error. */
const refused: readonly (readonly [string, string, string])[] = [
  ['exponential aliases', `${aliasBomb(10)}\n${web}`, 'alias-limit'],
  [
    'quadratic aliases',
    `x-a: &a [${items(30_000, () => 'x')}]\nx-b: [${items(30_000, () => '*a')}]\n${web}`,
    'alias-limit',
  ],
  [
    'merge keys of 50,000 aliases',
    `x-a: &a {a: b}\nx-b:\n  <<: [${items(49_000, () => '*a')}]\n${web}`,
    'alias-limit',
  ],
  ['an anchor within itself', `x-a: &a [*a]\n${web}`, 'alias-limit'],
  ['anchors within each other', `x-a: &a {b: &b {c: *a}}\n${web}`, 'alias-limit'],
  ['100,000 anchors', `${lines(100_001, (index) => `x-${index}: &a${index} b`)}\n`, 'too-large'],
  ['nested lists', nested('[', ''), 'too-deep'],
  ['nested lists, closed', nested('[', ']'), 'too-deep'],
  ['nested maps', nested('{a: ', '}'), 'too-deep'],
  ['nested anchors', nested('&a [', ']'), 'too-deep'],
  ['nested block lists', `x-a:\n  ${'- '.repeat(100_000)}x\n`, 'too-deep'],
  ['nested block maps', `${lines(1500, (index) => `${' '.repeat(index)}a:`)}\n`, 'too-deep'],
  ['nested explicit keys', `${'? '.repeat(100_000)}\n`, 'too-deep'],
  ['nested alias keys', '*a : '.repeat(100_000), 'too-deep'],
  ['anchors in a row', nested('&a ', ''), 'yaml-syntax'],
  ['tags in a row', nested('!a ', ''), 'yaml-syntax'],
  ['a plain scalar of 50 MB', `x-a: ${'a'.repeat(50e6)}\n`, 'too-large'],
  ['a quoted scalar of 50 MB', `x-a: "${'a'.repeat(50e6)}"\n`, 'too-large'],
  ['a block scalar of 50 MB', `x-a: |\n${'  aaaaaaa\n'.repeat(5e6)}`, 'too-large'],
  ['50 MB of other letters', `x-a: ${'é'.repeat(25e6)}\n`, 'too-large'],
  ['7 MB of escapes', `x-a: "${'\\x41'.repeat(1.75e6)}"\n`, 'too-large'],
  ['7 MB of folded lines', `x-a: >\n${'  a a\n\n   b\n'.repeat(580_000)}`, 'too-large'],
  ['7 MB of a quote that stays open', `x-a: "${'aaaa\n  '.repeat(1e6)}`, 'too-large'],
  ['2 MB of a quote in every line', '"a"\n'.repeat(499_999), 'yaml-syntax'],
  ['2 MB of directives', '%a b\n'.repeat(399_999), 'yaml-syntax'],
  ['a list of a million items', `x-a: [${items(1e6, () => 'a')}]\n`, 'too-large'],
  ['a map of 100,001 keys', `x-a:\n${lines(100_001, (index) => `  a${index}: b`)}\n`, 'too-large'],
  ['100,001 services', services(100_001, () => ''), 'too-large'],
  ['10,000 documents', `---\n${web}`.repeat(10_000), 'too-large'],
  ['a key of 1 MB', `${'a'.repeat(1e6)}: b\n`, 'yaml-syntax'],
  ['50,000 unknown keys', service(items(50_000, (index) => `a${index}: b`)), 'unknown-key'],
  ['90,000 keys that stand twice', service(items(90_000, () => 'tty: true')), 'duplicate-key'],
  [
    '10,000 dependencies that are not there',
    service(`depends_on: [${items(10_000, (index) => `a${index}`)}]`),
    'undefined-reference',
  ],
  [
    'a circle of 2,000 dependencies',
    services(2000, (index) => `, depends_on: [s${(index + 1) % 2000}]`),
    'dependency-cycle',
  ],
  [
    'a circle of services that extend each other',
    services(90, (index) => `, extends: {service: s${(index + 1) % 90}}`),
    'extends',
  ],
  [
    '5,000 services that extend each other in a row',
    services(5000, (index) => (index === 4999 ? '' : `, extends: {service: s${index + 1}}`)),
    'too-deep',
  ],
  ['a file that includes itself', `include: [compose.yaml]\n${web}`, 'include'],
  [
    'two hundred full ranges of ports',
    service(`ports: [${items(200, (index) => `"127.0.0.${index}:1-65535:1-65535"`)}]`),
    'too-large',
  ],
  [
    'nested defaults',
    service(`labels: {a: "${'${A:-'.repeat(50_000)}x${'}'.repeat(50_000)}"}`),
    'interpolation',
  ],
  ['variables that stay open', service(`labels: {a: "${'${'.repeat(100_000)}"}`), 'interpolation'],
  ['a mount of 500,000 parts', service(`volumes: ["${'a:'.repeat(500_000)}"]`), 'invalid-syntax'],
];

describe('a hostile file must be refused at a place in it', () => {
  test.each(refused)('%s', async (_name, text, code) => {
    await using directory = await tempDir();
    writeFileSync(join(directory.path, 'compose.yaml'), text);
    const result = await measuredTwice(['config', '-q'], { cwd: directory.path });
    expect(result.stderr.slice(0, 300)).toContain(`error[${code}]: `);
    expect(result.stderr).toMatch(/^ *--> compose\.yaml:\d+:\d+$/m);
    expect(result.stderr.length).toBeLessThan(50_000);
    expect(result.code).toBe(1);
    expectCheap(result);
  });
});

const understood: readonly (readonly [string, string])[] = [
  ['a scalar of 7 MB', service(`labels: {a: "${'a'.repeat(7e6)}"}`)],
  ['7 MB of comments', `${'# comment\n'.repeat(7e5)}${web}`],
  ['7 MB of empty lines', `${'\n'.repeat(7e6)}${web}`],
  ['a name of a service with 1,000 letters', `services: {${'a'.repeat(1000)}: {image: nginx}}\n`],
  ['50,000 labels', service(`labels: {${items(50_000, (index) => `a${index}: b`)}}`)],
  ['50,000 variables', service(`environment: [${items(50_000, (index) => `A${index}=b`)}]`)],
  ['10,000 services', services(10_000, () => '')],
  [
    'a row of 2,000 dependencies',
    services(2000, (at) => (at === 0 ? '' : `, depends_on: [s${at - 1}]`)),
  ],
  ['every port there is', service('ports: ["1-65535:1-65535"]')],
  ['100,000 variables in one text', service(`labels: {a: "${'${A-}'.repeat(100_000)}"}`)],
  ['one unset variable, 100,000 times', service(`labels: {a: "${'$A'.repeat(100_000)}"}`)],
  ['5,000 unset variables', service(`labels: {${items(5000, (at) => `l${at}: "$V${at}"`)}}`)],
  ['a command of 250,000 words', service(`command: "${"'a' ".repeat(250_000)}"`)],
  ['a duration of 500,000 parts', service(`stop_grace_period: "${'0s'.repeat(500_000)}"`)],
  [
    '20,000 values that are reset',
    service(`labels: {${items(20_000, (at) => `a${at}: !reset x`)}}`),
  ],
];

describe('a large file must be understood', () => {
  test.each(understood)('%s', async (_name, text) => {
    await using directory = await tempDir();
    writeFileSync(join(directory.path, 'compose.yaml'), text);
    const result = await measuredTwice(['config', '-q'], { cwd: directory.path });
    expect({ code: result.code, error: /^error.*/m.exec(result.stderr)?.[0] }).toEqual({ code: 0 });
    expectCheap(result);
  });
});

describe('what is no file must not be waited for', () => {
  const places: readonly (readonly [string, string])[] = [
    ['included', 'include: [PLACE]\nservices: {web: {image: nginx}}\n'],
    ['extended', 'services: {web: {extends: {file: PLACE, service: web}}}\n'],
    ['an env file', service('env_file: [PLACE]')],
    ['a label file', service('label_file: [PLACE]')],
  ];
  const kinds: readonly (readonly [string, string])[] = [
    ['pipe', './pipe'],
    ['endless device', '/dev/zero'],
    ['directory', './folder'],
  ];
  test.each(
    places.flatMap(([place, text]) => kinds.map((kind) => [place, ...kind, text] as const)),
  )('%s: a %s', async (_place, _kind, path, text) => {
    await using directory = await tempDir();
    execFileSync('mkfifo', [join(directory.path, 'pipe')]);
    execFileSync('mkdir', [join(directory.path, 'folder')]);
    writeFileSync(join(directory.path, 'compose.yaml'), text.replace('PLACE', path));
    const result = await measuredTwice(['config', '-q'], { cwd: directory.path });
    expect(result.stderr).toMatch(/^ *--> compose\.yaml:\d+:\d+$/m);
    expect(result.stderr).toMatch(/it is a (named pipe|device|directory)/);
    expect(result.code).toBe(1);
    expectCheap(result);
  });

  test.each(kinds)('the compose file itself: a %s', async (_kind, path) => {
    await using directory = await tempDir();
    execFileSync('mkfifo', [join(directory.path, 'pipe')]);
    execFileSync('mkdir', [join(directory.path, 'folder')]);
    const result = await measuredTwice(['-f', path, 'config', '-q'], { cwd: directory.path });
    expect(result.stderr).toMatch(/it is a (named pipe|device|directory)/);
    expect(result.code).toBe(1);
    expectCheap(result);
  });

  test('standard input that never ends', async () => {
    await using directory = await tempDir();
    const result = await measuredTwice(['-f', '-', 'config', '-q'], {
      cwd: directory.path,
      input: '/dev/zero',
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('standard input');
    expectCheap(result);
  });
});

test('variables that double sixty times must be refused where they grow', async () => {
  await using directory = await tempDir();
  writeFileSync(join(directory.path, 'compose.yaml'), web);
  writeFileSync(join(directory.path, '.env'), `A=aaaaaaaaaaaaaaaa\n${'A=$A$A\n'.repeat(60)}`);
  const result = await measuredTwice(['config', '-q'], { cwd: directory.path });
  expect(result.stderr).toMatch(/^ *--> \.env:\d+:\d+$/m);
  expect(result.code).toBe(1);
  expectCheap(result);
});
