/** The engine's images: names and ids, arrival, removal. The operations themselves are in files of their own. */
import { arch } from 'node:os';
import { join } from 'node:path';
import {
  EngineError,
  type ImageDeleted,
  type ImageInspect,
  type ImageSummary,
} from '../api/index.ts';
import type { Layout } from '../store/index.ts';
import { Catalog, type Problem } from './catalog.ts';
import { ContentStore } from './content.ts';
import { commitImage, type CommitOptions } from './commit.ts';
import type { ImageContext } from './context.ts';
import { sweep } from './gc.ts';
import { ensureHostImage, type HostOptions } from './host-image.ts';
import { importRootfs, type ImportOptions } from './import.ts';
import { toInspect, toSummary } from './inspect.ts';
import { LayerStore } from './layer-store.ts';
import { Leases } from './leases.ts';
import { loadArchive, type LoadedImage } from './load.ts';
import { defaultLimits, type ArchiveLimits, type Image } from './model.ts';
import { nameToGive } from './names.ts';
import { removeImage, type RemoveOptions } from './remove.ts';

export interface ImageStoreOptions {
  readonly layout: Pick<Layout, 'images' | 'snapshots' | 'temporary' | 'records'>;
  readonly limits?: Partial<ArchiveLimits>;
  /** The wall clock; a test may bring its own. */
  readonly now?: () => Date;
}

export class ImageStore {
  readonly #context: ImageContext;

  private constructor(context: ImageContext) {
    this.#context = context;
  }

  /** One store per state root. Sweeps what a dead engine left: staged blobs, half unpacked layers, unneeded ones. */
  static async open(options: ImageStoreOptions): Promise<ImageStore> {
    const { layout, now = () => new Date() } = options;
    const limits = { ...defaultLimits, ...options.limits };
    const [content, layers] = await Promise.all([
      ContentStore.open(layout.images, join(layout.temporary, 'blobs')),
      LayerStore.open(
        {
          layers: join(layout.snapshots, 'layers'),
          unpacking: join(layout.temporary, 'layers'),
        },
        limits,
      ),
    ]);
    const { documentBytes } = limits;
    const directory = layout.records.images;
    const catalog = await Catalog.open({ directory, content, documentBytes, now });
    const platform = { os: 'linux', architecture: architectureOf(arch()) };
    const leases = new Leases();
    const context = { content, layers, catalog, leases, limits, platform, now };
    // A record that could not be read may be all that names a layer: nothing is swept until it is mended.
    if (catalog.problems.length === 0) await sweep(context);
    return new ImageStore(context);
  }

  /** What could not be read at opening; for the log. */
  get problems(): readonly Problem[] {
    return this.#context.catalog.problems;
  }

  /** For `Snapshots.open`. */
  get layers(): LayerStore {
    return this.#context.layers;
  }

  list(): readonly Image[] {
    return this.#context.catalog.list();
  }

  summaries(): readonly ImageSummary[] {
    return this.list()
      .map(toSummary)
      .sort((a, b) => b.Created - a.Created);
  }

  /** Of all layers on the disk, each counted once. */
  layersBytes(): number {
    return this.layers.list().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes of an image's layers that another image has as well. */
  sharedBytes(id: string): number {
    const chain = this.require(id).chain;
    const others = new Set(
      this.list().flatMap((image) => (image.id === id ? [] : [...image.chain])),
    );
    return chain
      .filter((chainId) => others.has(chainId))
      .reduce((sum, chainId) => sum + (this.layers.get(chainId)?.bytes ?? 0), 0);
  }

  /** By name, id, or an unambiguous beginning of an id. */
  resolve(ref: string): Image | null {
    return this.#context.catalog.find(ref);
  }

  /** As `resolve`, or EngineError `not-found` in Docker's words. */
  require(ref: string): Image {
    const image = this.resolve(ref);
    if (image === null)
      throw new EngineError('not-found', `No such image: ${ref}`, { details: { image: ref } });
    return image;
  }

  inspect(ref: string): ImageInspect {
    return toInspect(this.require(ref));
  }

  load(
    source: AsyncIterable<Uint8Array>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly LoadedImage[]> {
    return loadArchive(this.#context, source, options.signal);
  }

  import(source: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Image> {
    return importRootfs(this.#context, source, options);
  }

  commit(source: AsyncIterable<Uint8Array>, options: CommitOptions): Promise<Image> {
    return commitImage(this.#context, source, options);
  }

  async tag(ref: string, name: string): Promise<void> {
    const { id } = this.require(ref);
    await this.#context.catalog.addName(id, nameToGive(name));
  }

  async remove(ref: string, options: RemoveOptions): Promise<readonly ImageDeleted[]> {
    return await removeImage(this.#context, { image: this.require(ref), ref }, options);
  }

  /** The built-in image, made from the host as it is now. */
  ensureHostImage(options: HostOptions): Promise<Image> {
    return ensureHostImage(this.#context, options);
  }
}

/** Node's name of the processor as image-spec writes it (Go's GOARCH). */
function architectureOf(name: string): string {
  const names: Readonly<Record<string, string>> = {
    x64: 'amd64',
    ia32: '386',
    ppc64: 'ppc64le',
    mipsel: 'mipsle',
    loong64: 'loong64',
  };
  return names[name] ?? name;
}
