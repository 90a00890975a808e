/** One holder per key, first come first served. A waiter can give up by its signal; keys nobody uses cost nothing. */
export class KeyedLock {
  readonly #queues = new Map<string, Waiter[]>();

  /** Resolves when the key is ours; the caller disposes of what it gets. */
  async acquire(key: string, signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    const queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, []);
    else await wait(queue, signal);
    return this.#holder(key);
  }

  /** Runs `work` while holding the key. */
  async run<T>(key: string, work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const lock = await this.acquire(key, signal);
    try {
      return await work();
    } finally {
      lock[Symbol.dispose]();
    }
  }

  isHeld(key: string): boolean {
    return this.#queues.has(key);
  }

  #holder(key: string): Disposable {
    let isReleased = false;
    return {
      [Symbol.dispose]: () => {
        if (isReleased) return;
        isReleased = true;
        this.#release(key);
      },
    };
  }

  #release(key: string): void {
    const next = this.#queues.get(key)?.shift();
    if (next === undefined) this.#queues.delete(key);
    else next.take();
  }
}

interface Waiter {
  readonly take: () => void;
}

function wait(queue: Waiter[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      queue.splice(queue.indexOf(waiter), 1);
      reject(signal?.reason as Error);
    };
    const waiter: Waiter = {
      take: () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      },
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    queue.push(waiter);
  });
}
