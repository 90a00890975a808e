/** Identifiers in Docker's form: 64 hexadecimal digits, 12 in tables, any unambiguous beginning on the command line. */
import { randomBytes } from 'node:crypto';

const shortLength = 12;

/** A random id whose short form is never all digits: scripts and YAML would take that for a number. */
export function createId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (!/^\d+$/.test(shortId(id))) return id;
  }
}

export function isId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

export function shortId(id: string): string {
  return id.slice(0, shortLength);
}

export type PrefixMatch =
  | { readonly kind: 'found'; readonly id: string }
  | { readonly kind: 'ambiguous'; readonly ids: readonly string[] }
  | { readonly kind: 'missing' };

/** The one id that begins with `prefix`. An id that equals it wins; an empty prefix matches nothing. */
export function resolvePrefix(ids: Iterable<string>, prefix: string): PrefixMatch {
  const matches: string[] = [];
  if (prefix === '') return { kind: 'missing' };
  for (const id of ids) {
    if (id === prefix) return { kind: 'found', id };
    if (id.startsWith(prefix)) matches.push(id);
  }
  const [first] = matches;
  if (first === undefined) return { kind: 'missing' };
  return matches.length === 1 ? { kind: 'found', id: first } : { kind: 'ambiguous', ids: matches };
}
