/** A container's volumes, binds and tmpfs: decided when it is made, given to the shim at every start. */
import { stat } from 'node:fs/promises';
import type { ContainerConfig, HostConfig, MountPoint } from '../api/index.ts';
import { EngineError } from '../api/index.ts';
import type { Image } from '../images/index.ts';
import { makePath } from '../lib/index.ts';
import type { Rollback } from '../lib/index.ts';
import { parseMounts, resolveMount } from '../../volumes/index.ts';
import type {
  BindMount,
  MountParts,
  MountRequest,
  ResolvedMount,
  Volume,
} from '../../volumes/index.ts';
import { withAnnotations } from './annotations.ts';
import { ownerProblem } from './bind-owners.ts';
import type { ContainerRecord, MountRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { requirePropagation } from './mount-table.ts';
import { inheritedMounts } from './volumes-from.ts';

type Context = Pick<ContainerContext, 'containers' | 'volumes' | 'snapshots' | 'images'>;

interface MountsRequest {
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  /** Learns of anonymous volumes; named ones stay, as in Docker. */
  readonly rollback: Rollback;
  /** For what is made differently than asked. */
  readonly warnings: string[];
}

/** Checks the requests, makes missing volumes and fills empty ones with the image's content. */
export async function createMounts(
  ctx: Context,
  image: Image,
  { config, hostConfig, rollback, warnings }: MountsRequest,
): Promise<readonly MountRecord[]> {
  const inherited = inheritedMounts(ctx, hostConfig.VolumesFrom ?? []);
  const asked = parseMounts({
    binds: hostConfig.Binds ?? [],
    mounts: hostConfig.Mounts ?? [],
    tmpfs: hostConfig.Tmpfs ?? {},
    imageVolumes: Object.keys(config.Volumes ?? {}).filter((target) => !inherited.has(target)),
  });
  const requests = withAnnotations(asked, hostConfig).map((request) =>
    request.kind === 'volume' && request.driver === ''
      ? { ...request, driver: hostConfig.VolumeDriver ?? '' }
      : request,
  );
  const own = new Set(requests.map(({ target }) => target));
  const records = [...inherited.values()].filter(({ request }) => !own.has(request.target));
  // One after the other: two mounts may share a volume, and the first one fills it.
  for (const request of requests) {
    records.push(await createMount(ctx, request, { image, rollback, warnings }));
  }
  return records;
}

interface Surroundings {
  readonly image: Image;
  readonly rollback: Rollback;
  readonly warnings: string[];
}

async function createMount(
  ctx: Context,
  request: MountRequest,
  surroundings: Surroundings,
): Promise<MountRecord> {
  switch (request.kind) {
    case 'volume':
      return await createVolumeMount(ctx, request, surroundings);
    case 'bind': {
      await requireSource(request);
      if (request.file !== undefined) await requireFile(request);
      const problem = ownerProblem(request);
      if (problem !== null) surroundings.warnings.push(problem);
      return { point: bindPoint(request), request, isAnonymous: false };
    }
    case 'tmpfs':
      return { point: tmpfsPoint(request), request, isAnonymous: false };
    case 'image':
      return createImageMount(ctx, request);
  }
}

/** What the reference names now is what is mounted from now on, as with the container's own image. */
function createImageMount(
  ctx: Pick<Context, 'images'>,
  request: Extract<MountRequest, { kind: 'image' }>,
): MountRecord {
  const { source, target } = request;
  const image = ctx.images.resolve(source);
  if (image === null) {
    throw new EngineError('not-found', `No such image: ${source}`, {
      hint: 'load or import it',
      details: { image: source, target },
    });
  }
  if (image.host !== null || image.chain.length === 0) {
    throw new EngineError('invalid-argument', `image ${source} has no files that can be mounted`);
  }
  const point: MountPoint = {
    Type: 'image',
    Name: source,
    Source: '',
    Destination: target,
    Mode: '',
    RW: false,
    Propagation: 'rprivate',
  };
  return { point, request: { ...request, imageId: image.id }, isAnonymous: false };
}

async function createVolumeMount(
  ctx: Context,
  request: Extract<MountRequest, { kind: 'volume' }>,
  { image, rollback }: Surroundings,
): Promise<MountRecord> {
  const isAnonymous = request.name === '';
  const volume = await ctx.volumes.create({
    ...(!isAnonymous && { name: request.name }),
    driver: request.driver,
    driverOptions: request.driverOptions,
    labels: request.labels,
  });
  if (isAnonymous) rollback.add('volume', () => ctx.volumes.remove(volume.name));
  if (!request.hasNoCopy && (await ctx.volumes.isEmpty(volume.name))) {
    await ctx.snapshots.view(image, (root) =>
      ctx.volumes.copyUp(volume.name, { root, path: request.target }),
    );
  }
  return {
    point: volumePoint(request, volume),
    request: { ...request, name: volume.name },
    isAnonymous,
  };
}

async function requireFile({ source, target }: BindMount): Promise<void> {
  if ((await stat(source)).isFile()) return;
  throw new EngineError(
    'invalid-argument',
    `"${source}" is not a file, so its owner and mode cannot be chosen`,
    { details: { source, target } },
  );
}

async function requireSource(request: Extract<MountRequest, { kind: 'bind' }>): Promise<void> {
  const exists = await stat(request.source).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    },
  );
  if (exists) return;
  if (request.createsSource) {
    await makePath(request.source);
    return;
  }
  throw new EngineError(
    'invalid-argument',
    `invalid mount config for type "bind": bind source path does not exist: ${request.source}`,
    { details: { source: request.source, target: request.target } },
  );
}

