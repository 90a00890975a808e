/**
 * JSON values into typed ones, as tolerant as Go's decoder, which clients are written against: field names match in any
 * case, unknown fields are ignored, null stands for "not given" anywhere. A wrong type is the client's error.
 */
import { EngineError } from '../../api/index.ts';

/** `path` is where the value stands, for the error message. */
export type Decoder<T> = (value: unknown, path: string) => T;

/** Every key of the type, so that a field added to the contract does not compile until it is decoded. */
export type Fields<T> = { readonly [Key in keyof T]-?: Decoder<NonNullable<T[Key]>> };

export const text: Decoder<string> = (value, path) => {
  if (typeof value === 'string') return value;
  throw wrongType(path, 'a string', value);
};

export const flag: Decoder<boolean> = (value, path) => {
  if (typeof value === 'boolean') return value;
  throw wrongType(path, 'true or false', value);
};

export const integer: Decoder<number> = (value, path) => {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw wrongType(path, 'a whole number', value);
};

/** `{}`: what the keys of a set map to. */
export const emptyObject: Decoder<object> = (value, path) => {
  asObject(value, path);
  return {};
};

/** Go's zero value for an item that is null. */
export function list<T>(item: Decoder<T>, zero?: T): Decoder<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrongType(path, 'a list', value);
    return value.flatMap((entry: unknown, index) => {
      if (entry === null) return zero === undefined ? [] : [zero];
      return [item(entry, `${path}[${index}]`)];
    });
  };
}

export const texts: Decoder<readonly string[]> = list(text, '');

/** Cmd and Entrypoint: a bare string is a list of one. */
export const textOrTexts: Decoder<readonly string[]> = (value, path) =>
  typeof value === 'string' ? [value] : texts(value, path);

/** Keys are data here, and stay as they are. */
export function map<T>(item: Decoder<T>, zero: T): Decoder<Readonly<Record<string, T>>> {
  return (value, path) =>
    // fromEntries defines properties, so a key `__proto__` is a key like any other.
    Object.fromEntries(
      Object.entries(asObject(value, path)).map(([key, entry]) => [
        key,
        entry === null ? zero : item(entry, `${path}.${key}`),
      ]),
    );
}

export const textMap: Decoder<Readonly<Record<string, string>>> = map(text, '');
export const keySet: Decoder<Readonly<Record<string, object>>> = map(emptyObject, {});

export function record<T extends object>(fields: Fields<T>): Decoder<T> {
  const byLowerCase = new Map(
    Object.keys(fields).map((name) => [name.toLowerCase(), name as keyof T & string]),
  );
  return (value, path) => {
    const decoded: [string, unknown][] = [];
    for (const [key, entry] of Object.entries(asObject(value, path))) {
      const name = byLowerCase.get(key.toLowerCase());
      if (name === undefined || entry === null) continue;
      const decode: Decoder<unknown> = fields[name];
      decoded.push([name, decode(entry, path === '' ? name : `${path}.${name}`)]);
    }
    return Object.fromEntries(decoded) as T;
  };
}

/** The text of a body. `limit` is checked by whoever read it. */
export function decodeJson<T>(body: string, decoder: Decoder<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'not JSON';
    throw new EngineError('invalid-argument', `invalid JSON in the request body: ${why}`, {
      cause,
    });
  }
  return decoder(value ?? {}, '');
}

function asObject(value: unknown, path: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw wrongType(path, 'an object', value);
}

function wrongType(path: string, expected: string, value: unknown): EngineError {
  const where = path === '' ? 'the request body' : `field ${path} of the request body`;
  return new EngineError('invalid-argument', `${where} must be ${expected}, not ${nameOf(value)}`);
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return `the number ${value}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
