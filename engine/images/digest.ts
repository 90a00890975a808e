/** Digests: checked when they come from outside, counted while a stream passes. */
import { createHash } from 'node:crypto';
import { EngineError } from '../api/index.ts';
import type { Digest } from './model.ts';

/** Whatever passes is safe as a file name: the hexadecimal part becomes one (CVE-2024-3727). */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text);
}

export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** chainIDs of a stack of layers, bottom first: image-spec config.md#layer-chainid. */
export function chainOf(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}

/** Size and digest of what has passed through `watch`. */
export class Meter {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  digest(): Digest {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }

  /** Passes `source` on and throws as soon as it has more than `mostBytes`. */
  async *watch(
    source: AsyncIterable<Uint8Array>,
    { mostBytes, what }: { readonly mostBytes: number; readonly what: string },
  ): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#bytes += chunk.length;
      if (this.#bytes > mostBytes)
        throw new EngineError('invalid-argument', `${what} is longer than ${mostBytes} bytes`);
      this.#hash.update(chunk);
      yield chunk;
    }
  }
}