function volumePoint(
  request: Extract<MountRequest, { kind: 'volume' }>,
  volume: Volume,
): MountPoint {
  return {
    Type: 'volume',
    Name: volume.name,
    Source: volume.mountpoint,
    Destination: request.target,
    Driver: volume.driver,
    // Docker shares a volume among containers with SELinux unless somebody says otherwise.
    Mode: request.mode ?? 'z',
    RW: !request.isReadonly,
    Propagation: '',
  };
}

function bindPoint(request: Extract<MountRequest, { kind: 'bind' }>): MountPoint {
  return {
    Type: 'bind',
    Source: request.source,
    Destination: request.target,
    Mode: request.mode ?? '',
    RW: !request.isReadonly,
    Propagation: request.propagation,
  };
}

function tmpfsPoint(request: Extract<MountRequest, { kind: 'tmpfs' }>): MountPoint {
  return {
    Type: 'tmpfs',
    Source: '',
    Destination: request.target,
    Mode: '',
    RW: !request.isReadonly,
    Propagation: '',
  };
}

/** For the shim. What was removed by hand meanwhile is an error, not an empty directory. */
export function sandboxMounts(
  ctx: Pick<ContainerContext, 'volumes' | 'images' | 'snapshots'>,
  record: ContainerRecord,
): readonly ResolvedMount[] {
  return record.mounts.map(({ request }) => resolveMount(request, partsOf(ctx, request)));
}

function partsOf(
  ctx: Pick<ContainerContext, 'volumes' | 'images' | 'snapshots'>,
  request: MountRequest,
): MountParts {
  if (request.kind === 'volume') {
    const volume = ctx.volumes.get(request.name);
    if (volume !== undefined) return { mountpoint: volume.mountpoint };
    throw new EngineError('not-found', `get ${request.name}: no such volume`, {
      hint: 'the volume of this container was removed; create the container again',
    });
  }
  if (request.kind === 'bind') requirePropagation(request);
  if (request.kind !== 'image') return {};
  const image = ctx.images.resolve(request.imageId);
  if (image !== null) return { lowerDirs: ctx.snapshots.lowerDirs(image) };
  throw new EngineError('not-found', `No such image: ${request.source}`, {
    hint: 'an image that this container mounts was removed; create the container again',
  });
}
