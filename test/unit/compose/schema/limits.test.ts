import { expect, test } from 'vitest';
import { Findings, positionOf } from '../../../../compose/load/findings.ts';
import { parse } from '../../../../compose/load/parse.ts';
import { spansAt } from '../../../../compose/load/tree.ts';
import { composeSchema } from '../../../../compose/schema/derive.ts';
import { validateTree } from '../../../../compose/schema/validate.ts';

/** Every list in which nothing may stand twice. */
function setsOf(schema: unknown): Readonly<Record<string, unknown>>[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = schema as Readonly<Record<string, unknown>>;
  return [...(own['uniqueItems'] === true ? [own] : []), ...Object.values(own).flatMap(setsOf)];
}

test('sets must be of scalars, which ajv compares in one pass', () => {
  const sets = setsOf(composeSchema);
  expect(sets.length).toBeGreaterThan(10);
  for (const { items } of sets) {
    const { type } = items as { readonly type?: string | readonly string[] };
    expect(['string', 'number']).toEqual(expect.arrayContaining([type].flat()));
  }
});

test('of very many mistakes every one must be found, and the first ones with advice', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `s${index}`);
  const services = Object.fromEntries(names.map((name) => [name, { prots: [] }]));
  const start = performance.now();
  const found = validateTree({ services });
  expect(performance.now() - start).toBeLessThan(3000);
  expect(found).toHaveLength(20_000);
  expect([found[0]?.label, found.at(-1)?.label]).toEqual(['did you mean "ports"?', undefined]);
});

test('places in a long file must be found without counting its lines again', () => {
  const lines = Array.from({ length: 50_000 }, (_, index) => `x-${index}: 1`);
  const source = { file: 'compose.yaml', shown: 'compose.yaml', text: lines.join('\n') };
  const [document] = parse(source, new Findings());
  const root = document?.root ?? {};
  const start = performance.now();
  const places = Object.keys(root).map((key) => {
    const { value } = spansAt(root, key);
    return value === null ? null : positionOf(value);
  });
  expect(performance.now() - start).toBeLessThan(1000);
  expect(places[0]).toEqual({ file: 'compose.yaml', line: 1, column: 6 });
  expect(places.at(-1)).toEqual({ file: 'compose.yaml', line: 50_000, column: 10 });
});
