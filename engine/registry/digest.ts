import { createHash, type Hash } from 'node:crypto';
import { RegistryError } from './errors.ts';

/** Registered algorithms (image-spec, descriptor.md §Registered Algorithms) and how many hexadecimal digits each has. */
const algorithms: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

/** Throws RegistryError `malformed` for a digest that is none, `unsupported` for an algorithm that is not known. */
export function checkDigest(digest: string): string {
  const [, algorithm = '', hex = ''] = /^([a-z0-9+._-]+):([0-9a-f]+)$/.exec(digest) ?? [];
  const length = algorithms[algorithm];
  if (algorithm !== '' && length === undefined) {
    throw new RegistryError('unsupported', `digest algorithm "${algorithm}" is not known`);
  }
  if (hex.length !== length) {
    throw new RegistryError('malformed', `"${digest.slice(0, 80)}" is no digest`);
  }
  return digest;
}

export function digestOf(bytes: Uint8Array, like = 'sha256:'): string {
  const algorithm = algorithmOf(like);
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Sees every byte once and then says whether they were the promised ones. */
export class Verifier {
  readonly #digest: string;
  readonly #hash: Hash;
  #size = 0;

  constructor(digest: string) {
    this.#digest = checkDigest(digest);
    this.#hash = createHash(algorithmOf(digest));
  }

  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  /** Throws RegistryError `digest-mismatch`. */
  finish(what: string): void {
    const got = `${algorithmOf(this.#digest)}:${this.#hash.digest('hex')}`;
    if (got === this.#digest) return;
    throw new RegistryError(
      'digest-mismatch',
      `${what} has other content than its digest says: expected ${this.#digest}, got ${got}`,
      {
        hint: 'a proxy or mirror on the way may have changed or mixed up the content: try again or without it',
      },
    );
  }
}

function algorithmOf(digest: string): string {
  return digest.slice(0, digest.indexOf(':'));
}
