/**
 * Layers unpacked once, each in a directory named by the chainID of the stack it ends: `layers/<hex>/{fs,layer.json}`.
 * A layer is unpacked elsewhere on the same file system, verified, synced and renamed into place; what a dead engine
 * left half unpacked lies where the next one empties.
 */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  closeFd,
  makeDirectoryAt,
  openRoot,
  removeTreeAt,
  syncFileSystem,
  type Fd,
} from '../../native/index.ts';
import { EngineError } from '../api/index.ts';
import { readTar, writeFileAtomic } from '../lib/index.ts';
import { decompress } from './decompress.ts';
import { digestOf, hexOf, isDigest, Meter } from './digest.ts';
import { isObject, parseDocument } from './document.ts';
import { describeFailure } from './failure.ts';
import { applyLayer, type AppliedLayer } from './layers.ts';
import { LowerDirectories } from './lower.ts';
import type { ArchiveLimits, Digest } from './model.ts';

export interface Layer extends AppliedLayer {
  readonly chainId: Digest;
  readonly diffId: Digest;
  readonly parent: Digest | null;
}

export interface UnpackRequest {
  /** The layer's tar, packed or not. */
  readonly source: AsyncIterable<Uint8Array>;
  /** What the unpacked tar must have as its digest; null takes whatever it has. */
  readonly diffId: Digest | null;
  readonly parent: Digest | null;
  /** For messages. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

export interface LayerDirectories {
  /** Where layers are kept, and where they are unpacked: on one file system. */
  readonly layers: string;
  readonly unpacking: string;
}

export class LayerStore {
  readonly #directories: LayerDirectories;
  readonly #limits: ArchiveLimits;
  readonly #layers = new Map<Digest, Layer>();
  #sequence = 0;

  private constructor(directories: LayerDirectories, limits: ArchiveLimits) {
    this.#directories = directories;
    this.#limits = limits;
  }

  static async open(directories: LayerDirectories, limits: ArchiveLimits): Promise<LayerStore> {
    const store = new LayerStore(directories, limits);
    await mkdir(directories.layers, { recursive: true, mode: 0o700 });
    await mkdir(directories.unpacking, { recursive: true, mode: 0o700 });
    await emptyDirectory(directories.unpacking);
    for (const name of await readdir(directories.layers)) await store.#load(name);
    return store;
  }

  get(chainId: Digest): Layer | null {
    return this.#layers.get(chainId) ?? null;
  }

