import { describe, expect, test } from 'vitest';
import { errorText, loadText } from '../lib/host.ts';

type Files = Readonly<Record<string, string>>;

function load(text: string, files: Files = {}) {
  const all = Object.entries(files).map(([name, content]) => [`/shop/${name}`, content]);
  return loadText(text, { files: Object.fromEntries(all) as Files }).project.services['a'];
}

/** compose-spec 05-services#extends; rows CX-1 to CX-4. */
test.each<readonly [string, string, Files, Record<string, unknown>]>([
  [
    'short form',
    'services: {a: {extends: b}, b: {image: y, tty: true}}',
    {},
    { image: 'y', tty: true },
  ],
  ['long form', 'services: {a: {extends: {service: b}}, b: {image: y}}', {}, { image: 'y' }],
  [
    'own values over',
    'services: {a: {extends: b, image: x}, b: {image: y, tty: true}}',
    {},
    { image: 'x', tty: true },
  ],
  [
    'maps merged',
    'services: {a: {extends: b, labels: {q: "1"}}, b: {image: y, labels: [p=1, q=2]}}',
    {},
    { labels: { p: '1', q: '1' } },
  ],
  [
    'a chain',
    'services: {a: {extends: b}, b: {extends: c, tty: true}, c: {image: z, init: true}}',
    {},
    { image: 'z', tty: true, init: true },
  ],
  [
    'what names other services',
    'services: {a: {extends: b}, b: {image: y, depends_on: [c], links: [c]}, c: {image: z}}',
    {},
    { links: ['c'], depends_on: { c: { condition: 'service_started', required: true } } },
  ],
  [
    'of another file',
    'services: {a: {extends: {file: f.yaml, service: b}}}',
    { 'f.yaml': 'services: {b: {image: y}}' },
    { image: 'y' },
  ],
  [
    'of the same file by name',
    'services: {a: {extends: {file: compose.yaml, service: b}}, b: {image: y}}',
    {},
    { image: 'y' },
  ],
  [
    'of all documents of a file',
    'services: {a: {extends: {file: f.yaml, service: b}}}',
    { 'f.yaml': 'services: {b: {image: y, tty: true}}\n---\nservices: {b: {image: z}}' },
    { image: 'z', tty: true },
  ],
  [
    'override',
    'services: {a: {extends: b, dns: !override [2.2.2.2]}, b: {image: y, dns: 1.1.1.1}}',
    {},
    { dns: ['2.2.2.2'] },
  ],
  [
    'reset in the base',
    'services: {a: {extends: b, dns: [2.2.2.2]}, b: {image: y, dns: !reset 1.1.1.1}}',
    {},
    { dns: ['2.2.2.2'] },
  ],
  [
    'override in the middle of a chain',
    'services: {a: {extends: {file: f.yaml, service: b}, dns: [3.3.3.3]}}',
    {
      'f.yaml':
        'services: {b: {extends: c, dns: !override [2.2.2.2]}, c: {image: y, dns: [1.1.1.1]}}',
    },
    { dns: ['2.2.2.2', '3.3.3.3'] },
  ],
  [
    'of a service without content',
    'services: {a: {image: x, extends: {file: f.yaml, service: b}}}',
    { 'f.yaml': 'services: {b: }' },
    { image: 'x' },
  ],
])('%s must be extended', (...[, text, files, expected]) => {
  expect(load(text, files)).toMatchObject(expected);
});

describe('a reset', () => {
  test('must take from the base', () => {
    const text = 'services: {a: {extends: b, dns: !reset []}, b: {image: y, dns: 1.1.1.1}}';
    expect(load(text)?.dns).toBeUndefined();
  });

  test('must reach the files before, even in a service that extends', () => {
    const override = 'services: {a: {extends: b, dns: !reset []}, b: {image: y}}';
    const files = {
      '/shop/one.yaml': 'services: {a: {image: x, dns: 1.1.1.1}}',
      '/shop/two.yaml': override,
    };
    const request = { files: ['one.yaml', 'two.yaml'] };
    expect(loadText('', { files, request }).project.services['a']?.dns).toBeUndefined();
  });
});

test('paths must be relative to the file that says them', () => {
  const files = {
    's/f.yaml':
      'services: {b: {extends: {file: ../t/g.yaml, service: c}, volumes: ["./b:/b"], env_file: e}}',
    's/e': 'A=1',
    't/g.yaml': 'services: {c: {build: ., volumes: ["./c:/c"]}}',
  };
  const own = load(
    'services: {a: {extends: {file: s/f.yaml, service: b}, volumes: ["./a:/a"]}}',
    files,
  );
  expect(own?.build?.context).toBe('/shop/t');
  expect(own?.volumes?.map(({ source }) => source)).toEqual(['/shop/t/c', '/shop/s/b', '/shop/a']);
  expect(own?.environment).toEqual({ A: '1' });
});

test.each<readonly [string, string, Files, RegExp]>([
  [
    'an undefined service',
    'services: {a: {extends: {service: bse}}, base: {image: y}}',
    {},
    /undefined service "bse"\n +--> compose\.yaml:1:35[^]*did you mean "base"/,
  ],
  [
    'a missing file',
    'services: {a: {extends: {file: f.yaml, service: b}}}',
    {},
    /no such file\n +--> compose\.yaml:1:32/,
  ],
  [
    'an empty file name',
    'services: {a: {extends: {file: "", service: b}}, b: {image: y}}',
    {},
    /it is a directory/,
  ],
  [
    'a file without services',
    'services: {a: {extends: {file: f.yaml, service: b}}}',
    { 'f.yaml': 'volumes: {}' },
    /has no services\n +--> compose\.yaml:1:32/,
  ],
  [
    'itself',
    'services: {a: {extends: a, image: x}}',
    {},
    /in a circle: a → a\n +--> compose\.yaml:1:25/,
  ],
])('%s must be an error at its place', (_name, text, files, expected) => {
  expect(errorText(() => load(text, files))).toMatch(expected);
});

test('a cycle must be one error, with every step', () => {
  const text = 'services:\n  a: {extends: b}\n  b: {extends: {service: c}}\n  c: {extends: a}\n';
  const shown = errorText(() => load(text));
  expect(shown.match(/^error/gm)).toHaveLength(1);
  expect(shown).toContain('a → b → c → a');
  expect(shown).toContain('"b" extends at compose.yaml:3:26');
  expect(shown).toContain('"c" extends at compose.yaml:4:16');
});
