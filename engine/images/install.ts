/** The last part of every way an image arrives: unpack, verify, commit, record; in this order. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { StagedBlob } from './content.ts';
import type { ImageContext } from './context.ts';
import { packingOf } from './decompress.ts';
import { chainOf } from './digest.ts';
import { invalid, makeManifest, mediaTypes, parseImageDocument } from './document.ts';
import type { Lease } from './leases.ts';
import type { Descriptor, Digest, HostParts, Image, ImageDocument } from './model.ts';

export interface Arrival {
  /** For messages: `"redis:7"`. */
  readonly what: string;
  readonly config: Buffer;
  /** Bottom first, one per diffID. */
  readonly layers: readonly StagedBlob[];
  /** Layers of an image that is here already, on which those lie. */
  readonly layersBelow?: readonly Descriptor[];
  /** The manifest it came with; null makes one. */
  readonly manifest: { readonly bytes: Buffer; readonly mediaType: string } | null;
  /** Canonical. */
  readonly names: readonly string[];
  readonly host?: { readonly parts: HostParts; readonly fingerprint: string };
}

type InstallContext = Pick<ImageContext, 'content' | 'layers' | 'catalog' | 'limits'>;

export interface UnpackedArrival extends Arrival {
  readonly document: ImageDocument;
  readonly chain: readonly Digest[];
}

/** Verifies and unpacks all layers. Takes the lease for what it makes. */
export async function unpackArrival(
  context: InstallContext,
  arrival: Arrival,
  { lease, signal }: { readonly lease: Lease; readonly signal?: AbortSignal | undefined },
): Promise<UnpackedArrival> {
  const { what } = arrival;
  const document = parseImageDocument(arrival.config, `the config of ${what}`);
  checkDocument(context, arrival, document);
  const diffIds = document.rootfs.diff_ids;
  const chain = chainOf(diffIds);
  lease.add(...chain, ...arrival.layers.map(({ digest }) => digest));
  for (const [index, staged] of arrival.layers.entries()) {
    await context.layers.unpack({
      source: createReadStream(staged.path, { highWaterMark: 1 << 18 }),
      diffId: diffIds[index] ?? null,
      parent: chain[index - 1] ?? null,
      what: `layer ${index + 1} of ${what}`,
      signal,
    });
  }
  return { ...arrival, document, chain };
}

function checkDocument(
  { limits }: InstallContext,
  { what, layers }: Arrival,
  { os, rootfs }: ImageDocument,
): void {
  const expected = rootfs.diff_ids.length;
  if (os !== 'linux') throw invalid(`${what} is an image for "${os}", not for linux`);
  if (layers.length !== expected)
    throw invalid(`${what} has ${layers.length} layers, its config says ${expected}`);
  if (expected === 0) throw invalid(`${what} has no layers`);
  if (expected > limits.layers)
    throw invalid(`${what} has ${expected} layers, ${limits.layers} are possible`);
}

/** Commits the blobs and then the record that makes them an image. */
export async function recordArrival(
  context: InstallContext,
  arrival: UnpackedArrival,
  lease: Lease,
): Promise<Image> {
  const { content, catalog } = context;
  const { document, chain, names } = arrival;
  const own = await Promise.all(arrival.layers.map(describeLayer));
  const layers = [...(arrival.layersBelow ?? []), ...own];
  for (const staged of arrival.layers) await content.commit(staged);
  const config = await content.put(arrival.config);
  lease.add(config.digest);
  const descriptor: Descriptor = { mediaType: mediaTypes.config, ...config };
  const bytes = arrival.manifest?.bytes ?? makeManifest(descriptor, layers);
  const manifest = await content.put(bytes);
  lease.add(manifest.digest);
  const mediaType = arrival.manifest?.mediaType ?? mediaTypes.manifest;
  return await catalog.put(
    {
      id: config.digest,
      manifest: { mediaType, ...manifest },
      repoDigests: [],
      chain,
      sizeBytes: sizeOf(context, chain),
      host: arrival.host?.parts ?? null,
      hostFingerprint: arrival.host?.fingerprint ?? null,
    },
    document,
    names,
  );
}

async function describeLayer({ path, digest, size }: StagedBlob): Promise<Descriptor> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(6), 0, 6, 0);
    const packing = packingOf(buffer);
    const mediaType = packing === 'none' ? mediaTypes.layer : `${mediaTypes.layer}+${packing}`;
    return { mediaType, digest, size };
  } finally {
    await file.close();
  }
}

function sizeOf({ layers }: InstallContext, chain: readonly Digest[]): number {
  return chain.reduce((sum, chainId) => sum + (layers.get(chainId)?.bytes ?? 0), 0);
}