  list(): readonly Layer[] {
    return [...this.#layers.values()];
  }

  pathOf(chainId: Digest): string {
    return join(this.#directories.layers, hexOf(chainId), 'fs');
  }

  /** The trees of a stack, topmost first: what overlayfs takes as its lower layers. */
  lowerDirs(chainId: Digest | null): readonly string[] {
    const paths: string[] = [];
    for (let at = chainId; at !== null;) {
      const layer = this.#layers.get(at);
      if (layer === undefined)
        throw new EngineError('internal', `layer ${at} is not there any more`, {
          hint: 'load the image again',
        });
      paths.push(this.pathOf(at));
      at = layer.hidesBelow ? null : layer.parent;
    }
    return paths;
  }

  /** Unpacks one layer, or finds it unpacked. Nothing stays if it throws. */
  async unpack(request: UnpackRequest): Promise<Layer> {
    const { diffId, parent } = request;
    const known = diffId === null ? null : this.get(stackOn(parent, diffId));
    if (known !== null) return known;
    const name = (this.#sequence += 1).toString(36);
    const unpacking = openRoot(this.#directories.unpacking);
    try {
      return await this.#unpackInto(unpacking, name, request);
    } catch (error) {
      await removeTreeAt(unpacking, name);
      throw describeFailure(error, request.what);
    } finally {
      closeFd(unpacking);
    }
  }

  async remove(chainId: Digest): Promise<void> {
    this.#layers.delete(chainId);
    const unpacking = openRoot(this.#directories.unpacking);
    try {
      // Out of its place in one step: a crash in the middle of the removal leaves no layer that lacks files.
      const name = `${(this.#sequence += 1).toString(36)}-removed`;
      await rename(
        join(this.#directories.layers, hexOf(chainId)),
        join(this.#directories.unpacking, name),
      );
      await removeTreeAt(unpacking, name);
    } finally {
      closeFd(unpacking);
    }
  }

  async #unpackInto(unpacking: Fd, name: string, request: UnpackRequest): Promise<Layer> {
    makeDirectoryAt(unpacking, name, 0o700);
    const directory = join(this.#directories.unpacking, name);
    makeDirectoryAt(unpacking, `${name}/fs`, 0o755);
    const { applied, diffId } = await this.#extract(join(directory, 'fs'), request);
    if (request.diffId !== null && request.diffId !== diffId)
      throw new EngineError(
        'invalid-argument',
        `its content has the digest ${diffId}, its config says ${request.diffId}`,
      );
    const { parent } = request;
    const layer: Layer = { chainId: stackOn(parent, diffId), diffId, parent, ...applied };
    const known = this.get(layer.chainId);
    if (known === null) await this.#keep(unpacking, directory, layer);
    else await removeTreeAt(unpacking, name);
    return known ?? layer;
  }

  async #extract(
    directory: string,
    { source, parent, signal }: UnpackRequest,
  ): Promise<{ applied: AppliedLayer; diffId: Digest }> {
    const meter = new Meter();
    const unpacked = meter.watch(decompress(source, this.#limits), {
      mostBytes: this.#limits.layerBytes,
      what: 'its unpacked content',
    });
    using below = new LowerDirectories(this.lowerDirs(parent));
    const root = openRoot(directory);
    try {
      const applied = await applyLayer(readTar(unpacked), {
        root,
        below,
        limits: this.#limits,
        signal,
      });
      return { applied, diffId: meter.digest() };
    } finally {
      closeFd(root);
    }
  }

  async #keep(unpacking: Fd, directory: string, layer: Layer): Promise<void> {
    const content = JSON.stringify({ ...layer, checksum: checksumOf(layer) });
    await writeFileAtomic(join(directory, 'layer.json'), content, { durability: 'boot' });
    // One call for all files of the layer: an fsync each would take a commit of the journal per file.
    await syncFileSystem(unpacking);
    await rename(directory, join(this.#directories.layers, hexOf(layer.chainId)));
    const parent = await open(this.#directories.layers, 'r');
    try {
      await parent.sync();
    } finally {
      await parent.close();
    }
    this.#layers.set(layer.chainId, layer);
  }

  /** A directory without a good `layer.json` is no layer: nothing finds it, the next sweep removes it. */
  async #load(name: string): Promise<void> {
    const chainId = `sha256:${name}`;
    if (!isDigest(chainId)) return;
    const path = join(this.#directories.layers, name, 'layer.json');
    const layer = await readFile(path).then(parseLayer, () => null);
    if (layer?.chainId === chainId) this.#layers.set(chainId, layer);
    else await this.remove(chainId);
  }
}

function stackOn(parent: Digest | null, diffId: Digest): Digest {
  return parent === null ? diffId : digestOf(`${parent} ${diffId}`);
}

function checksumOf(layer: Layer): string {
  const { chainId, diffId, parent, bytes, entries, root, hidesBelow } = layer;
  return digestOf(
    JSON.stringify([chainId, diffId, parent, bytes, entries, Object.values(root), hidesBelow]),
  );
}

function parseLayer(content: Buffer): Layer | null {
  const json = parseDocument(content, 'layer.json');
  const { chainId, diffId, parent, bytes, entries, root, hidesBelow } = json;
  if (!isDigest(chainId) || !isDigest(diffId) || !isObject(root)) return null;
  if (typeof bytes !== 'number' || typeof entries !== 'number') return null;
  const { mode, uid, gid } = root;
  if (typeof mode !== 'number' || typeof uid !== 'number' || typeof gid !== 'number') return null;
  const layer: Layer = {
    chainId,
    diffId,
    parent: isDigest(parent) ? parent : null,
    bytes,
    entries,
    root: { mode, uid, gid },
    hidesBelow: hidesBelow === true,
  };
  return json['checksum'] === checksumOf(layer) ? layer : null;
}

/** Below a directory of ours; its content came out of archives, so it goes through native. */
export async function emptyDirectory(path: string): Promise<void> {
  const directory = openRoot(path);
  try {
    for (const name of await readdir(path)) await removeTreeAt(directory, name);
  } finally {
    closeFd(directory);
  }
}
