import { composeSchema } from '../../../../compose/schema/derive.ts';

type Schema = Readonly<Record<string, unknown>>;

/** A place in a compose file where a mapping can stand, found by walking the schema. */
export interface MapPosition {
  /** "services.*.ports.[]": as path tables write it. */
  readonly path: string;
  /** What its keys look like where the user chooses them, else null. */
  readonly names: RegExp | null;
  /** A file with a mapping of one entry there. */
  readonly fileWith: (key: string, value?: string) => string;
}

/** Every one of them: a new attribute of the schema is among them by itself. */
export function mapPositions(): MapPosition[] {
  return [...positionsIn(composeSchema, { path: [], wrap: (inner) => inner })];
}

interface Place {
  readonly path: readonly string[];
  readonly wrap: (inner: string) => string;
}

function* positionsIn(given: Schema, { path, wrap }: Place): Generator<MapPosition> {
  const schema = resolved(given);
  const properties = entriesOf(schema, 'properties');
  const patterns = entriesOf(schema, 'patternProperties').filter(([key]) => key !== '^x-');
  if (properties.length + patterns.length > 0) {
    const sample = patterns[0] === undefined ? 'v' : sampleOf(patterns[0][1]);
    yield {
      path: path.join('.'),
      names: patterns[0] === undefined ? null : new RegExp(patterns[0][0]),
      fileWith: (key, value = sample) => wrap(`{${JSON.stringify(key)}: ${value}}`),
    };
  }
  for (const [key, part] of properties) {
    yield* positionsIn(
      part,
      below(key, (inner) => `{${JSON.stringify(key)}: ${inner}}`),
    );
  }
  for (const [, part] of patterns) {
    yield* positionsIn(
      part,
      below('*', (inner) => `{"name": ${inner}}`),
    );
  }
  if (schema['items'] !== undefined) {
    yield* positionsIn(
      schema['items'] as Schema,
      below('[]', (inner) => `[${inner}]`),
    );
  }

  function below(step: string, put: (inner: string) => string): Place {
    return { path: [...path, step], wrap: (inner) => wrap(put(inner)) };
  }
}

function resolved(schema: Schema): Schema {
  const name = /^#\/definitions\/(.+)$/.exec(String(schema['$ref']))?.[1];
  if (name === undefined) return schema;
  return (composeSchema['definitions'] as Readonly<Record<string, Schema>>)[name] ?? {};
}

function entriesOf(schema: Schema, keyword: string): [string, Schema][] {
  return Object.entries((schema[keyword] as Readonly<Record<string, Schema>> | undefined) ?? {});
}

/** A value that a schema takes. */
function sampleOf(given: Schema): string {
  const schema = resolved(given);
  const types = [schema['type'] ?? 'object'].flat();
  if (types.includes('string')) return '"v"';
  if (types.includes('null')) return '';
  return types.includes('object') ? '{}' : '[]';
}
