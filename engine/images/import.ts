/** `docker import`: the tar of a root file system becomes an image of one layer. */
import { createReadStream } from 'node:fs';
import type { StagedBlob } from './content.ts';
import type { ImageContext } from './context.ts';
import { applyChanges } from './changes.ts';
import { describeFailure } from './failure.ts';
import { sweep } from './gc.ts';
import { recordArrival, type Arrival } from './install.ts';
import type { Digest, HostParts, Image, ImageDocument, RunConfig } from './model.ts';
import { nameToGive } from './names.ts';

export interface ImportOptions {
  /** As written, `latest` if it has no tag; null makes an image without a name. */
  readonly reference: string | null;
  readonly changes?: readonly string[];
  readonly message?: string;
  readonly signal?: AbortSignal;
}

export async function importRootfs(
  context: ImageContext,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Image> {
  const { reference, changes = [], message = 'Imported from -', signal } = options;
  const names = reference === null ? [] : [nameToGive(reference)];
  const config = applyChanges({}, changes);
  return await makeSingleLayer(context, {
    source,
    names,
    config,
    comment: message,
    created: context.now().toISOString(),
    what: 'the root file system',
    signal,
  });
}

export interface SingleLayer {
  readonly source: AsyncIterable<Uint8Array>;
  /** Canonical. */
  readonly names: readonly string[];
  readonly config: RunConfig;
  readonly comment: string;
  /** RFC 3339. */
  readonly created: string;
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  readonly host?: { readonly parts: HostParts; readonly fingerprint: string };
}

export async function makeSingleLayer(context: ImageContext, request: SingleLayer): Promise<Image> {
  const { source, what, signal } = request;
  using lease = context.leases.open();
  let staged: StagedBlob | null = null;
  try {
    staged = await context.content.stage(source, {
      mostBytes: context.limits.archiveBytes,
      what,
    });
    lease.add(staged.digest);
    const layer = await context.layers.unpack({
      source: createReadStream(staged.path, { highWaterMark: 1 << 18 }),
      diffId: null,
      parent: null,
      what,
      signal,
    });
    lease.add(layer.chainId);
    return await recordArrival(context, toArrival(context, { request, staged, layer }), lease);
  } catch (error) {
    lease[Symbol.dispose]();
    await sweep(context);
    throw describeFailure(error, 'cannot import');
  } finally {
    if (staged !== null) await context.content.discard(staged);
  }
}

function toArrival(
  { platform }: ImageContext,
  made: {
    readonly request: SingleLayer;
    readonly staged: StagedBlob;
    readonly layer: { readonly diffId: Digest; readonly chainId: Digest };
  },
): Arrival & { readonly document: ImageDocument; readonly chain: readonly Digest[] } {
  const { request, staged, layer } = made;
  const { created, comment, config } = request;
  const document: ImageDocument = {
    ...platform,
    created,
    comment,
    config,
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [{ created, comment }],
  };
  return {
    what: request.what,
    config: Buffer.from(JSON.stringify(document)),
    layers: [staged],
    manifest: null,
    names: request.names,
    document,
    chain: [layer.chainId],
    ...(request.host !== undefined && { host: request.host }),
  };
}
