/**
 * Which images there are and what they are called: one durable record per image, all of them in memory with their
 * config documents. A name belongs to one image; giving it to another is two records, the gaining one first, and the
 * older claim loses when a crash left both.
 */
import { canonicalReference, EngineError, parseReference, withDefaultTag } from '../api/index.ts';
import { resolvePrefix } from '../lib/index.ts';
import { RecordStore, type JsonObject, type QuarantinedRecord } from '../store/index.ts';
import type { ContentStore } from './content.ts';
import { hexOf, isDigest } from './digest.ts';
import { isObject, parseImageDocument, text, textList } from './document.ts';
import type { Descriptor, Digest, HostPart, HostParts, Image, ImageDocument } from './model.ts';

export interface NameRecord {
  /** Canonical. */
  readonly name: string;
  /** RFC 3339. */
  readonly taggedAt: string;
}

export interface ImageRecord {
  readonly id: Digest;
  readonly manifest: Descriptor;
  readonly names: readonly NameRecord[];
  readonly repoDigests: readonly string[];
  readonly chain: readonly Digest[];
  readonly sizeBytes: number;
  readonly host: HostParts | null;
  /** What the built-in image was made from; equal means that nothing has to be made again. */
  readonly hostFingerprint: string | null;
}

export interface Problem {
  readonly what: string;
  readonly reason: string;
}

interface Entry {
  readonly record: ImageRecord;
  readonly image: Image;
}

export interface CatalogOptions {
  readonly directory: string;
  readonly content: ContentStore;
  readonly documentBytes: number;
  readonly now?: () => Date;
}

export class Catalog {
  readonly #records: RecordStore<ImageRecord>;
  readonly #content: ContentStore;
  readonly #now: () => Date;
  readonly #entries = new Map<Digest, Entry>();
  readonly #names = new Map<string, Digest>();
  /** What could not be read when the store was opened, for the engine's log. */
  readonly problems: Problem[] = [];

  private constructor(records: RecordStore<ImageRecord>, options: CatalogOptions) {
    this.#records = records;
    this.#content = options.content;
    this.#now = options.now ?? (() => new Date());
  }

  static async open(options: CatalogOptions): Promise<Catalog> {
    const { store, quarantined } = await RecordStore.open<ImageRecord>({
      directory: options.directory,
      durability: 'disk',
      schemaVersion: 1,
      read: readRecord,
    });
    const catalog = new Catalog(store, options);
    catalog.problems.push(...quarantined.map(toProblem));
    await Promise.all(store.values().map((record) => catalog.#load(record, options.documentBytes)));
    await catalog.#settleNames();
    await catalog.#writeIndex();
    return catalog;
  }

  list(): readonly Image[] {
    return Array.from(this.#entries.values(), ({ image }) => image);
  }

  get(id: Digest): Image | null {
    return this.#entries.get(id)?.image ?? null;
  }

  record(id: Digest): ImageRecord | null {
    return this.#entries.get(id)?.record ?? null;
  }

  /** By canonical name. */
  named(name: string): Image | null {
    const id = this.#names.get(name);
    return id === undefined ? null : this.get(id);
  }

  /** By id, an unambiguous beginning of one, name, or digest. A name wins over the beginning of an id. */
  find(ref: string): Image | null {
    const hex = ref.startsWith('sha256:') ? ref.slice('sha256:'.length) : ref;
    if (/^[0-9a-f]{64}$/.test(hex)) return this.get(`sha256:${hex}`);
    return (ref.startsWith('sha256:') ? null : this.#findByName(ref)) ?? this.#findByPrefix(hex);
  }

  /** Adds an image, or names to one that is known. `names` are canonical and taken from whoever has them. */
  async put(
    record: Omit<ImageRecord, 'names'>,
    document: ImageDocument,
    names: readonly string[],
  ): Promise<Image> {
    const taggedAt = this.#now().toISOString();
    const known = this.record(record.id);
    const kept = (known?.names ?? []).filter(({ name }) => !names.includes(name));
    const next: ImageRecord = {
      ...record,
      repoDigests: [...new Set([...(known?.repoDigests ?? []), ...record.repoDigests])],
      names: [...kept, ...names.map((name) => ({ name, taggedAt }))],
    };
    await this.#store(next, document);
    for (const name of names) await this.#move(name, record.id);
    await this.#writeIndex();
    return this.#require(record.id);
  }

  async addName(id: Digest, name: string): Promise<void> {
    const { record, image } = this.#requireEntry(id);
    await this.put(record, image.document, [name]);
  }

  async removeName(id: Digest, name: string): Promise<void> {
    const { record, image } = this.#requireEntry(id);
    const names = record.names.filter((entry) => entry.name !== name);
    await this.#store({ ...record, names }, image.document);
    if (this.#names.get(name) === id) this.#names.delete(name);
    await this.#writeIndex();
  }

  async delete(id: Digest): Promise<void> {
    await this.#records.delete(hexOf(id));
    for (const { name } of this.record(id)?.names ?? [])
      if (this.#names.get(name) === id) this.#names.delete(name);
    this.#entries.delete(id);
    await this.#writeIndex();
  }

  #findByName(ref: string): Image | null {
    let reference;
    try {
      reference = withDefaultTag(parseReference(ref));
    } catch (error) {
      if (error instanceof EngineError) return null;
      throw error;
    }
    const { digest } = reference;
    if (digest === null) return this.named(canonicalReference(reference));
    // With both, the digest decides; the tag is what somebody remembered.
    const wanted = canonicalReference({ ...reference, tag: null });
    return this.list().find(({ repoDigests }) => repoDigests.includes(wanted)) ?? null;
  }

  #findByPrefix(hex: string): Image | null {
    if (!/^[0-9a-f]+$/.test(hex)) return null;
    const match = resolvePrefix([...this.#entries.keys()].map(hexOf), hex);
    if (match.kind === 'ambiguous')
      throw new EngineError('invalid-argument', `ambiguous image id "${hex}"`, {
        hint: 'give more of its digits',
      });
    return match.kind === 'found' ? this.get(`sha256:${match.id}`) : null;
  }

  async #load(record: ImageRecord, documentBytes: number): Promise<void> {
    const what = `image ${hexOf(record.id).slice(0, 12)}`;
    try {
      const bytes = await this.#content.read(record.id, documentBytes);
      this.#remember(record, parseImageDocument(bytes, `the config of ${what}`));
    } catch (error) {
      this.problems.push({ what, reason: (error as Error).message });
    }
  }

  /** After a crash between the two records of a moved name, both images have it. */
  async #settleNames(): Promise<void> {
    const claims = this.list().flatMap(({ id }) =>
      (this.record(id)?.names ?? []).map((claim) => ({ ...claim, id })),
    );
    claims.sort((a, b) => a.taggedAt.localeCompare(b.taggedAt));
    for (const { name, id } of claims) await this.#move(name, id);
  }

  async #move(name: string, to: Digest): Promise<void> {
    const from = this.#names.get(name);
    this.#names.set(name, to);
    if (from === undefined || from === to) return;
    const { record, image } = this.#requireEntry(from);
    const names = record.names.filter((entry) => entry.name !== name);
    await this.#store({ ...record, names }, image.document);
  }

  async #store(record: ImageRecord, document: ImageDocument): Promise<void> {
    await this.#records.put(hexOf(record.id), record);
    this.#remember(record, document);
  }

  #remember(record: ImageRecord, document: ImageDocument): void {
    const { id, manifest, names, repoDigests, chain, sizeBytes, host } = record;
    const image: Image = {
      id,
      manifest,
      names: names.map(({ name }) => name).sort(),
      repoDigests,
      document,
      chain,
      sizeBytes,
      lastTagTime:
        names
          .map(({ taggedAt }) => taggedAt)
          .sort()
          .at(-1) ?? never,
      host,
    };
    this.#entries.set(id, { record, image });
  }

  #require(id: Digest): Image {
    return this.#requireEntry(id).image;
  }

