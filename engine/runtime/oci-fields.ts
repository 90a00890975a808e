/**
 * JSON from outside → checked values. A reader takes a value and the name of its field, as a person would write it
 * ("process.rlimits[0].soft"), and returns what it is or throws EngineError `invalid-argument` with that name.
 */
import { EngineError } from '../api/index.ts';

export type Reader<T> = (value: unknown, field: string) => T;

/** Numbers that JavaScript would round arrive as text behind this mark, which no text of a file begins with. */
const bigMark = '\u0001';

/** Throws EngineError for what is no JSON. Integers of any size are kept exactly. */
export function parseExactJson(text: string, what: string): unknown {
  const exact = text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) =>
    token.startsWith('"') ? token.replaceAll('\\u0001', '\ufffd') : `"\\u0001${token}"`,
  );
  try {
    return JSON.parse(exact) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError('invalid-argument', `${what} is no JSON: ${reason}`, { cause: error });
  }
}

export function refuse(field: string, reason: string): never {
  throw new EngineError('invalid-argument', `${field} ${reason}`);
}

export const text: Reader<string> = (value, field) => {
  if (typeof value !== 'string' || value.startsWith(bigMark)) refuse(field, 'is no text');
  if (value.includes('\0')) refuse(field, 'has a NUL in it');
  return value;
};

export const flag: Reader<boolean> = (value, field) => {
  if (typeof value !== 'boolean') refuse(field, 'is neither true nor false');
  return value;
};

/** Up to 64 bits, with or without sign. */
export const integer64: Reader<bigint> = (value, field) => {
  const found = bigOf(value);
  if (found === null) return refuse(field, 'is no integer');
  if (found < -(2n ** 63n) || found >= 2n ** 64n) refuse(field, 'has more than 64 bits');
  return found;
};

function bigOf(value: unknown): bigint | null {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value !== 'string' || !value.startsWith(bigMark)) return null;
  return BigInt(value.slice(1));
}

/** Limits of bytes may be the largest number there is, which means the same as one that is exact. */
export const integer: Reader<number> = (value, field) => Number(integer64(value, field));

export function integerBetween(least: number, most: number): Reader<number> {
  return (value, field) => {
    const found = integer(value, field);
    if (found < least || found > most) refuse(field, `is ${found}, not from ${least} to ${most}`);
    return found;
  };
}

/** An id of a user or group. */
export const id32: Reader<number> = integerBetween(0, 0xffff_fffe);

export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value, field) => {
    // What Go writes for none.
    if (value === null) return [];
    if (!Array.isArray(value)) return refuse(field, 'is no list');
    return value.map((entry, index) => item(entry, `${field}[${index}]`));
  };
}

export function map<T>(item: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, field) => {
    if (value === null) return {};
    const entries = Object.entries(objectOf(value, field));
    return Object.fromEntries(entries.map(([key, entry]) => [key, item(entry, `${field}.${key}`)]));
  };
}

export function oneOf<const Value extends string>(values: readonly Value[]): Reader<Value> {
  return (value, field) => {
    const found = values.find((known) => known === value);
    if (found === undefined) {
      const written = typeof value === 'string' ? `"${value}"` : 'no text';
      return refuse(field, `is ${written}, not one of ${values.join(', ')}`);
    }
    return found;
  };
}

type Optional<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

/** A reader for every key; of a key that may be missing for when it is there. */
export type Fields<T> = {
  readonly required: { readonly [K in Exclude<keyof T, Optional<T>>]: Reader<T[K]> };
  readonly optional: { readonly [K in Optional<T>]: Reader<Exclude<T[K], undefined>> };
};

/** Keys that are not named are passed over: a runtime must not refuse what a later version adds (config.md). */
export function object<T extends object>({ required, optional }: Fields<T>): Reader<T> {
  const must = Object.entries<Reader<unknown>>(required);
  const may = Object.entries<Reader<unknown>>(optional);
  return (value, field) => {
    const given = objectOf(value, field === '' ? 'the configuration' : field);
    const inside = (key: string): string => (field === '' ? key : `${field}.${key}`);
    const found: Record<string, unknown> = {};
    for (const [key, read] of must) {
      if (given[key] === undefined || given[key] === null) refuse(inside(key), 'is missing');
      found[key] = read(given[key], inside(key));
    }
    for (const [key, read] of may) {
      // Go writes null for a pointer without a value.
      if (given[key] === undefined || given[key] === null) continue;
      found[key] = read(given[key], inside(key));
    }
    return found as T;
  };
}

function objectOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(field, 'is no object');
  }
  return value as Readonly<Record<string, unknown>>;
}
