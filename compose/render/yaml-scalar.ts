/**
 * How a scalar is written so that go-yaml v3 reads it back as what it was, in exactly the style that go-yaml itself
 * chooses: its resolver decides what must be quoted, the emitter of libyaml, which it descends from, decides how.
 */

/** Where a scalar stands. A key must fit on its line; a block scalar needs the column of its lines. */
export interface ScalarPlace {
  readonly indent: number;
  readonly isKey: boolean;
}

/** Most texts: words, paths, images, with nothing in them that any rule below is about. */
const harmless = /^[A-Za-z/_](?:[\w./@+=$-]|:(?=[\w/])| (?=[\w/.$-]))*$/u;

export function yamlString(text: string, { indent, isKey }: ScalarPlace): string {
  if (harmless.test(text) && !otherWords.has(text)) return text;
  const traits = traitsOf(text);
  if (text.includes('\n')) {
    if (traits.blockAllowed && !isKey) return literal(text, indent);
    return doubleQuoted(text);
  }
  if (resolvesToOther(text)) return doubleQuoted(text);
  if (traits.plainAllowed) return text;
  return traits.singleAllowed ? singleQuoted(text, indent) : doubleQuoted(text);
}

/** Integers as they are; fractions as Go's shortest `%g`. */
export function yamlNumber(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  const size = Math.abs(value);
  const isShort = Number.isInteger(value) ? size < 1e19 : size >= 1e-4 && size < 1e6;
  if (isShort) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/u, 'e$10$2');
}

/** A key that has line breaks or is longer than libyaml looks back for its ":" is written after a "? ". */
export function fitsAsKey(text: string): boolean {
  if (text.length <= 128 && harmless.test(text)) return true;
  return !anyBreak.test(text) && Buffer.byteLength(text) <= 128;
}

// Line breaks of YAML 1.1.
const anyBreak = /[\r\n\u0085\u2028\u2029]/u;

// What libyaml calls printable: not the tab, nothing beyond the basic plane.
const unprintable = /[^\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u;

interface Traits {
  readonly plainAllowed: boolean;
  readonly singleAllowed: boolean;
  readonly blockAllowed: boolean;
}

/** yaml_emitter_analyze_scalar. */
function traitsOf(text: string): Traits {
  const isSpecial = unprintable.test(text.replaceAll('\t', ''));
  const spaceThenBreak = / [\r\n\u0085\u2028\u2029]/u.test(text);
  const breakThenSpace = /[\r\n\u0085\u2028\u2029] /u.test(text);
  const singleAllowed = !isSpecial && !spaceThenBreak && !breakThenSpace && !text.includes('\t');
  const hasEdge = /^[ \r\n\u0085\u2028\u2029]|[ \r\n\u0085\u2028\u2029]$/u.test(text);
  return {
    plainAllowed: singleAllowed && !hasEdge && !anyBreak.test(text) && !hasIndicator(text),
    singleAllowed,
    blockAllowed: !isSpecial && !spaceThenBreak && !text.endsWith(' '),
  };
}

/** Characters that mean something to YAML where they stand, outside of flow collections. */
function hasIndicator(text: string): boolean {
  return (
    /^(---|\.\.\.)/u.test(text) ||
    /^[#,[\]{}&*!|>'"%@`]/u.test(text) ||
    /^[?-]([ \t]|$)/u.test(text) ||
    /:([ \t]|$)/u.test(text) ||
    /[ \t\r\n\u0085\u2028\u2029]#/u.test(text)
  );
}

function singleQuoted(text: string, indent: number): string {
  // Only the separators U+2028 and U+2029 get here, and after a line break comes the indentation.
  const lines = text.replaceAll(/([\u2028\u2029])(?=[^\u2028\u2029])/gu, `$1${' '.repeat(indent)}`);
  return `'${lines.replaceAll("'", "''")}'`;
}

function literal(text: string, indent: number): string {
  const hint = /^[ \n\u2028\u2029]/u.test(text) ? '2' : '';
  const body = text.replaceAll(
    /(^|[\n\u2028\u2029])(?=[^\n\u2028\u2029])/gu,
    `$1${' '.repeat(indent)}`,
  );
  return `|${hint}${chomping(text)}\n${body}`;
}

function chomping(text: string): string {
  if (!/[\n\u2028\u2029]$/u.test(text)) return '-';
  return /(^|[\n\u2028\u2029])[\n\u2028\u2029]$/u.test(text) ? '+' : '';
}

const escapes = new Map([
  ['\0', '0'],
  ['\u0007', 'a'],
  ['\b', 'b'],
  ['\t', 't'],
  ['\n', 'n'],
  ['\v', 'v'],
  ['\f', 'f'],
  ['\r', 'r'],
  ['\u001b', 'e'],
  ['"', '"'],
  ['\\', '\\'],
  ['\u0085', 'N'],
  ['\u00a0', '_'],
  ['\u2028', 'L'],
  ['\u2029', 'P'],
]);

function doubleQuoted(text: string): string {
  // go-yaml looks for the byte order mark at the start of the text whichever character it writes.
  const escapesAll = text.startsWith('\ufeff');
  let result = '"';
  for (const character of text) {
    const isEscaped =
      escapesAll ||
      character === '"' ||
      character === '\\' ||
      unprintable.test(character) ||
      anyBreak.test(character);
    result += isEscaped ? escaped(character) : character;
  }
  return `${result}"`;
}

function escaped(character: string): string {
  const short = escapes.get(character);
  if (short !== undefined) return `\\${short}`;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

const otherWords = new Set([
  ...['', '~', 'null', 'Null', 'NULL', 'true', 'True', 'TRUE', 'false', 'False', 'FALSE'],
  // Booleans of YAML 1.1, which go-yaml quotes for the sake of older readers.
  ...[
    'y',
    'Y',
    'yes',
    'Yes',
    'YES',
    'on',
    'On',
    'ON',
    'n',
    'N',
    'no',
    'No',
    'NO',
    'off',
    'Off',
    'OFF',
  ],
  ...['.nan', '.NaN', '.NAN', '.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'],
  ...['-.inf', '-.Inf', '-.INF'],
]);

/** Whether go-yaml, or a reader of YAML 1.1, takes the plain text for something that is no string. */
function resolvesToOther(text: string): boolean {
  if (otherWords.has(text)) return true;
  if (text.startsWith('.')) return isFraction(text);
  if (!/^[-+0-9]/u.test(text)) return false;
  return isNumber(text.replaceAll('_', '')) || isTimestamp(text) || isSexagesimal(text);
}

/** A float that begins with its point: Go's ParseFloat, which allows an underscore between two digits. */
function isFraction(text: string): boolean {
  return /^\.\d+(_\d+)*([eE][-+]?\d+(_\d+)*)?$/u.test(text) && isFinite64(text.replaceAll('_', ''));
}

function isNumber(plain: string): boolean {
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/u.test(plain))
    return isFinite64(plain);
  const [, sign, prefix, digits] = /^([-+]?)0([xXoObB])([0-9a-fA-F]+)$/u.exec(plain) ?? [];
  if (prefix === undefined || digits === undefined) return false;
  const base = prefix.toLowerCase();
  if (base === 'o' && !/^[0-7]+$/u.test(digits)) return false;
  if (base === 'b' && !/^[01]+$/u.test(digits)) return false;
  // An integer beyond 64 bits is a string here: only decimal digits can become a float.
  return BigInt(`0${base}${digits}`) <= largest(sign ?? '');
}

/** The largest magnitude Go parses: a signed integer, and without a sign an unsigned one as well. */
function largest(sign: string): bigint {
  if (sign === '-') return 1n << 63n;
  return sign === '+' ? (1n << 63n) - 1n : (1n << 64n) - 1n;
}

function isFinite64(text: string): boolean {
  return Number.isFinite(Number(text));
}

function isSexagesimal(text: string): boolean {
  return /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/u.test(text);
}

/** The four layouts in which go-yaml recognises a time. */
function isTimestamp(text: string): boolean {
  const match =
    /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?(?:Z|[-+](\d\d):(\d\d)))|(?: (\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?))?$/u.exec(
      text,
    );
  if (match === null) return false;
  const [year = 0, month = 0, day = 0, ...clock] = match
    .slice(1)
    .map((part) => Number((part as string | undefined) ?? 0));
  const limits = [23, 59, 59, 24, 60, 23, 59, 59];
  if (clock.some((value, index) => value > (limits[index] ?? 0))) return false;
  return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}
