/** Prune and disk usage over all kinds of things, by the verbs that remove one. */
import { EngineError } from '../../api/index.ts';
import type {
  ContainersPruned,
  ContainerSummary,
  ImageDeleted,
  ImagesPruned,
  ImageSummary,
  MeasuredVolume,
  NetworksPruned,
  VolumesPruned,
} from '../../api/index.ts';
import type { Container } from '../../containers/container.ts';
import type { ContainerContext } from '../../containers/context.ts';
import { summarize } from '../../containers/inspect.ts';
import { removeContainer } from '../../containers/remove.ts';
import { isAlive } from '../../containers/state.ts';
import type { Image, ImageStore } from '../../images/index.ts';
import type { VolumeStore } from '../../../volumes/index.ts';
import type {
  ImageBackend,
  NetworkBackend,
  PruneBackend,
  PruneSelection,
  VolumeBackend,
} from '../routes/index.ts';
import { sizesOf } from './containers.ts';
import { usersOfImage } from './images.ts';
import { usersOf } from './volumes.ts';

export interface PruneContext {
  readonly context: ContainerContext;
  readonly images: ImageStore;
  readonly volumes: VolumeStore;
  readonly backends: {
    readonly images: ImageBackend;
    readonly networks: NetworkBackend;
    readonly volumes: VolumeBackend;
  };
}

export function createPruneBackend(ctx: PruneContext): PruneBackend {
  return {
    containers: (selection) => pruneContainers(ctx, selection),
    networks: (selection) => pruneNetworks(ctx, selection),
    volumes: (selection, { all }) => pruneVolumes(ctx, selection, all),
    images: (selection, { all }) => pruneImages(ctx, selection, all),
    diskUsage: async (types) => ({
      LayersSize: types.has('image') ? ctx.images.layersBytes() : 0,
      Images: types.has('image') ? imagesUsed(ctx) : null,
      Containers: types.has('container') ? await containersUsed(ctx) : null,
      Volumes: types.has('volume') ? await volumesUsed(ctx) : null,
      BuildCache: types.has('build-cache') ? [] : null,
    }),
  };
}

type PrunedKind = 'container' | 'image' | 'network' | 'volume';

function publish({ context }: PruneContext, type: PrunedKind, reclaimed: number): void {
  const attributes = { reclaimed: String(reclaimed) };
  context.events.publish({ type, action: 'prune', id: '', attributes });
}

async function pruneContainers(
  ctx: PruneContext,
  selection: PruneSelection,
): Promise<ContainersPruned> {
  const candidates = [...ctx.context.containers].filter(
    (container) => !isAlive(container.status) && selection.matches(factsOf(container)),
  );
  const removed = await removeEach(candidates, async (container) => {
    const bytes = await ctx.context.snapshots.usage(container.id);
    await removeContainer(ctx.context, container.id, { force: false, volumes: false });
    return { name: container.id, bytes };
  });
  publish(ctx, 'container', removed.bytes);
  return { ContainersDeleted: removed.names, SpaceReclaimed: removed.bytes };
}

async function pruneNetworks(
  ctx: PruneContext,
  selection: PruneSelection,
): Promise<NetworksPruned> {
  const candidates = (await ctx.backends.networks.list()).filter(
    ({ Name, Containers, Labels, Created }) =>
      !['bridge', 'host', 'none'].includes(Name) &&
      Object.keys(Containers).length === 0 &&
      !isNetworkOfContainer(ctx, Name) &&
      selection.matches({ labels: Labels, createdNs: timeOf(Created) }),
  );
  const removed = await removeEach(candidates, async ({ Id, Name }) => {
    await ctx.backends.networks.remove(Id);
    return { name: Name, bytes: 0 };
  });
  publish(ctx, 'network', 0);
  return { NetworksDeleted: removed.names };
}

async function pruneVolumes(
  ctx: PruneContext,
  selection: PruneSelection,
  all: boolean,
): Promise<VolumesPruned> {
  const candidates = ctx.volumes.list().filter(
    ({ name, isAnonymous, labels, createdAt, driverOptions }) =>
      (all || isAnonymous) &&
      // As in Docker: what it stands for is somewhere else.
      Object.keys(driverOptions).length === 0 &&
      usersOf(ctx.context.containers, name).length === 0 &&
      selection.matches({ labels, createdNs: timeOf(createdAt) }),
  );
  const removed = await removeEach(candidates, async ({ name }) => {
    const { bytes } = await ctx.volumes.sizeOf(name);
    await ctx.backends.volumes.remove(name, { force: false });
    return { name, bytes };
  });
  publish(ctx, 'volume', removed.bytes);
  return { VolumesDeleted: removed.names, SpaceReclaimed: removed.bytes };
}

