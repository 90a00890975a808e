/** What is derived from the description of a compose file: the schema that ajv compiles, and the one for editors. */
import { composeFile } from './project.ts';
import type { JsonSchema } from './shapes.ts';

/** What only editors read; ajv would carry it into the code it generates. */
const notes = new Set(['default', 'deprecated', 'deprecationMessage', 'description', 'examples']);

/** After interpolation and before canonical form. */
export const composeSchema: JsonSchema = {
  definitions: eachOf(composeFile.definitions, withoutNotes),
  ...withoutNotes(composeFile.schema),
};

/** A string in which something is substituted. */
const variable = String.raw`\$`;

/** JSON Schema for editors, which read a file before interpolation: a variable may stand for every scalar. */
export const editorSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Compose file',
  description: 'A Compose file as tscompose reads it.',
  ...withVariables(composeFile.schema),
  definitions: eachOf(composeFile.definitions, withVariables),
};

/** Values of an enum are an alternative of their own, since editors offer them from there. */
function withVariables(schema: JsonSchema): JsonSchema {
  const changed = eachPart(schema, withVariables);
  const { type, enum: values, pattern, ...others } = changed;
  if (values !== undefined)
    return {
      ...others,
      anyOf: [
        { type, enum: values },
        { type: 'string', pattern: variable },
      ],
    };
  if (typeof pattern === 'string') return { ...changed, pattern: `(${pattern})|${variable}` };
  const isScalar = type === 'boolean' || type === 'number' || type === 'integer';
  return isScalar ? { ...others, type: [type, 'string'], pattern: variable } : changed;
}

function withoutNotes(schema: JsonSchema): JsonSchema {
  const kept = Object.entries(schema).filter(([keyword]) => !notes.has(keyword));
  return eachPart(Object.fromEntries(kept), withoutNotes);
}

/** The schema with its direct parts changed. */
function eachPart(schema: JsonSchema, change: (part: JsonSchema) => JsonSchema): JsonSchema {
  const changed: Record<string, unknown> = { ...schema };
  for (const keyword of ['properties', 'patternProperties']) {
    const parts = schema[keyword] as Readonly<Record<string, JsonSchema>> | undefined;
    if (parts !== undefined) changed[keyword] = eachOf(parts, change);
  }
  if (schema['items'] !== undefined) changed['items'] = change(schema['items'] as JsonSchema);
  return changed;
}

function eachOf(
  schemas: Readonly<Record<string, JsonSchema>>,
  change: (schema: JsonSchema) => JsonSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, change(schema)]),
  );
}
