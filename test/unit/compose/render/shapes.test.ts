import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { projectShape, type Shape } from '../../../../compose/render/shapes.ts';

interface SchemaNode {
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

const schema = JSON.parse(
  readFileSync(new URL('../../../../compose/schema/compose.schema.json', import.meta.url), 'utf8'),
) as SchemaNode;

/** Attributes that loading turns into others, or that nobody prints. */
const consumed = new Set([
  'include',
  'version',
  'services.*.extends',
  ...['networks', 'volumes', 'secrets', 'configs'].map((kind) => `${kind}.*.external`),
]);

function resolved(node: SchemaNode): SchemaNode {
  if (node.$ref === undefined) return node;
  return resolved(schema.definitions?.[node.$ref.replace('#/definitions/', '')] ?? {});
}

/** Attributes of the schema that the shape does not know. */
function missing(schemaNode: SchemaNode, shape: Shape | null, path: string): string[] {
  const { properties, patternProperties, items } = resolved(schemaNode);
  const at = (step: string): string => (path === '' ? step : `${path}.${step}`);
  if (shape !== null && shape.kind !== 'object') {
    const isList = shape.kind === 'list';
    const inner = isList ? [items ?? {}] : Object.values(patternProperties ?? {});
    return inner.flatMap((value) => missing(value, shape.of, at(isList ? '[]' : '*')));
  }
  return Object.entries(properties ?? {}).flatMap(([name, value]) => {
    if (consumed.has(at(name))) return [];
    if (shape === null || !shape.order.has(name)) return [at(name)];
    return missing(value, shape.order.get(name) ?? null, at(name));
  });
}

test('every attribute of the schema must have its place', () => {
  expect(missing(schema, projectShape, '')).toEqual([]);
});
