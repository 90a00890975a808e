import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readWithLibrary } from '../../../../../compose/load/yaml/library.ts';
import { readPlainYaml } from '../../../../../compose/load/yaml/plain.ts';
import { fuzz, mutationsOf } from '../../lib/fuzz.ts';
import { composeFiles, yamlDocuments, yamlPieces } from '../../lib/yaml-texts.ts';

const limits = {
  maxDepth: 200,
  maxTokens: 100_000,
  maxNodes: 10_000,
  maxDocuments: 100,
  maxMistakes: 100,
};

/** The plain reader may leave a text to the library; where it does not, both must say the same. */
function expectSame(text: string): void {
  const read = readPlainYaml(text, 10_000);
  if (read === null) return;
  const [document, ...others] = readWithLibrary(text, limits);
  expect(others).toEqual([]);
  expect(document?.errors).toEqual([]);
  expect(read).toEqual(document?.contents);
}

test.each(composeFiles.slice(0, 2))(
  'a file that says nothing unusual must be read plainly',
  (text) => {
    expect(readPlainYaml(text, 10_000)).not.toBeNull();
    expectSame(text);
  },
);

test('what the plain reader makes of mutated files must be what the library makes of them', () => {
  fuzz(fc.property(mutationsOf(composeFiles, yamlPieces), expectSame));
});

test('what the plain reader makes of a grammar must be what the library makes of it', () => {
  fuzz(fc.property(yamlDocuments, expectSame));
});

test.each([
  ['a: b\n', 'a text of one entry'],
  ['---\na: b\n', 'a marker in the first line'],
  ['a:\n- b\n- c: d\n  e: f\n', 'a list below its key'],
  ['a: "b\\n" # c\n', 'quotes and a comment'],
  ['a: |\n  b\n\n  c\n\n# d\n', 'a block scalar'],
  ['a: [b, {c: d},\n  e]\n', 'brackets over two lines'],
  ['a: &b {c: d}\ne: *b\n', 'an anchor'],
])('%j must be read plainly: %s', (text) => {
  expect(readPlainYaml(text, 100)).not.toBeNull();
  expectSame(text);
});

test.each([
  ['a: b\na\n', 'a line without a colon'],
  ['a:\n\tb: c\n', 'a tab'],
  ['a: b: c\n', 'two colons'],
  ['a: [b\n', 'an open bracket'],
  ['? a\n: b\n', 'an explicit key'],
  ['a: b\n  c\n', 'a scalar on two lines'],
  ['a: "b\n  c"\n', 'quotes over two lines'],
  ['a: !!str 1\n', 'a tag of YAML'],
  ['a: b\n---\nc: d\n', 'two documents'],
  ['', 'nothing'],
])('%j must be left to the library: %s', (text) => {
  expect(readPlainYaml(text, 100)).toBeNull();
});
