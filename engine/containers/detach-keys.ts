import { EngineError } from '../api/index.ts';

const defaultKeys = [0x10, 0x11];

/** `ctrl-p,ctrl-q` → the bytes that a terminal sends for it; empty is that default. */
export function parseDetachKeys(text: string, what = 'detach'): readonly number[] {
  if (text === '') return defaultKeys;
  return text.split(',').map((key) => {
    const control = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
    if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
    throw new EngineError('invalid-argument', `Invalid ${what} keys (${text}) provided`);
  });
}

/** Finds the keys in what is typed, also when they come one by one. What only began like them is passed on. */
export class DetachFilter {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  push(chunk: Uint8Array): { readonly pass: Uint8Array; readonly isDetached: boolean } {
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) {
          return { pass: Uint8Array.from(pass), isDetached: true };
        }
        continue;
      }
      pass.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), isDetached: false };
  }
}