  #requireEntry(id: Digest): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new RangeError(`there is no image ${id}`);
    return entry;
  }

  async #writeIndex(): Promise<void> {
    const entries = [...this.#entries.values()].sort((a, b) =>
      a.image.id.localeCompare(b.image.id),
    );
    await this.#content.writeIndex(entries.flatMap(({ image }) => toIndexEntries(image)));
  }
}

const never = '0001-01-01T00:00:00Z';

/** One entry per name, image-spec annotations.md and containerd's key for the whole name. */
function toIndexEntries({ manifest, names }: Image): Descriptor[] {
  const { mediaType, digest, size } = manifest;
  if (names.length === 0) return [{ mediaType, digest, size }];
  return names.map((name) => ({
    mediaType,
    digest,
    size,
    annotations: {
      'io.containerd.image.name': name,
      'org.opencontainers.image.ref.name': parseReference(name).tag ?? '',
    },
  }));
}

function toProblem({ path, reason, movedTo }: QuarantinedRecord): Problem {
  return { what: path, reason: movedTo === null ? reason : `${reason}; moved to ${movedTo}` };
}

function readRecord(body: JsonObject): ImageRecord | null {
  const { id, manifest, names, repoDigests, chain, sizeBytes, host, hostFingerprint } = body;
  if (!isDigest(id) || !isObject(manifest) || !isDigest(manifest['digest'])) return null;
  if (!Array.isArray(chain) || !chain.every(isDigest)) return null;
  if (!Array.isArray(names) || !names.every(isNameRecord)) return null;
  if (typeof sizeBytes !== 'number') return null;
  return {
    id,
    manifest: {
      mediaType: text(manifest['mediaType']) ?? '',
      digest: manifest['digest'],
      size: Number(manifest['size']),
    },
    names,
    repoDigests: textList(repoDigests) ?? [],
    chain,
    sizeBytes,
    host: readHost(host),
    hostFingerprint: text(hostFingerprint) ?? null,
  };
}

function isNameRecord(value: unknown): value is NameRecord {
  return (
    isObject(value) && text(value['name']) !== undefined && text(value['taggedAt']) !== undefined
  );
}

function readHost(value: unknown): HostParts | null {
  if (!isObject(value)) return null;
  return { overlays: readParts(value['overlays']), binds: readParts(value['binds']) };
}

function readParts(value: unknown): readonly HostPart[] {
  return Array.isArray(value) ? value.filter(isPart) : [];
}

function isPart(value: unknown): value is HostPart {
  return textList(value)?.length === 2;
}
