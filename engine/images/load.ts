/**
 * Image archives: what `docker save` writes (manifest.json) and OCI image layouts (index.json), packed or not. The
 * archive is read once, front to back; its members become staged blobs, and only when it has ended whole are they
 * looked at.
 */
import { posix } from 'node:path';
import { readFile } from 'node:fs/promises';
import type { ContentStore, StagedBlob } from './content.ts';
import type { ImageContext } from './context.ts';
import { decompress } from './decompress.ts';
import { invalid } from './document.ts';
import { planDockerArchive } from './docker-archive.ts';
import { describeFailure } from './failure.ts';
import { sweep } from './gc.ts';
import { recordArrival, unpackArrival, type Arrival, type UnpackedArrival } from './install.ts';
import type { ArchiveLimits, Digest, Image } from './model.ts';
import { planOciLayout } from './oci-layout.ts';
import { readTar, type TarEntry } from '../lib/index.ts';

export interface LoadedImage {
  readonly image: Image;
  /** Canonical names the archive gave it. */
  readonly names: readonly string[];
  /** Names that pointed to another image before (docker save can say it is anything). */
  readonly replaced: readonly { readonly name: string; readonly previousId: Digest }[];
}

export async function loadArchive(
  context: ImageContext,
  source: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<readonly LoadedImage[]> {
  const members = new Members(context.content, context.limits);
  using lease = context.leases.open();
  try {
    await readMembers(members, decompress(source, context.limits), signal);
    const arrivals = await plan(context, members);
    const unpacked: UnpackedArrival[] = [];
    for (const arrival of arrivals)
      unpacked.push(await unpackArrival(context, arrival, { lease, signal }));
    const loaded: LoadedImage[] = [];
    for (const arrival of unpacked) {
      const replaced = replacedBy(context, arrival);
      const image = await recordArrival(context, arrival, lease);
      loaded.push({ image, names: arrival.names, replaced: replaced(image) });
    }
    return loaded;
  } catch (error) {
    lease[Symbol.dispose]();
    await sweep(context);
    throw describeFailure(error, 'cannot load the archive');
  } finally {
    await members.discard();
  }
}

function replacedBy(
  { catalog }: ImageContext,
  { names }: Arrival,
): (image: Image) => LoadedImage['replaced'] {
  const before = names.map((name) => ({ name, previousId: catalog.named(name)?.id }));
  return (image) =>
    before.flatMap(({ name, previousId }) =>
      previousId === undefined || previousId === image.id ? [] : [{ name, previousId }],
    );
}

async function plan(context: ImageContext, members: Members): Promise<readonly Arrival[]> {
  // An archive of today's `docker save` is both; the names users gave are in manifest.json.
  if (members.has('manifest.json')) return await planDockerArchive(members);
  if (members.has('index.json')) return await planOciLayout(members, context.platform);
  throw invalid(
    'it has neither manifest.json nor index.json: not an image archive ' +
      '(the tar of a root file system is imported, not loaded)',
  );
}

async function readMembers(
  members: Members,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const entry of readTar(source)) {
    signal?.throwIfAborted();
    await members.add(entry);
  }
}

/** An archive for a registry of thousands of images; each member is one file while it is loaded. */
const mostMembers = 20_000;

/** The files of an archive by their name in it. Nothing of theirs is ever a name on the disk. */
export class Members {
  readonly #content: ContentStore;
  readonly #limits: ArchiveLimits;
  readonly #blobs = new Map<string, StagedBlob>();
  readonly #links = new Map<string, string>();
  readonly #staged: StagedBlob[] = [];
  #bytes = 0;

  constructor(content: ContentStore, limits: ArchiveLimits) {
    this.#content = content;
    this.#limits = limits;
  }

  async add(entry: TarEntry): Promise<void> {
    const name = memberName(entry.name);
    if (this.#blobs.size + this.#links.size >= mostMembers)
      throw invalid(`it has more than ${mostMembers} members`);
    if (entry.type === 'symlink')
      this.#links.set(name, memberName(posix.join(posix.dirname(name), entry.linkName)));
    else if (entry.type === 'link') this.#links.set(name, memberName(entry.linkName));
    else if (entry.type === 'file') await this.#stage(name, entry);
    else if (entry.type !== 'directory')
      throw invalid(`its member "${name}" is a ${entry.type}, which no image archive has`);
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  get(name: string): StagedBlob {
    const blob = this.#find(name);
    if (blob === undefined) throw invalid(`it has no member "${name}"`);
    return blob;
  }

  /** A small member as bytes. */
  async read(name: string): Promise<Buffer> {
    const { path, size } = this.get(name);
    if (size > this.#limits.documentBytes)
      throw invalid(`its member "${name}" has ${size} bytes, too many for a document`);
    return await readFile(path);
  }

  async discard(): Promise<void> {
    for (const staged of this.#staged) await this.#content.discard(staged);
  }

  /** docker save writes a layer that two images share once and links to it. */
  #find(name: string): StagedBlob | undefined {
    let at: string | undefined = memberName(name);
    for (let hops = 0; at !== undefined && hops < 8; hops++) {
      const blob = this.#blobs.get(at);
      if (blob !== undefined) return blob;
      at = this.#links.get(at);
    }
    return undefined;
  }

  async #stage(name: string, entry: TarEntry): Promise<void> {
    this.#bytes += entry.sizeBytes;
    if (this.#bytes > this.#limits.archiveBytes)
      throw invalid(`its content is longer than ${this.#limits.archiveBytes} bytes`);
    const staged = await this.#content.stage(contentOf(entry), {
      mostBytes: entry.sizeBytes,
      what: `member "${name}"`,
    });
    this.#staged.push(staged);
    this.#blobs.set(name, staged);
  }
}

async function* contentOf(entry: TarEntry): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of entry.content()) yield bytes;
}

function memberName(name: string): string {
  return posix.normalize(`/${name}`).replace(/\/$/, '').slice(1);
}
