import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseBytes, parseDuration } from '../../../../compose/units.ts';
import { expectTyped, fuzz, mutationsOf, textOf } from '../lib/fuzz.ts';
import { loadText } from '../lib/host.ts';
import { composeFiles, yamlPieces } from '../lib/yaml-texts.ts';

interface Case {
  readonly text: string;
  readonly files?: Readonly<Record<string, string>>;
}

function expectLoads({ text, files = {} }: Case): void {
  const named = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [`/shop/${name}`, content]),
  );
  const environment = { A: '1', B: 'b c', EMPTY: '' };
  const request = 'over.yaml' in files ? { files: ['compose.yaml', 'over.yaml'] } : {};
  expectTyped(() => loadText(text, { files: named, environment, request }), {
    'compose.yaml': text,
    ...files,
  });
}

/** A text of these pieces as the value of an attribute, quoted so that YAML has no opinion. */
function attributes(pieces: readonly string[], names: readonly string[]): fc.Arbitrary<Case> {
  return fc.tuple(fc.constantFrom(...names), textOf(pieces, 12)).map(([name, value]) => {
    const line = name.replace('@', () => JSON.stringify(value));
    return { text: `services:\n  web:\n    image: nginx\n    ${line}\nvolumes: {data: }\n` };
  });
}

const yaml = mutationsOf(composeFiles, [...yamlPieces, '!reset ', '!override ', '__proto__: ']).map(
  (text): Case => ({ text }),
);

const merged = fc
  .tuple(
    mutationsOf(composeFiles, yamlPieces),
    fc.oneof(mutationsOf(composeFiles, yamlPieces), fc.constantFrom(...composeFiles)),
  )
  .map(([text, over]): Case => ({ text, files: { 'over.yaml': over } }));

const hosts = attributes(
  ['a', 'b', '=', ':', '::1', '[', ']', '1.2.3.4', ',', 'host-gateway', ' ', '%', '0'],
  ['extra_hosts: [@]', 'extra_hosts: {a: @}', 'build: {context: ., extra_hosts: [@]}', 'dns: @'],
);

const images = attributes(
  ['redis', 'A', '/', ':', '@', 'sha256:', '0a', '.', '-', '_', 'localhost:5000', '[::1]', ' '],
  ['image: @', 'build: {context: ., tags: [@]}', 'pull_policy: @', 'platform: @'],
);

const commands = attributes(
  ['a', ' ', '"', "'", '\\', '$$', '(', ')', '`', ';', '&&', '|', '>', '#', '\n', '\t'],
  ['command: @', 'entrypoint: @', 'post_start: [{command: @}]', 'healthcheck: {test: @}'],
);

const interpolation = attributes(
  [
    '$',
    '$$',
    '{',
    '}',
    '${',
    ':',
    '-',
    ':-',
    ':?',
    '?',
    ':+',
    '+',
    'A',
    'B',
    'EMPTY',
    'C',
    ' ',
    '"',
  ],
  ['command: @', 'labels: {l: @}', 'ports: [@]', 'scale: @', 'environment: [@]'],
);

const envFile = textOf([
  ...['A', 'B', '=', ' ', '\n', '\r\n', '\t', '"', "'", '#', '\\', '\\n', '$', '${A', '}', ':-'],
  ...['export ', 'EMPTY=', '\u0000', '\ufeff', 'C D=', ': '],
]).map((env): Case => ({
  text: 'services: {web: {image: "nginx:${A-1}", env_file: web.env}}\n',
  files: { '.env': env, 'web.env': env },
}));

const ports = attributes(
  [
    '0',
    '1',
    '80',
    '65535',
    '65536',
    '-',
    ':',
    '/',
    'tcp',
    'udp',
    '[::1]',
    '127.0.0.1',
    'x',
    '.',
    ' ',
  ],
  ['ports: [@]', 'expose: [@]', 'ports: [{target: 80, published: @}]', 'ports: [{target: @}]'],
);

const mounts = attributes(
  [
    '/',
    '.',
    '..',
    '~',
    ':',
    'data',
    'ro',
    'rw',
    'z',
    ',',
    'C:',
    '\\',
    'volume-nocopy',
    'rshared',
    ' ',
  ],
  ['volumes: [@]', 'tmpfs: [@]', 'devices: [@]', 'volumes: [{type: bind, source: ., target: @}]'],
);

const durations = attributes(
  ['0', '1', '99999999999', '.', '-', '+', 'h', 'm', 's', 'ms', 'us', 'ns', 'd', 'w', 'e', ' '],
  ['stop_grace_period: @', 'healthcheck: {test: x, interval: @}', 'cpu_rt_period: @'],
);

const sizes = attributes(
  [
    '0',
    '1',
    '512',
    '99999999999999',
    '.',
    '-',
    '+',
    'b',
    'k',
    'KB',
    'm',
    'GiB',
    't',
    'p',
    'e',
    ' ',
  ],
  ['mem_limit: @', 'shm_size: @', 'memswap_limit: @', 'deploy: {resources: {limits: {memory: @}}}'],
);

test.each([
  ['YAML', yaml],
  ['interpolation', interpolation],
  ['env files', envFile],
  ['ports', ports],
  ['mounts', mounts],
  ['durations', durations],
  ['sizes', sizes],
  ['hosts', hosts],
  ['images', images],
  ['commands', commands],
  ['files merged onto others', merged],
])('%s of any kind must load, or fail inside of a file within a second', (_name, cases) => {
  fuzz(fc.property(cases, expectLoads));
});

test('a duration that is printed must be the duration that was read', () => {
  const parts = ['0', '1', '59', '1000', '.', 'h', 'm', 's', 'ms', 'us', 'ns', '-'];
  fuzz(
    fc.property(textOf(parts, 8), (text) => {
      const parsed = parseDuration(text);
      if (parsed !== null) expect(parseDuration(formatDuration(parsed))).toBe(parsed);
    }),
  );
});

test('a size must be a whole number, or none', () => {
  fuzz(
    fc.property(textOf(['0', '1', '512', '.', '-', 'k', 'MiB', 'g', ' '], 8), (text) => {
      const bytes = parseBytes(text);
      if (bytes !== null) expect(Number.isInteger(bytes)).toBe(true);
    }),
  );
});
