/** What operations under way need: a sweep leaves it alone although no image names it yet. */
import type { Digest } from './model.ts';

export class Leases {
  readonly #held = new Map<Digest, number>();

  isHeld(digest: Digest): boolean {
    return this.#held.has(digest);
  }

  open(): Lease {
    return new Lease(this.#held);
  }
}

/** Disposed of when the operation has ended, one way or the other. */
export class Lease implements Disposable {
  readonly #held: Map<Digest, number>;
  readonly #own = new Set<Digest>();

  constructor(held: Map<Digest, number>) {
    this.#held = held;
  }

  add(...digests: readonly Digest[]): void {
    for (const digest of digests) {
      if (this.#own.has(digest)) continue;
      this.#own.add(digest);
      this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
    }
  }

  [Symbol.dispose](): void {
    for (const digest of this.#own) {
      const count = (this.#held.get(digest) ?? 1) - 1;
      if (count === 0) this.#held.delete(digest);
      else this.#held.set(digest, count);
    }
    this.#own.clear();
  }
}
