/** Scalars and properties of the plain reader: those that stand on one line, and simple block scalars. */
import { type Cursor, notPlain, space } from './cursor.ts';
import type { Properties, YamlAlias, YamlScalar } from './node.ts';

const apostrophe = 0x27;
const backslash = 0x5c;

/** Characters that begin something else than a plain scalar, and those that do so only before a space. */
const indicators = codesOf(',[]{}#&*!|>\'"%@`');
const looseIndicators = codesOf('-?:');

function codesOf(characters: string): ReadonlySet<number> {
  return new Set(Array.from(characters, (one) => one.charCodeAt(0)));
}

/** Whether a scalar without quotes can begin at the cursor. */
export function beginsPlain(cursor: Cursor): boolean {
  const code = cursor.code();
  if (!looseIndicators.has(code)) return !indicators.has(code);
  const next = cursor.at + 1;
  return next < cursor.lineEnd && cursor.code(next) !== space && !indicators.has(cursor.code(next));
}

export function scalar(
  [text, isPlain]: readonly [string, boolean],
  [start, end]: readonly [number, number],
  { anchor, tag }: Properties,
): YamlScalar {
  return { kind: 'scalar', text, isPlain, start, end, anchor, tag };
}

/** To the end of the line; the cursor stays behind it. */
export function readPlain(cursor: Cursor, properties: Properties): YamlScalar {
  const start = cursor.at;
  if (!beginsPlain(cursor) || cursor.keyEnd(start) !== -1) notPlain();
  const end = cursor.trimmedEnd(start, cursor.commentStart(start));
  cursor.at = end;
  return scalar([cursor.text.slice(start, end), true], [start, end], properties);
}

export function readQuoted(cursor: Cursor, properties: Properties): YamlScalar {
  const start = cursor.at;
  const { text } = cursor;
  const isSingle = cursor.code() === apostrophe;
  const close = isSingle ? closingApostrophe(cursor) : closingQuote(cursor);
  if (close >= cursor.lineEnd) notPlain();
  const inner = text.slice(start + 1, close);
  cursor.at = close + 1;
  const value = isSingle ? inner.replaceAll("''", "'") : unescaped(inner);
  return scalar([value, false], [start, cursor.at], properties);
}

function closingApostrophe({ text, at, lineEnd }: Cursor): number {
  let close = text.indexOf("'", at + 1);
  while (close !== -1 && text.charCodeAt(close + 1) === apostrophe) {
    close = text.indexOf("'", close + 2);
  }
  return close === -1 ? lineEnd : close;
}

function closingQuote({ text, at, lineEnd }: Cursor): number {
  let close = text.indexOf('"', at + 1);
  while (close !== -1 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close === -1 ? lineEnd : close;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === backslash) first -= 1;
  return (at - first) % 2 === 1;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '/': '/',
  '\\': '\\',
  ' ': ' ',
  e: '\x1b',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Replacing takes memory for each. */
const maxEscapes = 10_000;

function unescaped(text: string): string {
  let count = 0;
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', at + 2)) {
    count += 1;
    if (count > maxEscapes || escapes[text.charAt(at + 1)] === undefined) notPlain();
  }
  return count === 0
    ? text
    : text.replaceAll(/\\(.)/g, (_whole, code: string) => escapes[code] ?? '');
}

/** `&name` and `!reset` or `!override` before a value; the cursor goes to the value. */
export function readProperties(cursor: Cursor): Properties {
  const mark = cursor.text.charAt(cursor.at);
  const pattern = mark === '&' ? /&([\w.-]+)/y : mark === '!' ? /!(?:reset|override)/y : null;
  if (pattern === null) return {};
  const found = match(cursor, pattern);
  cursor.skipSpaces();
  const next = cursor.code();
  // Both, in either order, are for the library.
  if (cursor.at < cursor.lineEnd && (next === 0x26 || next === 0x21)) notPlain();
  return mark === '&' ? { anchor: found[1] } : { tag: found[0] };
}

export function readAlias(cursor: Cursor): YamlAlias {
  const start = cursor.at;
  const [, name = ''] = match(cursor, /\*([\w.-]+)/y);
  return { kind: 'alias', name, start, end: cursor.at };
}

/** Must be followed by a space, a line break or what ends an item of a flow collection. */
function match(cursor: Cursor, pattern: RegExp): RegExpExecArray {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text);
  if (found === null) return notPlain();
  cursor.at += found[0].length;
  if (cursor.at < cursor.lineEnd && !' ,]}'.includes(cursor.text.charAt(cursor.at))) notPlain();
  return found;
}

/** `|` and `>` with lines of one indent below it, which is deeper than `parent`; the cursor goes to the line behind. */
export function readBlockScalar(
  cursor: Cursor,
  parent: number,
  properties: Properties,
): YamlScalar {
  const start = cursor.at;
  const header = cursor.text.slice(start, cursor.lineEnd);
  const [, style, chomping] = /^([|>])([-+]?) *$/.exec(header) ?? notPlain();
  const { lines, end } = contentLines(cursor, parent);
  // What is kept of empty lines behind it has rules of its own, as has a scalar without content.
  if (chomping === '+' || lines.length === 0 || lines[0] === '') notPlain();
  const text = style === '|' ? lines.join('\n') : fold(lines);
  const value = chomping === '-' ? text : `${text}\n`;
  return scalar([value, false], [start, Math.min(end + 1, cursor.text.length)], properties);
}

/** A line break is a space, n empty lines are n line breaks (YAML 1.2.2 §8.1.3). */
function fold(lines: readonly string[]): string {
  let text = '';
  let separator = '';
  for (const line of lines) {
    // Lines that are indented deeper keep their breaks.
    if (line.startsWith(' ')) notPlain();
    if (line === '') separator = separator === ' ' ? '\n' : `${separator}\n`;
    else {
      text += separator + line;
      separator = ' ';
    }
  }
  return text;
}

/** Without the empty lines at the end; `end` is that of the last line. */
function contentLines(
  cursor: Cursor,
  parent: number,
): { readonly lines: readonly string[]; readonly end: number } {
  const { text } = cursor;
  const lines: string[] = [];
  let indent = -1;
  let length = 0;
  let last = cursor.lineEnd;
  for (let start = cursor.lineEnd + 1; start < text.length; start = cursor.lineEnd + 1) {
    const { first, end } = lineAt(text, start);
    const column = first - start;
    if (first === end) {
      // Spaces on an empty line count from the indent on.
      if (column > Math.max(indent, parent, 0)) notPlain();
      lines.push('');
    } else {
      if (indent === -1) indent = column;
      if (column <= parent || column < indent) break;
      length = lines.push(text.slice(start + indent, end));
      last = end;
    }
    cursor.lineEnd = end;
  }
  cursor.nextLine();
  return { lines: lines.slice(0, length), end: last };
}

/** A line's first character that is no space, and its end. */
function lineAt(text: string, start: number): { readonly first: number; readonly end: number } {
  let first = start;
  while (text.charCodeAt(first) === space) first += 1;
  const end = text.indexOf('\n', first);
  return { first, end: end === -1 ? text.length : end };
}