async function pruneImages(
  ctx: PruneContext,
  selection: PruneSelection,
  all: boolean,
): Promise<ImagesPruned> {
  const before = ctx.images.layersBytes();
  const candidates = ctx.images
    .list()
    .filter((image) => isPrunable(ctx, image, all) && selection.matches(imageFacts(ctx, image)));
  const deleted: ImageDeleted[] = [];
  await removeEach(candidates, async ({ id }) => {
    const entries = await ctx.backends.images.remove(id, { force: true, noPrune: false });
    deleted.push(...entries);
    return { name: id, bytes: 0 };
  });
  const bytes = Math.max(0, before - ctx.images.layersBytes());
  publish(ctx, 'image', bytes);
  return { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: bytes };
}

/** One after the other. What somebody has begun to use meanwhile, or removed, is left out. */
async function removeEach<T>(
  candidates: readonly T[],
  remove: (candidate: T) => Promise<{ readonly name: string; readonly bytes: number }>,
): Promise<{ readonly names: readonly string[] | null; readonly bytes: number }> {
  const removed: { readonly name: string; readonly bytes: number }[] = [];
  for (const candidate of candidates) {
    try {
      removed.push(await remove(candidate));
    } catch (error) {
      if (!(error instanceof EngineError) || !forgiven.has(error.kind)) throw error;
    }
  }
  return {
    names: removed.length === 0 ? null : removed.map(({ name }) => name),
    bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const forgiven: ReadonlySet<EngineError['kind']> = new Set(['conflict', 'not-found', 'forbidden']);

function factsOf({ record }: Container): {
  readonly labels: Readonly<Record<string, string>>;
  readonly createdNs: bigint;
} {
  return { labels: record.config.Labels ?? {}, createdNs: BigInt(record.createdNs) };
}

function timeOf(rfc3339: string): bigint {
  return BigInt(Date.parse(rfc3339)) * 1_000_000n;
}

/** Docker takes a network that a stopped container is to join; the next start of that would fail. */
function isNetworkOfContainer({ context }: PruneContext, name: string): boolean {
  return [...context.containers].some(({ record }) => Object.hasOwn(record.endpoints, name));
}

function isPrunable({ context }: PruneContext, image: Image, all: boolean): boolean {
  // The engine's own image is there again at once, so nothing would be won.
  if (image.host !== null) return false;
  if (!all && image.names.length > 0) return false;
  return usersOfImage(context.containers, image.id).length === 0;
}

function imageFacts(ctx: PruneContext, image: Image): ReturnType<typeof factsOf> {
  const { Created, Config } = ctx.images.inspect(image.id);
  return { labels: Config.Labels ?? {}, createdNs: timeOf(Created) };
}

function imagesUsed(ctx: PruneContext): readonly ImageSummary[] {
  return ctx.images.summaries().map((summary) => ({
    ...summary,
    SharedSize: ctx.images.sharedBytes(summary.Id),
    Containers: usersOfImage(ctx.context.containers, summary.Id).length,
  }));
}

async function containersUsed({ context }: PruneContext): Promise<ContainerSummary[]> {
  const summaries: ContainerSummary[] = [];
  for (const container of context.containers)
    summaries.push({ ...summarize(container), ...(await sizesOf(context, container)) });
  return summaries;
}

async function volumesUsed(ctx: PruneContext): Promise<MeasuredVolume[]> {
  const measured: MeasuredVolume[] = [];
  for (const { volume } of await ctx.backends.volumes.list()) {
    if (Object.keys(volume.Options ?? {}).length > 0) continue;
    const RefCount = usersOf(ctx.context.containers, volume.Name).length;
    const { bytes: Size } = await ctx.volumes.sizeOf(volume.Name);
    measured.push({ ...volume, UsageData: { Size, RefCount } });
  }
  return measured;
}
