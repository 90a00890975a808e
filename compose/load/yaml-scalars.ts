import type { Scalar, TreeValue } from './tree.ts';

/** A plain scalar as YAML reads it, or what it is instead of a value. */
export type PlainScalar =
  { readonly kind: 'value'; readonly value: Scalar } | { readonly kind: 'timestamp' };

const constants = new Map<string, Scalar>([
  ['', null],
  ['~', null],
  ['null', null],
  ['Null', null],
  ['NULL', null],
  ['true', true],
  ['True', true],
  ['TRUE', true],
  ['false', false],
  ['False', false],
  ['FALSE', false],
]);

/**
 * Resolves what stands without quotes, with the core schema of YAML 1.2 plus the number forms of go-yaml,
 * which existing files rely on: a leading zero is octal, underscores group digits.
 */
export function resolvePlain(text: string): PlainScalar {
  const constant = constants.get(text);
  if (constant !== undefined) return { kind: 'value', value: constant };
  if (!/^[-+.0-9]/.test(text)) return { kind: 'value', value: text };
  if (/^\d{4}-\d{1,2}-\d{1,2}([Tt ]\d{1,2}:\d{1,2}:\d{1,2}|$)/.test(text))
    return { kind: 'timestamp' };
  return { kind: 'value', value: integer(text) ?? float(text) ?? text };
}

function integer(text: string): Scalar | null {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)$/.exec(
    text.replaceAll('_', ''),
  );
  const digits = match?.[2];
  if (digits === undefined) return null;
  const isOldOctal = /^0[0-7]+$/.test(digits);
  const value = Number(isOldOctal ? `0o${digits.slice(1)}` : digits);
  // Beyond 2^53 a number would change its last digits: ids of that size are meant as text.
  if (!Number.isSafeInteger(value)) return text;
  return match?.[1] === '-' && value !== 0 ? -value : value;
}

function float(text: string): number | null {
  const plain = text.replaceAll('_', '');
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain)) return Number(plain);
  if (/^[-+]?\.(inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^\.(nan|NaN|NAN)$/.test(text)) return NaN;
  return null;
}

/** Any value in a message. */
export function shownText(value: TreeValue | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : scalarText(value);
}

/** A scalar where a string is wanted: numbers as Go prints them, null as nothing. */
export function scalarText(value: Scalar): string {
  if (value === null) return '';
  if (typeof value !== 'number') return String(value);
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-4) return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
  return String(value);
}
