import { EngineError } from '../../api/index.ts';
import { parseFilters, type Filters } from './filters.ts';
import { parseQueryTime } from './query-time.ts';

const falseTexts: ReadonlySet<string> = new Set(['', '0', 'no', 'false', 'none']);

/** The query of one request, read with the rules of Go's engine. */
export class Query {
  readonly #parameters: URLSearchParams;

  /** With or without its question mark. */
  constructor(search: string) {
    this.#parameters = new URLSearchParams(search);
  }

  /** Null when it is absent or empty: the engine tells no difference. */
  text(name: string): string | null {
    const value = this.#parameters.get(name);
    return value === '' ? null : value;
  }

  texts(name: string): readonly string[] {
    return this.#parameters.getAll(name);
  }

  flag(name: string, fallback = false): boolean {
    const value = this.#parameters.get(name);
    return value === null ? fallback : !falseTexts.has(value.trim().toLowerCase());
  }

  integer(name: string): number | null {
    const value = this.text(name);
    if (value === null) return null;
    if (!/^[+-]?\d{1,15}$/.test(value)) {
      throw new EngineError(
        'invalid-argument',
        `invalid value "${value}" for ${name}: not a number`,
      );
    }
    return Number(value);
  }

  /** Nanoseconds since the epoch. */
  time(name: string): bigint | null {
    const value = this.text(name);
    return value === null ? null : parseQueryTime(value, name);
  }

  /** Throws for a key that is not allowed here. */
  filters(allowed: ReadonlySet<string>): Filters {
    return parseFilters(this.text('filters'), allowed);
  }
}
