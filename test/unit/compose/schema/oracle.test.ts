import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { composeSchema } from '../../../../compose/schema/derive.ts';

/** The specification's own schema, where the machine has it: ours must know every key it knows. */
const oracle = new URL('../../../../../shared/reference/compose-spec.json', import.meta.url);

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
}

/** Every path of keys: `services.*.build.args`, `services.*.ports.[].target`. */
function pathsOf(root: Schema): Set<string> {
  const paths = new Set<string>();
  const visit = (schema: Schema, path: string): void => {
    if (schema.$ref !== undefined) {
      const target = schema.$ref
        .slice(2)
        .split('/')
        .reduce((at: unknown, key) => (at as Record<string, unknown>)[key], root);
      visit(target as Schema, path);
    }
    for (const branch of schema.oneOf ?? []) visit(branch, path);
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      paths.add(`${path}${key}`);
      visit(value, `${path}${key}.`);
    }
    for (const [key, value] of Object.entries(schema.patternProperties ?? {})) {
      if (key !== '^x-') visit(value, `${path}*.`);
    }
    if (schema.items !== undefined) visit(schema.items, `${path}[].`);
  };
  visit(root, '');
  return paths;
}

test.skipIf(!existsSync(oracle))(
  'every attribute of the specification must be in our schema',
  () => {
    const specification = pathsOf(JSON.parse(readFileSync(oracle, 'utf8')) as Schema);
    const ours = pathsOf(composeSchema);
    expect(specification.size).toBeGreaterThan(300);
    expect([...specification].filter((path) => !ours.has(path))).toEqual([]);
  },
);

test('what is ours beyond the specification of the oracle must be known', () => {
  const later = [
    'services.*.build.no_cache_filter',
    'services.*.develop.watch.[].exec.image',
    'services.*.develop.watch.[].exec.per_replica',
    'services.*.pre_start',
  ];
  const ours = pathsOf(composeSchema);
  expect(later.filter((path) => !ours.has(path))).toEqual([]);
});
