/** A template's text and actions, and an action's words. */
import { CliError } from '../../cli-error.ts';

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly words: readonly Word[] };

export interface Word {
  readonly kind: 'space' | 'literal' | 'field' | 'variable' | 'name' | 'mark';
  readonly text: string;
  /** Of a literal. */
  readonly value?: unknown;
}

export function templateError(message: string): CliError {
  return new CliError(`template parsing error: template: :1: ${message}`);
}

/** `{{- ` takes the white space before it away, ` -}}` that behind it. */
export function splitTemplate(source: string): Piece[] {
  const pieces: Piece[] = [];
  let rest = source;
  let isTrimmed = false;
  while (rest !== '') {
    const start = rest.indexOf('{{');
    const text = start < 0 ? rest : rest.slice(0, start);
    const trimsLeft = start >= 0 && /^\{\{-\s/u.test(rest.slice(start));
    pieces.push({ kind: 'text', text: trim(text, isTrimmed, trimsLeft) });
    if (start < 0) break;
    const body = rest.slice(start + (trimsLeft ? 3 : 2));
    const found = readAction(body);
    isTrimmed = found.trimsRight;
    rest = body.slice(found.length);
    if (found.words !== null) pieces.push({ kind: 'action', words: found.words });
  }
  return pieces;
}

function trim(text: string, left: boolean, right: boolean): string {
  const half = left ? text.trimStart() : text;
  return right ? half.trimEnd() : half;
}

interface Action {
  /** null: a comment. */
  readonly words: readonly Word[] | null;
  readonly length: number;
  readonly trimsRight: boolean;
}

function readAction(body: string): Action {
  const comment = /^\s*\/\*[\s\S]*?\*\/(\s+-)?\s*\}\}/u.exec(body);
  if (comment !== null) {
    return { words: null, length: comment[0].length, trimsRight: comment[1] !== undefined };
  }
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    const end = /^(\s+-)?\}\}/u.exec(body.slice(at));
    if (end !== null)
      return { words, length: at + end[0].length, trimsRight: end[1] !== undefined };
    if (at >= body.length) throw templateError('unclosed action');
    const word = readWord(body.slice(at));
    words.push(word);
    at += word.text.length;
  }
}

const patterns: readonly (readonly [Word['kind'], RegExp])[] = [
  ['space', /^\s+/u],
  ['literal', /^"(?:[^"\\\n]|\\.)*"/u],
  ['literal', /^`[^`]*`/u],
  ['literal', /^'(?:[^'\\]|\\.)'/u],
  ['literal', /^[+-]?(?:0x[\da-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?)/iu],
  ['field', /^\.[\p{L}_][\p{L}\p{N}_]*/u],
  ['variable', /^\$[\p{L}\p{N}_]*/u],
  ['name', /^[\p{L}_][\p{L}\p{N}_]*/u],
  ['mark', /^(?::=|[=,()|.])/u],
];

function readWord(text: string): Word {
  for (const [kind, pattern] of patterns) {
    const found = pattern.exec(text)?.[0];
    if (found === undefined) continue;
    return kind === 'literal'
      ? { kind, text: found, value: literalOf(found) }
      : { kind, text: found };
  }
  const character = String.fromCodePoint(text.codePointAt(0) ?? 0);
  const code = (text.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  if (character === '"') throw templateError('unterminated quoted string');
  throw templateError(`bad character U+${code} '${character}'`);
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

function literalOf(text: string): unknown {
  if (text.startsWith('`')) return text.slice(1, -1);
  if (text.startsWith('"')) return unquote(text.slice(1, -1));
  if (text.startsWith("'")) return unquote(text.slice(1, -1)).codePointAt(0);
  return Number(text);
}

function unquote(text: string): string {
  return text.replaceAll(/\\(u[\da-fA-F]{4}|x[\da-fA-F]{2}|.)/gu, (_, escape: string) => {
    if (escape.length > 1) return String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
    const found = escapes[escape];
    if (found === undefined) throw templateError('invalid syntax');
    return found;
  });
}
