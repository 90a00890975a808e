import { maxSubstitutedInAll } from './limits.ts';
import { type Lookup, substitute, TemplateError } from './template.ts';

/** One mistake in an env file; lines count from 1. */
export class DotenvError extends Error {
  readonly offset: number;
  readonly length: number;

  constructor(message: string, offset: number, length = 1) {
    super(message);
    this.name = 'DotenvError';
    this.offset = offset;
    this.length = length;
  }
}

export type DotenvEntries = Map<string, string>;

export interface DotenvOptions {
  /** Variables from outside: asked before what the file itself has set so far, and for keys without a value. */
  readonly lookup: Lookup;
  /** Something that is probably a mistake, at an offset. */
  readonly onWarning?: (message: string, offset: number, length: number) => void;
  /** Where the name of an entry stands. */
  readonly onEntry?: (key: string, offset: number, length: number) => void;
}

/**
 * The `.env` grammar (compose-spec 06-env-file and docker compose's reading of it). A key without a value takes the one
 * from outside, and is not there when there is none.
 */
export function parseDotenv(text: string, options: DotenvOptions): DotenvEntries {
  return new DotenvParser(text, options).parse();
}

/** White space of Go, which does not count U+FEFF and counts U+0085: inside a line, and all of it. */
const inLine = '\t\v\f\r \u0085\u00a0';
const patterns = {
  blank: /[\s\u0085]*/y,
  comment: /[^\n]*/y,
  export: /export(?:[\s\u0085]+|$)/y,
  name: /[\p{L}\p{N}_.[\]-]*/uy,
  gap: new RegExp(`[${inLine}]*`, 'y'),
  line: /[^\n]*/y,
};

class DotenvParser {
  readonly #text: string;
  readonly #options: DotenvOptions;
  readonly #lookup: Lookup;
  readonly #entries: DotenvEntries = new Map();
  #at = 0;
  /** Of all values so far. */
  #length = 0;

  constructor(text: string, options: DotenvOptions) {
    this.#text = text;
    this.#options = options;
    this.#lookup = (name) => options.lookup(name) ?? this.#entries.get(name);
    if (text.startsWith('\uFEFF')) this.#at = 1;
  }

  parse(): DotenvEntries {
    for (;;) {
      this.#skip(patterns.blank);
      if (this.#at >= this.#text.length) return this.#entries;
      if (this.#text[this.#at] === '#') this.#skip(patterns.comment);
      else this.#entry();
    }
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const skipped = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += skipped.length;
    return skipped;
  }

  #entry(): void {
    this.#skip(patterns.export);
    const start = this.#at;
    const key = this.#skip(patterns.name);
    const gap = this.#skip(patterns.gap);
    const next = this.#text[this.#at];
    if (next === undefined || next === '\n') {
      const value = this.#lookup(key);
      if (value !== undefined) this.#entries.set(key, value);
      return;
    }
    if (next !== '=' && next !== ':') throw this.#badName(start, key !== '' && gap !== '');
    if (key === '') {
      const length = this.#lineFrom(start).length;
      this.#options.onWarning?.('a variable name is missing', start, length);
    }
    this.#options.onEntry?.(key, start, key.length);
    this.#at += 1;
    this.#skip(patterns.gap);
    this.#entries.set(key, this.#value());
  }

  #badName(start: number, hasSpace: boolean): DotenvError {
    const line = this.#lineFrom(start);
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    const message = hasSpace
      ? `a variable name cannot contain a space: "${line}"`
      : `unexpected character ${JSON.stringify(character)} in variable name "${line}"`;
    const name = /^[^=:]*/.exec(line)?.[0].trimEnd() ?? '';
    return new DotenvError(message, start, Math.max(name.length, this.#at + 1 - start));
  }

  #lineFrom(start: number): string {
    return this.#text.slice(start).split(/\r?\n/, 1)[0] ?? '';
  }

  #value(): string {
    const quote = this.#text[this.#at];
    if (quote === "'") return this.#quoted(quote).replaceAll("\\'", "'");
    const start = this.#at;
    if (quote === '"') {
      const raw = this.#quoted(quote);
      return this.#expand(unescape(raw), start + 1);
    }
    const line = this.#skip(patterns.line);
    const comment = line.indexOf(' #');
    const value = comment === -1 ? line : line.slice(0, comment);
    return this.#expand(trimRight(value), start);
  }

  /** Text between quotes; what follows the closing one is read as if it stood on a line of its own. */
  #quoted(quote: string): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at += 1) {
      if (this.#text[at] === '\\') at += 1;
      else if (this.#text[at] === quote) {
        const value = this.#text.slice(start + 1, at);
        this.#at = at + 1;
        return value;
      }
    }
    throw new DotenvError('the closing quote is missing', start, this.#lineFrom(start).length);
  }

  #expand(value: string, offset: number): string {
    try {
      const text = substitute(value, { lookup: this.#lookup });
      this.#length += text.length;
      if (this.#length <= maxSubstitutedInAll) return text;
      throw new DotenvError('the values become too long', offset);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      const reason = error.message === '' ? '' : `: ${error.message}`;
      const message =
        error.kind === 'required'
          ? `variable "${error.variable}" must be set${reason}`
          : `invalid variable: ${error.message}`;
      // Escapes before it may have moved it.
      const expression = value.slice(error.start, error.end);
      const at = this.#text.indexOf(expression, offset);
      throw new DotenvError(message, at === -1 ? offset : at, at === -1 ? 1 : expression.length);
    }
  }
}

function trimRight(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s\u0085]/.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
  // Stays escaped for the substitution that follows.
  $: '$$',
};

/** An octal escape has three digits behind its zero and stands for a byte; of others only the zero goes, as in Go. */
function unescape(text: string): string {
  return text.replaceAll(/\\(0\d{0,3}|[^])/g, (whole, escape: string) => {
    if (!escape.startsWith('0')) return escapes[escape] ?? whole;
    const digits = escape.slice(1);
    return /^[0-3][0-7]{2}$/.test(digits)
      ? String.fromCodePoint(parseInt(digits, 8))
      : `\\${digits}`;
  });
}

/** `format: raw`, the parser of `docker run --env-file`: nothing is unquoted, expanded or trimmed right. */
export function parseRawEnv(text: string, { lookup }: DotenvOptions): DotenvEntries {
  const entries: DotenvEntries = new Map();
  let offset = 0;
  for (const rawLine of text.replace(/^\uFEFF/, ' ').split('\n')) {
    const line = rawLine.replace(/\r$/, '').replace(/^[\s\u0085]+/, '');
    if (line !== '' && !line.startsWith('#')) {
      const [key, value] = rawEntry(line, { offset, length: rawLine.length });
      const resolved = value ?? lookup(key);
      if (resolved !== undefined) entries.set(key, resolved);
    }
    offset += rawLine.length + 1;
  }
  return entries;
}

function rawEntry(
  line: string,
  { offset, length }: { readonly offset: number; readonly length: number },
): readonly [key: string, value: string | undefined] {
  const equals = line.indexOf('=');
  const key = equals === -1 ? line : line.slice(0, equals);
  if (key === '') throw new DotenvError('a variable name is missing', offset, length);
  if (/[ \t]/.test(key)) throw new DotenvError(`"${key}" is no variable name`, offset, length);
  return [key, equals === -1 ? undefined : line.slice(equals + 1)];
}
