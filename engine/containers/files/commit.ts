/** `docker commit`: what a container has changed, as the layer of a new image. */
import { EngineError } from '../../api/index.ts';
import type { ContainerConfig } from '../../api/index.ts';
import type { Image, ImageStore, RunConfig } from '../../images/index.ts';
import type { TarHeader } from '../../lib/index.ts';
import { mergeConfig } from '../config.ts';
import type { Container } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import { publishContainer } from '../events.ts';
import { withContainer } from '../locked.ts';
import { letGoOn } from '../pause.ts';
import { packTree, type FoundEntry } from './pack.ts';
import { closeUppers, isMountPoint, isOpaque, isWhiteout, openUppers } from './upper.ts';

type Context = Pick<
  ContainerContext,
  'containers' | 'locks' | 'images' | 'snapshots' | 'cgroups' | 'events'
>;

export interface CommitRequest {
  /** `name[:tag]`; null makes an image without a name. */
  readonly reference: string | null;
  readonly changes: readonly string[];
  readonly author: string;
  readonly comment: string;
  /** Its programs stand still meanwhile, so that no file is half written. */
  readonly pauses: boolean;
  /** What the image runs instead of what the container did. */
  readonly config: ContainerConfig;
}

export async function commitContainer(
  ctx: Context & { readonly imageStore: Pick<ImageStore, 'commit'> },
  ref: string,
  { signal, ...request }: CommitRequest & { readonly signal: AbortSignal },
): Promise<string> {
  const work = async (container: Container): Promise<string> => {
    const image = imageOf(ctx, container);
    const resume = request.pauses ? await pause(ctx, container, signal) : (): void => undefined;
    try {
      const made = await commitLocked(ctx, container, { ...request, image, signal });
      const { reference: imageRef } = request;
      publishContainer(ctx, container, {
        action: 'commit',
        extra: { comment: request.comment, imageID: made.id, imageRef: imageRef ?? '' },
      });
      return made.id;
    } finally {
      resume();
    }
  };
  return await withContainer(ctx, ref, { work, signal });
}

function imageOf(ctx: Context, { record }: Container): Image {
  const image = ctx.images.resolve(record.imageId);
  if (image !== null) return image;
  throw new EngineError('not-found', `No such image: ${record.config.Image ?? record.imageId}`);
}

async function pause(ctx: Context, container: Container, signal: AbortSignal): Promise<() => void> {
  if (container.status !== 'running') return () => undefined;
  try {
    await ctx.cgroups.freeze(container.id, signal);
  } catch (error) {
    ctx.cgroups.thaw(container.id);
    throw error;
  }
  container.isPaused = true;
  publishContainer(ctx, container, { action: 'pause' });
  return () => {
    // Its programs may have been killed meanwhile.
    if (!container.isPaused) return;
    letGoOn(ctx, container);
    publishContainer(ctx, container, { action: 'unpause' });
  };
}

type LockedRequest = Omit<CommitRequest, 'pauses'> & {
  readonly image: Image;
  readonly signal: AbortSignal;
};

async function commitLocked(
  ctx: Context & { readonly imageStore: Pick<ImageStore, 'commit'> },
  container: Container,
  { image, config, signal, ...request }: LockedRequest,
): Promise<Image> {
  const { record } = container;
  const { mounts } = await ctx.snapshots.prepare(record.id, image);
  const uppers = openUppers(mounts);
  const { reference, changes, author, comment } = request;
  try {
    const sources = uppers.map(({ target, directory }) => ({ directory, name: '', as: target }));
    const layer = packTree(sources, { accept: isContent, replace: whiteout, mark: opaque });
    return await ctx.imageStore.commit(layer, {
      ...{ parent: image, reference, changes, author, comment, signal },
      config: runConfigOf(mergeConfig(record.config, config, record.id)),
      createdBy: (record.config.Cmd ?? []).join(' '),
    });
  } finally {
    closeUppers(uppers);
  }
}

function isContent({ directory, bytes, name }: FoundEntry): boolean {
  return !isMountPoint(Buffer.from(name, 'latin1').toString(), directory, bytes);
}

/** image-spec layer.md#whiteouts. */
const plainFile = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n } as const;

function whiteout({ name, stat }: FoundEntry): TarHeader | null {
  if (!isWhiteout(stat)) return null;
  const slash = name.lastIndexOf('/') + 1;
  return { ...plainFile, name: `${name.slice(0, slash)}.wh.${name.slice(slash)}` };
}

function opaque({ directory, bytes, name }: FoundEntry): TarHeader | null {
  if (!isOpaque(directory, bytes)) return null;
  return { ...plainFile, name: `${name}/.wh..wh..opq` };
}

/** What of a container's configuration is an image's. */
function runConfigOf(config: ContainerConfig): RunConfig {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels } = config;
  const { StopSignal, Healthcheck } = config;
  const all = {
    ...{ User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels },
    ...{ StopSignal, Healthcheck },
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
