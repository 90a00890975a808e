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

/** A value, or null for a key without one, which takes the caller's. */
export type DotenvEntries = Map<string, string | null>;

/**
 * The `.env` grammar (compose-spec 06-env-file and docker compose's reading of it). `lookup` is asked for variables
 * before what the file itself has set so far.
 */
export function parseDotenv(text: string, lookup: Lookup): DotenvEntries {
  return new DotenvParser(text, lookup).parse();
}

class DotenvParser {
  readonly #text: string;
  readonly #lookup: Lookup;
  readonly #entries: DotenvEntries = new Map();
  #at = 0;

  constructor(text: string, lookup: Lookup) {
    this.#text = text;
    this.#lookup = (name) => lookup(name) ?? this.#entries.get(name) ?? undefined;
    if (text.startsWith('\uFEFF')) this.#at = 1;
  }

  parse(): DotenvEntries {
    for (;;) {
      this.#skip(/[\s]*/y);
      if (this.#at >= this.#text.length) return this.#entries;
      if (this.#text[this.#at] === '#') this.#skip(/[^\n]*/y);
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
    this.#skip(/export[ \t]+/y);
    const start = this.#at;
    const key = this.#skip(/[A-Za-z0-9_.[\]-]+/y);
    this.#skip(/[ \t]*/y);
    const next = this.#text[this.#at];
    if (next === undefined || next === '\n' || next === '\r') {
      if (key === '') throw new DotenvError('a variable name is missing', start);
      this.#entries.set(key, this.#lookup(key) ?? null);
      return;
    }
    if (key === '' || (next !== '=' && next !== ':')) {
      const line = this.#lineFrom(start);
      const message =
        key !== '' && /[ \t]/.test(this.#text[this.#at - 1] ?? '')
          ? `a variable name cannot contain a space: "${line}"`
          : `unexpected character ${JSON.stringify(next)} in variable name "${line}"`;
      throw new DotenvError(message, this.#at);
    }
    this.#at += 1;
    this.#skip(/[ \t]*/y);
    this.#entries.set(key, this.#value());
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
    const line = this.#skip(/[^\r\n]*/y);
    const comment = /(^|\s)#/.exec(line);
    return this.#expand((comment ? line.slice(0, comment.index) : line).trimEnd(), start);
  }

  /** Text between quotes; what follows the closing one on its line is not looked at. */
  #quoted(quote: string): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at += 1) {
      if (this.#text[at] === '\\') at += 1;
      else if (this.#text[at] === quote) {
        const value = this.#text.slice(start + 1, at);
        this.#at = at + 1;
        this.#skip(/[^\r\n]*/y);
        return value;
      }
    }
    throw new DotenvError('the closing quote is missing', start, this.#lineFrom(start).length);
  }

  #expand(value: string, offset: number): string {
    try {
      return substitute(value, { lookup: this.#lookup });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      const reason = error.message === '' ? '' : `: ${error.message}`;
      const message =
        error.kind === 'required'
          ? `variable "${error.variable}" must be set${reason}`
          : `invalid variable: ${error.message}`;
      throw new DotenvError(message, Math.min(offset + error.start, this.#text.length), 1);
    }
  }
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  c: '',
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

function unescape(text: string): string {
  return text.replaceAll(/\\(0[0-7]{1,3}|[^])/g, (whole, escape: string) => {
    if (/^0[0-7]+$/.test(escape)) return String.fromCodePoint(parseInt(escape, 8));
    return escapes[escape] ?? whole;
  });
}

/** `format: raw`, the parser of `docker run --env-file`: nothing is unquoted, expanded or trimmed right. */
export function parseRawEnv(text: string, lookup: Lookup): DotenvEntries {
  const entries: DotenvEntries = new Map();
  let offset = 0;
  for (const rawLine of text.replace(/^\uFEFF/, ' ').split('\n')) {
    const line = rawLine.replace(/\r$/, '').trimStart();
    if (line !== '' && !line.startsWith('#')) {
      const equals = line.indexOf('=');
      const key = equals === -1 ? line : line.slice(0, equals);
      if (key === '' || /\s/.test(key)) {
        throw new DotenvError(`"${key}" is not a variable name`, offset, rawLine.length);
      }
      entries.set(key, equals === -1 ? (lookup(key) ?? null) : line.slice(equals + 1));
    }
    offset += rawLine.length + 1;
  }
  return entries;
}
