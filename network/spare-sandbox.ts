/**
 * One namespace more than there are sandboxes, set up as far as every sandbox's is: to make one takes the kernel longer
 * than all that then makes it a certain sandbox's. It has no name, so that it ends with the engine.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kernel } from './context.ts';
import { OpenSandbox } from './sandbox.ts';

/** Without anybody who asks for one: a new spare must not take the processor from those who start. */
const quietMs = 25;

export class SpareSandbox {
  readonly #kernel: Kernel;
  #spare: OpenSandbox | null = null;
  #waiting: AbortController | null = null;
  #isClosed = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The caller's from here on; null: there is none. */
  take(path: string): OpenSandbox | null {
    const spare = this.#spare;
    if (spare === null) return null;
    this.#spare = null;
    try {
      spare.name(path);
      return spare;
    } catch (error) {
      spare.close();
      throw error;
    }
  }

  /** Makes one when it has been quiet. Resolves when there is one, or somebody has asked again. */
  async renew(): Promise<void> {
    this.#waiting?.abort();
    if (this.#isClosed) return;
    const waiting = new AbortController();
    this.#waiting = waiting;
    try {
      await delay(quietMs, undefined, { signal: waiting.signal, ref: false });
      if (this.#spare === null) this.#put(await OpenSandbox.prepare(this.#kernel));
    } catch {
      // Given up; or refused, which the next sandbox is told when it makes its own.
    }
  }

  #put(made: OpenSandbox): void {
    if (this.#isClosed || this.#spare !== null) made.close();
    else this.#spare = made;
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting?.abort();
    this.#spare?.close();
    this.#spare = null;
  }
}
