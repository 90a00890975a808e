/** `docker commit`: an image and what a container has changed in it become another image. */
import { createReadStream } from 'node:fs';
import { EngineError } from '../api/index.ts';
import type { ImageContext } from './context.ts';
import { applyChanges } from './changes.ts';
import type { StagedBlob } from './content.ts';
import { defined, parseDocument, parseManifest } from './document.ts';
import { describeFailure } from './failure.ts';
import { sweep } from './gc.ts';
import { recordArrival, type UnpackedArrival } from './install.ts';
import type { Lease } from './leases.ts';
import type { Descriptor, HistoryEntry, Image, ImageDocument, RunConfig } from './model.ts';
import { nameToGive } from './names.ts';

export interface CommitOptions {
  readonly parent: Image;
  /** As written; null makes an image without a name. */
  readonly reference: string | null;
  readonly config: RunConfig;
  /** Dockerfile instructions on top of `config`. */
  readonly changes: readonly string[];
  readonly author: string;
  readonly comment: string;
  /** The command of the container, for the history. */
  readonly createdBy: string;
  readonly signal?: AbortSignal | undefined;
}

/** `source` is the layer's tar. */
export async function commitImage(
  context: ImageContext,
  source: AsyncIterable<Uint8Array>,
  options: CommitOptions,
): Promise<Image> {
  const { parent, reference } = options;
  if (parent.host !== null)
    throw new EngineError(
      'invalid-argument',
      'a container of the built-in host image cannot be committed: most of its files are the host’s',
      { hint: 'export it and import the archive' },
    );
  const names = reference === null ? [] : [nameToGive(reference)];
  const config = applyChanges(options.config, options.changes);
  using lease = context.leases.open();
  lease.add(...parent.chain, parent.id, parent.manifest.digest);
  let staged: StagedBlob | null = null;
  try {
    const what = 'the changes of the container';
    staged = await context.content.stage(source, { mostBytes: context.limits.layerBytes, what });
    return await install(context, staged, { ...options, config, names, lease });
  } catch (error) {
    lease[Symbol.dispose]();
    await sweep(context);
    throw describeFailure(error, 'cannot commit');
  } finally {
    if (staged !== null) await context.content.discard(staged);
  }
}

interface Made extends CommitOptions {
  readonly names: readonly string[];
  readonly lease: Lease;
}

/** Two blocks of zeros: nothing was changed, and the image gets no layer for it. */
const emptyTarBytes = 1024;

async function install(context: ImageContext, staged: StagedBlob, made: Made): Promise<Image> {
  const { parent, lease, names } = made;
  const layers = await layersOf(context, parent);
  const isEmpty = staged.size === emptyTarBytes;
  const layer = isEmpty
    ? null
    : await context.layers.unpack({
        source: createReadStream(staged.path, { highWaterMark: 1 << 18 }),
        diffId: null,
        parent: parent.chain.at(-1) ?? null,
        what: 'the changes of the container',
        signal: made.signal,
      });
  lease.add(...layers.map(({ digest }) => digest));
  if (layer !== null) lease.add(layer.chainId, staged.digest);
  const document = documentOf(context, made, layer === null ? [] : [layer.diffId]);
  if (document.rootfs.diff_ids.length > context.limits.layers)
    throw new EngineError(
      'invalid-argument',
      `the image would have more than ${context.limits.layers} layers`,
      { hint: 'export the container and import the archive, which makes one layer of all' },
    );
  const arrival: UnpackedArrival = {
    what: 'the committed container',
    config: Buffer.from(JSON.stringify(document)),
    layers: layer === null ? [] : [staged],
    layersBelow: layers,
    manifest: null,
    names,
    document,
    chain: [...parent.chain, ...(layer === null ? [] : [layer.chainId])],
  };
  return await recordArrival(context, arrival, lease);
}

async function layersOf(
  { content, limits }: ImageContext,
  { manifest, id }: Image,
): Promise<readonly Descriptor[]> {
  const what = `the manifest of ${id}`;
  const bytes = await content.read(manifest.digest, limits.documentBytes);
  return parseManifest(parseDocument(bytes, what), what).layers;
}

function documentOf(
  context: ImageContext,
  { parent, config, author, comment, createdBy }: Made,
  diffIds: readonly ImageDocument['rootfs']['diff_ids'][number][],
): ImageDocument {
  const { architecture, os, variant, rootfs, history } = parent.document;
  const created = context.now().toISOString();
  const texts = {
    author: author === '' ? undefined : author,
    comment: comment === '' ? undefined : comment,
  };
  const entry: HistoryEntry = {
    ...{ created, created_by: createdBy },
    ...defined(texts),
    ...(diffIds.length === 0 && { empty_layer: true }),
  };
  return {
    ...{ architecture, os, created },
    ...defined({ variant, ...texts }),
    config,
    rootfs: { type: 'layers', diff_ids: [...rootfs.diff_ids, ...diffIds] },
    history: [...history, entry],
  };
}
