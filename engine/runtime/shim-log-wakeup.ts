import { watch } from 'node:fs';
import { directoryOf } from './shim-log-files.ts';

export interface WakeupOptions {
  readonly ended?: Promise<unknown> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Only where a file comes, goes or gets another name. */
  readonly ofNames?: boolean;
}

/** Resolves when the log may have grown. Watches its directory, which sees the file of the same name after a rotation too. */
export class Wakeup implements Disposable {
  hasEnded = false;
  readonly #close: () => void;
  #isPending = false;
  #wake: () => void = () => undefined;

  constructor(path: string, { ended, signal, ofNames }: WakeupOptions) {
    const notify = (): void => {
      this.#isPending = true;
      this.#wake();
    };
    const watcher = watch(directoryOf(path), { persistent: true }, (what) => {
      if (ofNames !== true || what === 'rename') notify();
    });
    // The directory was removed together with the container: what is held open is read to its end.
    watcher.on('error', () => {
      this.hasEnded = true;
      notify();
    });
    const end = (): void => {
      this.hasEnded = true;
      notify();
    };
    void ended?.then(end, end);
    signal?.addEventListener('abort', notify);
    this.#close = (): void => {
      watcher.close();
      signal?.removeEventListener('abort', notify);
    };
  }

  async next(): Promise<void> {
    if (!this.#isPending) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#isPending = false;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}
