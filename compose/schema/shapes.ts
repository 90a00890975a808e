/**
 * What the schema of every object is made of. A shape is a JSON Schema that also knows, as a type, what the loader makes
 * of a value: the input may be a short form ("80:80"), the canonical form is what the rest of compose/ works with. So
 * one description of an object gives the check of a file (validator.ts), the schema for editors (editor.ts) and the
 * static type (Canonical, named in model/).
 *
 * One attribute that takes several JSON types is ONE schema with several types, never a union of schemas: keywords
 * speak of their own type only, so an error is about what the user wrote and not about the forms they did not choose.
 */

export type JsonSchema = Readonly<Record<string, unknown>>;

declare const canonical: unique symbol;

export interface Shape<T> {
  /** With description, default, examples and deprecated, which only editors are given. */
  readonly schema: JsonSchema;
  /** What `$ref`s in the schema lead to. */
  readonly definitions: Readonly<Record<string, JsonSchema>>;
  /** No value has it: it carries the type of the canonical form. */
  readonly [canonical]?: T;
}

/** What the loader makes of a value of this shape. */
export type Canonical<S extends Shape<unknown>> = S extends Shape<infer T> ? T : never;

function shapeOf<T>(schema: JsonSchema, parts: readonly Shape<unknown>[] = []): Shape<T> {
  const definitions: Record<string, JsonSchema> = {};
  for (const part of parts) Object.assign(definitions, part.definitions);
  return { schema, definitions };
}

export const string: Shape<string> = shapeOf({ type: 'string' });
export const number: Shape<number> = shapeOf({ type: 'number' });
export const integer: Shape<number> = shapeOf({ type: 'integer' });
export const boolean: Shape<boolean> = shapeOf({ type: 'boolean' });
export const nothing: Shape<null> = shapeOf({ type: 'null' });
export const anyObject: Shape<Readonly<Record<string, unknown>>> = shapeOf({ type: 'object' });

/** Narrower than a type alone: bounds, patterns. */
export function limited<T>(shape: Shape<T>, keywords: JsonSchema): Shape<T> {
  return shapeOf({ ...shape.schema, ...keywords }, [shape]);
}

export function oneOf<const V extends string>(...values: readonly V[]): Shape<V> {
  return shapeOf({ type: 'string', enum: values });
}

/** Several shapes of different JSON types, all of which the loader keeps. */
export function either<S extends readonly Shape<unknown>[]>(
  ...shapes: S
): Shape<Canonical<S[number]>> {
  const types: unknown[] = [];
  const merged: Record<string, unknown> = {};
  for (const { schema } of shapes) {
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === 'type') types.push(...[value].flat());
      // These speak of every type.
      else if (keyword === 'enum' || keyword in merged)
        throw new TypeError(`"${keyword}" cannot be merged`);
      else merged[keyword] = value;
    }
  }
  return shapeOf({ ...merged, type: [...new Set(types)] }, shapes);
}

/** A canonical form, and the other forms in which it may be written. */
export function withShort<T>(long: Shape<T>, ...short: readonly Shape<unknown>[]): Shape<T> {
  return become<T>(either(long, ...short));
}

/** What is written in a shape becomes a value of a type the shape does not show: `20` becomes `"20"`. */
export function become<T>(written: Shape<unknown>): Shape<T> {
  return shapeOf(written.schema, [written]);
}

/** Strings stand for numbers and booleans so that `${VAR}` can; casts.ts has the last word on them. */
export const flag: Shape<boolean> = withShort(boolean, string);
export const numeric: Shape<number> = withShort(number, string);
export const wholeNumber: Shape<number> = withShort(integer, string);
/** A number where a text is meant. */
export const text: Shape<string> = withShort(string, number);
/** Canonical: bytes as a decimal string. */
export const bytes: Shape<string> = withShort(string, number);

export interface Notes {
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  /** What to write instead. */
  readonly deprecated?: string;
}

/**
 * optional: absent where it was not written. required: must be written. filled: may be left out, but no loaded project
 * is without it. consumed: the loader turns it into something else.
 */
