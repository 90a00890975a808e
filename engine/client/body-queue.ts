/** Enough to keep the socket busy while the consumer works, little enough to hold for a slow one. */
const highWaterBytes = 256 * 1024;

export interface BodyQueueOptions {
  /** Called when the consumer falls behind, and when it has caught up. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** The consumer left before the end. */
  readonly abandon: () => void;
}

/** Chunks from the socket to one consumer, in order, with back-pressure. */
export class BodyQueue implements AsyncIterable<Uint8Array> {
  readonly #options: BodyQueueOptions;
  #chunks: Uint8Array[] = [];
  #queuedBytes = 0;
  #isPaused = false;
  #ending: { readonly error?: unknown } | null = null;
  #wake: (() => void) | null = null;

  constructor(options: BodyQueueOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes > highWaterBytes && !this.#isPaused) {
      this.#isPaused = true;
      this.#options.pause();
    }
    this.#notify();
  }

  end(): void {
    this.#ending ??= {};
    this.#notify();
  }

  /** What has arrived before is still delivered. */
  fail(error: unknown): void {
    this.#ending ??= { error };
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunks = this.#takeAll();
        yield* chunks;
        if (this.#chunks.length > 0) continue;
        if (this.#ending !== null) break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      if (this.#ending === null) this.#options.abandon();
    }
    if ('error' in this.#ending) throw this.#ending.error;
  }

  #takeAll(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#queuedBytes = 0;
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#options.resume();
    }
    return chunks;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
