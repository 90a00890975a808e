/**
 * What the schema of every object is made of. One attribute that takes several JSON types is ONE schema with several
 * types, never a union of schemas: keywords speak of their own type only, so an error is about what the user wrote
 * and not about the forms they did not choose.
 */
import { type TSchema, Type } from 'typebox';

/** `x-…`: anything, in every object whose keys are fixed. */
const extensions = { '^x-': Type.Unknown() };

export const string: TSchema = Type.String();
export const number: TSchema = Type.Number();
export const integer: TSchema = Type.Integer();
export const nothing: TSchema = Type.Null();
/** Strings stand for numbers and booleans so that `${VAR}` can; casts.ts has the last word on them. */
export const boolOrString: TSchema = either(Type.Boolean(), string);
export const numberOrString: TSchema = either(number, string);
export const integerOrString: TSchema = either(integer, string);
export const scalar: TSchema = either(string, number, Type.Boolean(), nothing);
export const stringOrNumber: TSchema = either(string, number);

export type Attributes = Readonly<Record<string, TSchema>>;

/** An object with fixed keys, all optional but those named. */
export function object(attributes: Attributes, required: readonly string[] = []): TSchema {
  return Type.Object(optional(attributes, required), {
    additionalProperties: false,
    patternProperties: extensions,
  });
}

/** As object(), for the few that have no room for `x-…` in the specification. */
export function closedObject(attributes: Attributes, required: readonly string[] = []): TSchema {
  return Type.Object(optional(attributes, required), { additionalProperties: false });
}

function optional(attributes: Attributes, required: readonly string[]): Record<string, TSchema> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, schema]) => [
      name,
      required.includes(name) ? schema : Type.Optional(schema),
    ]),
  );
}

/** A map whose keys the user chooses. */
export function mapOf(value: TSchema, keys = '.+'): TSchema {
  return Type.Unsafe({
    type: 'object',
    patternProperties: { [keys]: value },
    additionalProperties: false,
  });
}

export function listOf(item: TSchema): TSchema {
  return Type.Array(item);
}

/** Values without repetition. */
export function setOf(item: TSchema): TSchema {
  return Type.Array(item, { uniqueItems: true });
}

export function oneOf(...values: readonly string[]): TSchema {
  return Type.Unsafe({ type: 'string', enum: [...values] });
}

/** Several shapes of different JSON types as one schema. */
export function either(...shapes: readonly TSchema[]): TSchema {
  const types: string[] = [];
  const merged: Record<string, unknown> = {};
  for (const shape of shapes as readonly Readonly<Record<string, unknown>>[]) {
    for (const [keyword, value] of Object.entries(shape)) {
      if (keyword === 'type') types.push(...[value as string | string[]].flat());
      // These speak of every type.
      else if (keyword === 'enum' || keyword in merged)
        throw new TypeError(`"${keyword}" cannot be merged`);
      else merged[keyword] = value;
    }
  }
  return Type.Unsafe({ ...merged, type: [...new Set(types)] });
}

/** Names of services and resources. */
export const nameKeys = '^[a-zA-Z0-9._-]+$';

export const definitionNames = [
  'command',
  'deviceRequests',
  'envFile',
  'extraHosts',
  'fileReferences',
  'hook',
  'labels',
  'listOrMap',
  'stringOrList',
  'strings',
  'ulimits',
] as const;
export type DefinitionName = (typeof definitionNames)[number];

/** A shape that several objects share; definitions.ts says what it is. */
export function shared(name: DefinitionName): TSchema {
  return Type.Unsafe({ $ref: `#/$defs/${name}` });
}