export type Presence = 'optional' | 'required' | 'filled' | 'consumed';

export interface Attribute<T, P extends Presence = Presence> {
  readonly shape: Shape<T>;
  readonly presence: P;
}

type Declare<P extends Presence> = <T>(
  description: string,
  shape: Shape<T>,
  notes?: Notes,
) => Attribute<T, P>;

const declare =
  <P extends Presence>(presence: P): Declare<P> =>
  (description, shape, notes = {}) => ({ shape: about(description, shape, notes), presence });

export const optional: Declare<'optional'> = declare('optional');
export const required: Declare<'required'> = declare('required');
export const filled: Declare<'filled'> = declare('filled');
export const consumed: Declare<'consumed'> = declare('consumed');

/** A shape with what an editor says of it. */
export function about<T>(description: string, shape: Shape<T>, notes: Notes = {}): Shape<T> {
  const { deprecated, ...others } = notes;
  const end = deprecated === undefined ? {} : { deprecated: true, deprecationMessage: deprecated };
  return shapeOf({ ...shape.schema, description, ...others, ...end }, [shape]);
}

export type Attributes = Readonly<Record<string, Attribute<unknown>>>;

/** One object instead of an intersection, which is how a compiler's message then prints it. */
type Flat<T> = T extends infer O ? { readonly [K in keyof O]: O[K] } : never;
type Value<A> = A extends Attribute<infer T> ? T : never;
type KeysOf<A, P extends Presence> = {
  [K in keyof A]: A[K] extends Attribute<unknown, P> ? K : never;
}[keyof A];

/** The canonical form of an object with these attributes. */
export type ObjectOf<A> = Flat<
  { [K in KeysOf<A, 'optional'>]?: Value<A[K]> } & {
    [K in KeysOf<A, 'required' | 'filled'>]: Value<A[K]>;
  }
>;

/** `x-…`: anything, in every object whose keys are fixed. */
const extensions = { '^x-': {} };

/** An object with fixed keys. */
export function object<A extends Attributes>(attributes: A): Shape<ObjectOf<A>> {
  const { schema, definitions } = closedObject(attributes);
  return { schema: { ...schema, patternProperties: extensions }, definitions };
}

/** As object(), for the few that have no room for `x-…` in the specification. */
export function closedObject<A extends Attributes>(attributes: A): Shape<ObjectOf<A>> {
  const entries = Object.entries(attributes);
  const names = entries.flatMap(([name, { presence }]) => (presence === 'required' ? [name] : []));
  const properties = Object.fromEntries(entries.map(([name, { shape }]) => [name, shape.schema]));
  return shapeOf(
    {
      type: 'object',
      ...(names.length > 0 && { required: names }),
      properties,
      additionalProperties: false,
    },
    entries.map(([, { shape }]) => shape),
  );
}

/** A map whose keys the user chooses. */
export function mapOf<T>(value: Shape<T>, keys = '.+'): Shape<Readonly<Record<string, T>>> {
  return shapeOf(
    { type: 'object', patternProperties: { [keys]: value.schema }, additionalProperties: false },
    [value],
  );
}

export function listOf<T>(item: Shape<T>): Shape<readonly T[]> {
  return shapeOf({ type: 'array', items: item.schema }, [item]);
}

/**
 * Values without repetition. Of scalars only: ajv finds those in one pass, but compares all other items with each
 * other.
 */
export function setOf<T extends string | number>(item: Shape<T>): Shape<readonly T[]> {
  if (item.schema['type'] === undefined) throw new TypeError('a set is made of scalars');
  return shapeOf({ type: 'array', items: item.schema, uniqueItems: true }, [item]);
}

/** A shape that several objects use: it is in the schema once. */
export function shared<T>(name: string, shape: Shape<T>): Shape<T> {
  return {
    schema: { $ref: `#/definitions/${name}` },
    definitions: { ...shape.definitions, [name]: shape.schema },
  };
}

/** Names of services and resources. */
export const nameKeys = '^[a-zA-Z0-9._-]+$';
