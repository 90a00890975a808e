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
  if (isTimestamp(text)) return { kind: 'timestamp' };
  return { kind: 'value', value: integer(text) ?? float(text) ?? text };
}

/** The forms that go-yaml knows: a date; a date and a time; with "T" between them also a zone. */
function isTimestamp(text: string): boolean {
  const match =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?)?$/.exec(
      text,
    );
  if (match === null) return false;
  const [year = 0, month = 0, day = 0, ...time] = match.slice(1).map(Number);
  const [hour = 0, minute = 0, second = 0] = time.filter((part) => !Number.isNaN(part));
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= days;
  return isDate && hour < 24 && minute < 60 && second < 60;
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

/** Numbers that JSON cannot say are texts: nothing in a compose file is infinite. */
function float(text: string): number | string | null {
  const plain = text.replaceAll('_', '');
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain)) {
    const value = Number(plain);
    return Number.isFinite(value) ? value : text;
  }
  if (/^[-+]?\.(inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? '-Inf' : '+Inf';
  return /^\.(nan|NaN|NAN)$/.test(text) ? 'NaN' : null;
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
  const size = Math.abs(value);
  const isLong = !Number.isInteger(value) && size >= 1e6;
  if (size !== 0 && (size < 1e-4 || isLong || size >= 1e21)) {
    return value.toExponential().replace(/e([-+])(\d)$/, 'e$10$2');
  }
  return String(value);
}
