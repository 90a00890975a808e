import { expect, test } from 'vitest';
import { errorText, loadText } from '../lib/host.ts';

type Files = Readonly<Record<string, string>>;

function load(attributes: string, files: Files, environment: Files = {}) {
  const all = Object.entries(files).map(([name, content]) => [`/shop/${name}`, content]);
  const text = `services: {a: {image: x, ${attributes}}}`;
  return loadText(text, { files: Object.fromEntries(all) as Files, environment }).project.services[
    'a'
  ];
}

/** Rows IN-15 to IN-18. */
test.each<readonly [string, string, Files, Record<string, string | null>]>([
  ['one file', 'env_file: e', { e: 'A=1' }, { A: '1' }],
  ['the last file wins', 'env_file: [e, f]', { e: 'A=1\nB=1', f: 'B=2' }, { A: '1', B: '2' }],
  ['a file sees those before', 'env_file: [e, f]', { e: 'A=1', f: 'B=${A}2' }, { A: '1', B: '12' }],
  [
    'the attribute wins, even when it is empty',
    'env_file: e, environment: {A: ""}',
    { e: 'A=1\nB=2' },
    { A: '', B: '2' },
  ],
  [
    'a valueless entry unsets',
    'env_file: e, environment: [A]',
    { e: 'A=1\nB=2' },
    { A: null, B: '2' },
  ],
  [
    'a valueless entry takes the value of the shell',
    'env_file: e, environment: [S]',
    { e: 'S=1' },
    { S: 'shell' },
  ],
  ['a valueless key in a file as well', 'env_file: e', { e: 'S\nT\n' }, { S: 'shell' }],
  ['the shell is seen before the file', 'env_file: e', { e: 'S=1\nA=$S' }, { S: '1', A: 'shell' }],
  ['.env is seen', 'env_file: e', { e: 'A=$D', '.env': 'D=dot' }, { A: 'dot' }],
  [
    'a missing file that may be',
    'env_file: [{path: e, required: false}, f]',
    { f: 'A=1' },
    { A: '1' },
  ],
  [
    'raw',
    'env_file: [{path: e, format: raw}]',
    { e: 'A="$S" #\n# c\nS' },
    { A: '"$S" #', S: 'shell' },
  ],
  ['no format', 'env_file: [{path: e, format: ""}]', { e: 'A="1"' }, { A: '1' }],
])('variables: %s', (_name, attributes, files, expected) => {
  expect(load(attributes, files, { S: 'shell' })?.environment).toEqual(expected);
});

test('labels of a file must know no variables but its own', () => {
  const files = { l: 'a=1\nb=${a}2$S\nc="x y" # z\nS\n', m: 'a=2' };
  const own = load('label_file: [l, m], labels: {d: own}', files, { S: 'shell' });
  expect(own?.labels).toEqual({ a: '2', b: '12', c: 'x y', d: 'own' });
});

test.each<readonly [string, string, Files, RegExp]>([
  [
    'a missing file',
    'env_file: e',
    {},
    /env file "\/shop\/e" cannot be read: no such file\n +--> compose\.yaml:1:36/,
  ],
  ['a directory', 'env_file: [{path: e, required: false}]', { 'e/x': '' }, /it is a directory/],
  [
    'an unknown format',
    'env_file: [{path: e, format: json}]',
    { e: '' },
    /unsupported env_file format "json"/,
  ],
  ['a mistake in a file', 'env_file: e', { e: 'A=1\nB C=2' }, /--> e:2:1/],
  [
    'a variable that a file requires',
    'env_file: e',
    { e: 'A=${NO:?why}' },
    /"NO" must be set: why\n +--> e:1:3/,
  ],
])('%s must be an error at its place', (_name, attributes, files, expected) => {
  expect(errorText(() => load(attributes, files))).toMatch(expected);
});
