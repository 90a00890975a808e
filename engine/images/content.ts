/**
 * Content-addressed blobs in an OCI image layout (image-spec image-layout.md): `blobs/sha256/<hex>`, never changed
 * once there. A blob is written elsewhere on the same file system, verified, synced, and renamed into place, so that
 * a name exists only with the bytes it promises.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createReadStream, type ReadStream } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../api/index.ts';
import { tempSuffix, writeFileAtomic } from '../lib/index.ts';
import { Meter, digestOf, hexOf, isDigest } from './digest.ts';
import type { Descriptor, Digest } from './model.ts';

/** Bytes that have arrived but have no name yet. Whoever stages them commits or discards them. */
export interface StagedBlob {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
}

export interface StageOptions {
  readonly mostBytes: number;
  /** For messages: "layer 2 of "redis:7"". */
  readonly what: string;
}

export class ContentStore {
  readonly #root: string;
  readonly #blobs: string;
  readonly #staging: string;
  #sequence = 0;

  private constructor(root: string, staging: string) {
    this.#root = root;
    this.#blobs = join(root, 'blobs', 'sha256');
    this.#staging = staging;
  }

  /** `staging` is ours alone and on the same file system; what a dead engine left there goes. */
  static async open(root: string, staging: string): Promise<ContentStore> {
    const store = new ContentStore(root, staging);
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true, mode: 0o700 });
    await mkdir(store.#blobs, { recursive: true, mode: 0o700 });
    for (const directory of [root, store.#blobs]) await removeUnfinished(directory);
    const marker = '{"imageLayoutVersion":"1.0.0"}';
    const existing = await readFile(join(root, 'oci-layout'), 'utf8').catch(() => '');
    if (existing !== marker)
      await writeFileAtomic(join(root, 'oci-layout'), marker, { durability: 'disk' });
    return store;
  }

  async stage(
    source: AsyncIterable<Uint8Array>,
    { mostBytes, what }: StageOptions,
  ): Promise<StagedBlob> {
    const path = join(this.#staging, (this.#sequence += 1).toString(36));
    const meter = new Meter();
    const file = await open(path, 'wx', 0o600);
    try {
      // On a handle, writeFile goes on from where the last one ended.
      for await (const chunk of meter.watch(source, { mostBytes, what }))
        await file.writeFile(chunk);
      return { path, digest: meter.digest(), size: meter.bytes };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  /** Gives staged bytes their name, durably. They stay staged if that fails. */
  async commit(staged: StagedBlob): Promise<void> {
    if (!(await this.has(staged.digest))) {
      const file = await open(staged.path, 'r');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(staged.path, this.pathOf(staged.digest));
      await this.#syncBlobs();
    } else await this.discard(staged);
  }

  async discard(staged: StagedBlob): Promise<void> {
    await rm(staged.path, { force: true });
  }

  /** Small documents that we make ourselves. */
  async put(bytes: Uint8Array): Promise<{ digest: Digest; size: number }> {
    const digest = digestOf(bytes);
    if (!(await this.has(digest)))
      await writeFileAtomic(this.pathOf(digest), bytes, { durability: 'disk' });
    return { digest, size: bytes.length };
  }

  /** Where the bytes are; they may have been damaged since, readers verify. */
  pathOf(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  async has(digest: Digest): Promise<boolean> {
    return await stat(this.pathOf(digest)).then(
      (found) => found.isFile(),
      (error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      },
    );
  }

  /** The whole blob, verified; for documents, not for layers. */
  async read(digest: Digest, mostBytes: number): Promise<Buffer> {
    const path = this.pathOf(digest);
    const { size } = await stat(path);
    if (size > mostBytes)
      throw new EngineError('internal', `blob ${digest} has ${size} bytes, expected a document`);
    const bytes = await readFile(path);
    if (digestOf(bytes) !== digest)
      throw new EngineError(
        'internal',
        `blob ${digest} is damaged: its bytes have another digest`,
        {
          hint: 'load the image again',
        },
      );
    return bytes;
  }

  stream(digest: Digest): ReadStream {
    return createReadStream(this.pathOf(digest), { highWaterMark: 1 << 18 });
  }

  async list(): Promise<readonly Digest[]> {
    const names = await readdir(this.#blobs);
    return names.map((name) => `sha256:${name}` as const).filter(isDigest);
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.pathOf(digest), { force: true });
  }

  /** `index.json`: which images the layout holds. Derived from the records, so that other tools can read the store. */
  async writeIndex(manifests: readonly Descriptor[]): Promise<void> {
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests,
    };
    const path = join(this.#root, 'index.json');
    const text = JSON.stringify(index);
    const existing = await readFile(path, 'utf8').catch(() => '');
    if (existing !== text) await writeFileAtomic(path, text, { durability: 'disk' });
  }

  async #syncBlobs(): Promise<void> {
    const directory = await open(this.#blobs, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

/** Documents that were being written when an engine died. */
async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (name.endsWith(tempSuffix)) await rm(join(directory, name));
}
