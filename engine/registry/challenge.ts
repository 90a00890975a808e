/** One demand of a `WWW-Authenticate` header. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const space = /[\t ]*/y;
const quoted = /"((?:[^"\\]|\\[^])*)"/y;

/**
 * Challenges of one or several header values (RFC 9110 §11.6.1). What does not follow the grammar ends the reading, and
 * what was understood before it counts.
 */
export function parseChallenges(header: string): Challenge[] {
  const reader = new Reader(header);
  const challenges: Challenge[] = [];
  let current: { scheme: string; parameters: Map<string, string> } | null = null;
  for (;;) {
    reader.skipSeparators();
    const name = reader.take(token);
    if (name === null) return challenges;
    const value = reader.value();
    if (value === null) {
      current = { scheme: name.toLowerCase(), parameters: new Map() };
      challenges.push(current);
    } else if (current === null) return challenges;
    else if (!current.parameters.has(name.toLowerCase())) {
      current.parameters.set(name.toLowerCase(), value);
    }
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#at += match[0].length;
    return match[1] ?? match[0];
  }

  skipSeparators(): void {
    while (/[\t ,]/.test(this.#text.charAt(this.#at))) this.#at += 1;
  }

  /** null: what was read is not followed by `=` and a value, so it is a scheme. */
  value(): string | null {
    const start = this.#at;
    this.take(space);
    if (this.#text.charAt(this.#at) === '=') {
      this.#at += 1;
      this.take(space);
      const text = this.take(quoted);
      if (text !== null) return text.replaceAll(/\\([^])/g, '$1');
      const plain = this.take(token);
      if (plain !== null) return plain;
    }
    this.#at = start;
    return null;
  }
}
