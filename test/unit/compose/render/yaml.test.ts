import fc from 'fast-check';
import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { compareKeys } from '../../../../compose/render/key-order.ts';
import type { RenderNode } from '../../../../compose/render/node.ts';
import { renderYaml } from '../../../../compose/render/yaml.ts';

function nodeOf(value: unknown): RenderNode {
  if (Array.isArray(value)) return value.map(nodeOf);
  if (typeof value !== 'object' || value === null) return value as RenderNode;
  return new Map(Object.entries(value).map(([key, item]) => [key, nodeOf(item)]));
}

test('collections must be laid out as go-yaml lays them out', () => {
  const long = 'k'.repeat(129);
  const value = {
    map: { a: { b: {} } },
    list: ['x', ['y', ['z']], { c: ['d'], e: 1 }, {}, []],
    [long]: ['a', 'b'],
    'two\nlines': { a: 1, b: 'c\n' },
    text: 'kept\n\n',
    last: null,
  };
  expect(renderYaml(nodeOf(value))).toBe(`map:
  a:
    b: {}
list:
  - x
  - - "y"
    - - z
  - c:
      - d
    e: 1
  - {}
  - []
? ${long}
: - a
  - b
? |-
  two
  lines
: a: 1
  b: |
    c
text: |+
  kept

last: null
`);
});

test('what is written must be read as what it was', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({
      unit: fc.constantFrom('a', ' ', '\n', ':', '#', '-', '"', "'", '\\', '1', '.', '\t'),
    }),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(text, tie('tree'), { maxKeys: 3, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(text, tree, { maxKeys: 4, noNullPrototype: true }), (value) => {
      expect(parse(renderYaml(nodeOf(value)), { merge: false })).toEqual(value);
    }),
    { numRuns: 500, seed: 1 },
  );
});

test.each([
  ['a2', 'a10'],
  ['a', 'a1'],
  ['1a', '10'],
  ['+', '1'],
  ['9', 'A'],
  ['B', 'a'],
  ['a-b', 'a_b'],
  ['a_b', 'ab'],
  ['100', '1000'],
  ['12:30', '190:20'],
  ['a1', 'a01'],
  ['a1', 'a02'],
  ['\u00ad', '1'],
  ['a', 'é'],
])('the key %j must come before %j', (left, right) => {
  expect([compareKeys(left, right) < 0, compareKeys(right, left) > 0]).toEqual([true, true]);
});
