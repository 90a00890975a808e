/** OCI image layout archives: image-spec image-layout.md. */
import { EngineError } from '../api/index.ts';
import type { StagedBlob } from './content.ts';
import type { ImageContext } from './context.ts';
import { hexOf } from './digest.ts';
import {
  invalid,
  mediaTypes,
  parseDocument,
  parseIndex,
  parseManifest,
  type IndexEntry,
} from './document.ts';
import type { Arrival } from './install.ts';
import type { Members } from './load.ts';
import type { Descriptor } from './model.ts';
import { nameToGive } from './names.ts';

type Platform = ImageContext['platform'];

export async function planOciLayout(
  members: Members,
  platform: Platform,
): Promise<readonly Arrival[]> {
  const index = parseDocument(await members.read('index.json'), 'index.json');
  const entries = parseIndex(index, 'index.json');
  if (entries.length === 0) throw invalid('index.json names no image');
  const arrivals: Arrival[] = [];
  for (const entry of mergeNames(entries)) arrivals.push(await toArrival(members, entry, platform));
  return arrivals;
}

interface NamedEntry {
  readonly entry: IndexEntry;
  readonly names: readonly string[];
}

/** The same image under two names is two entries of one digest. */
function mergeNames(entries: readonly IndexEntry[]): NamedEntry[] {
  const merged = new Map<string, { entry: IndexEntry; names: string[] }>();
  for (const entry of entries) {
    const known = merged.get(entry.digest) ?? { entry, names: [] };
    known.names.push(...namesOf(entry));
    merged.set(entry.digest, known);
  }
  return [...merged.values()];
}

/** ref.name alone is often just a tag, which names no repository. */
function namesOf({ annotations }: IndexEntry): string[] {
  const full = annotations?.['io.containerd.image.name'];
  const short = annotations?.['org.opencontainers.image.ref.name'];
  const written = full ?? (short !== undefined && /[/:]/.test(short) ? short : undefined);
  if (written === undefined) return [];
  try {
    return [nameToGive(written)];
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw invalid(`index.json names an image badly: ${error.message}`);
  }
}

async function toArrival(
  members: Members,
  { entry, names }: NamedEntry,
  platform: Platform,
): Promise<Arrival> {
  const what =
    names[0] === undefined ? `image ${hexOf(entry.digest).slice(0, 12)}` : `"${names[0]}"`;
  const chosen = await chooseManifest(members, { entry, platform, what });
  const bytes = await readBlob(members, chosen);
  const manifest = parseManifest(parseDocument(bytes, `the manifest of ${what}`), what);
  return {
    what,
    config: await readBlob(members, manifest.config),
    layers: manifest.layers.map((layer) => findBlob(members, layer)),
    manifest: { bytes, mediaType: manifest.mediaType },
    names,
  };
}

interface Choice {
  readonly entry: IndexEntry;
  readonly platform: Platform;
  readonly what: string;
}

/** Goes down through indexes to the manifest for this machine. */
async function chooseManifest(
  members: Members,
  { entry, platform, what }: Choice,
): Promise<Descriptor> {
  let at: IndexEntry = entry;
  // Nested indexes are legal; more of them than this are not meant for us.
  for (let depth = 0; depth < 4; depth++) {
    if (at.mediaType !== mediaTypes.index && at.mediaType !== mediaTypes.dockerIndex) return at;
    const index = parseDocument(await readBlob(members, at), `the index of ${what}`);
    const match = parseIndex(index, `the index of ${what}`).find((candidate) =>
      isFor(candidate, platform),
    );
    if (match === undefined)
      throw invalid(`${what} has no manifest for ${platform.os}/${platform.architecture}`);
    at = match;
  }
  throw invalid(`${what} has too many indexes inside each other`);
}

function isFor(candidate: IndexEntry, { os, architecture }: Platform): boolean {
  if (candidate.platform === null) return true;
  return candidate.platform.os === os && candidate.platform.architecture === architecture;
}

async function readBlob(members: Members, descriptor: Descriptor): Promise<Buffer> {
  findBlob(members, descriptor);
  return await members.read(blobName(descriptor));
}

function findBlob(members: Members, descriptor: Descriptor): StagedBlob {
  const staged = members.get(blobName(descriptor));
  if (staged.digest !== descriptor.digest)
    throw invalid(`its blob ${descriptor.digest} is damaged: the bytes are ${staged.digest}`);
  if (staged.size !== descriptor.size)
    throw invalid(
      `its blob ${descriptor.digest} has ${staged.size} bytes, its descriptor says ${descriptor.size}`,
    );
  return staged;
}

function blobName({ digest }: Descriptor): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
