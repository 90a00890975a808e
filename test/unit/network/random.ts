import { random } from '../../lib/random.ts';
import type { Random as Next } from '../../lib/random.ts';

/** Values of many kinds from a seed. */
export class Random {
  readonly #next: Next;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  /** From 0 up to and not with `end`. */
  below(end: number): number {
    return this.#next(end);
  }

  bytes(mostBytes: number): Uint8Array {
    return Uint8Array.from({ length: this.below(mostBytes + 1) }, () => this.below(256));
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  word(most = 12): string {
    return Array.from({ length: 1 + this.below(most) }, () =>
      String.fromCharCode(97 + this.below(26)),
    ).join('');
  }

  maybe<T>(make: () => T): T | undefined {
    return this.below(2) === 0 ? undefined : make();
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

export const rounds = 500;

/** The fields that have a value: an optional field is missing and never undefined. */
export function defined<T extends object>(value: T): Defined<T> {
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields) as Defined<T>;
}

/** Which of them are missing only the value knows. */
type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };
