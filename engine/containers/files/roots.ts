/**
 * The files of a container for whoever copies: its root and its volumes without what its programs have mounted
 * (nothing of /proc, /sys, /dev and tmpfs), in mounts that nobody else sees. Of a running container the mount of its
 * root is cloned out of its namespace; for another one it is mounted once for all who copy at the same time, because
 * two overlays must not share an upper directory (Documentation/filesystems/overlayfs.rst). A start waits for them.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../../api/index.ts';
import type { SnapshotMount } from '../../images/index.ts';
import { Rollback } from '../../lib/index.ts';
import {
  closeFd,
  closeLater,
  isSyscallError,
  MS_RDONLY,
  MS_REC,
  O_RDONLY,
  openContainerRoot,
  openPidfd,
  openTrusted,
  sendSignal,
  type ContainerRoot,
  type Fd,
  type RootPart,
} from '../../../native/index.ts';
import type { ResolvedMount } from '../../../volumes/index.ts';
import { ownersOf } from '../bind-owners.ts';
import type { MountOwners } from '../bind-owners.ts';
import type { Container, ContainerRecord } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import { givenParts } from '../given/given-mounts.ts';
import { holdVolumes, releaseVolumes } from '../held-volumes.ts';
import { withContainer } from '../locked.ts';
import { sandboxMounts } from '../mounts.ts';
import { lookUpUser } from '../user-lookup.ts';
import { requireResponsive } from '../responsive.ts';

export type RootContext = Pick<
  ContainerContext,
  'containers' | 'locks' | 'images' | 'snapshots' | 'volumes' | 'given'
>;

/** A container's tree, open until it is disposed of. */
export interface OpenedRoot extends AsyncDisposable {
  readonly root: Fd;
  readonly container: Container;
  /** Fires when a start of the container waits for this for too long: its user gives up then. */
  readonly revoked: AbortSignal;
}

export interface RootOptions {
  /** Without them a mount point is what the container's own files have there. */
  readonly withVolumes: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when the tree can be used. The container's lock is held only until then. */
export async function openRootOf(
  ctx: RootContext,
  ref: string,
  { withVolumes, signal }: RootOptions,
): Promise<OpenedRoot> {
  for (;;) {
    const container = ctx.containers.find(ref);
    const ended = container.nextExit;
    const work = (): Promise<OpenedRoot | null> => openLocked(ctx, container, withVolumes);
    const opened = await withContainer(ctx, ref, { work, signal });
    if (opened !== null) return opened;
    // Its first process has ended, and the engine is about to hear of it.
    await untilEither(ended, signal);
  }
}

/** Null when the container is in the middle of its end. */
async function openLocked(
  ctx: RootContext,
  container: Container,
  withVolumes: boolean,
): Promise<OpenedRoot | null> {
  if (container.status === 'removing' || container.status === 'dead') {
    throw new EngineError('conflict', `container ${container.id} is being removed`);
  }
  requireResponsive(container);
  const mounts = await rootMountsOf(ctx, container);
  const isRunning = container.process !== null;
  const from = isRunning
    ? openNamespaceOf(container)
    : await container.files.share(async () => {
        await container.lastShimGone;
        return await openContainerRoot(mounts.map((mount) => toPart(mount, { creates: false })));
      });
  if (from === null) return null;
  const isReadonly = !isRunning && container.record.hostConfig.ReadonlyRootfs === true;
  const holder = `files ${(holders += 1)}`;
  const release = async (): Promise<void> => {
    await releaseVolumes(ctx, container.record, holder);
    await from.release();
  };
  try {
    const volumes = withVolumes ? await heldVolumes(ctx, container.record, holder) : [];
    const parts: RootPart[] = [
      ...mounts.map(({ target }) => ({ kind: 'inherited', target, isReadonly }) as const),
      ...volumes.map(({ mount, owners }) => toPart(mount, { creates: !isRunning, owners })),
    ];
    return track(container, await openContainerRoot(parts, from.namespace), release);
  } catch (error) {
    await release();
    throw describe(error, container);
  }
}

async function rootMountsOf(
  ctx: RootContext,
  { record }: Container,
): Promise<readonly SnapshotMount[]> {
  const image = ctx.images.resolve(record.imageId);
  if (image === null) {
    throw new EngineError('not-found', `No such image: ${record.config.Image ?? record.imageId}`);
  }
  return (await ctx.snapshots.prepare(record.id, image)).mounts;
}

interface VolumePart {
  readonly mount: ResolvedMount;
  readonly owners: MountOwners | null;
}

let holders = 0;

async function heldVolumes(
  ctx: RootContext,
  record: ContainerRecord,
  holder: string,
): Promise<VolumePart[]> {
  await Rollback.guard((rollback) => holdVolumes(ctx, record, { holder, rollback }));
  return await volumesOf(ctx, record);
}

/** A part of an image of several layers is left out: only what is mounted somewhere has parts. */
async function volumesOf(ctx: RootContext, record: ContainerRecord): Promise<VolumePart[]> {
  const volumes = sandboxMounts(ctx, record).filter(
    ({ kind, subpath }) => kind === 'bind' || (kind === 'overlay' && subpath === ''),
  );
  const mounts = [...volumes, ...givenParts(ctx, record)].sort(byDepth);
  const image = ctx.images.resolve(record.imageId);
  const hasOwners = mounts.some(({ owner }) => owner !== null);
  if (image === null || !hasOwners) return mounts.map((mount) => ({ mount, owners: null }));
  const user = await lookUpUser(ctx, image, { user: record.config.User ?? '', groupAdd: [] });
  return mounts.map((mount) => ({ mount, owners: ownersOf(mount, user) }));
}

/** What is mounted in another mount comes after it. */
function byDepth(left: ResolvedMount, right: ResolvedMount): number {
  return left.target.split('/').length - right.target.split('/').length;
}

interface Source {
  readonly namespace: Fd;
  readonly release: () => Promise<void>;
}

/**
 * Of the container's first process. A pid alone proves nothing: the process is held by a descriptor, must be in the
 * container's cgroup, and be there still when its namespace is open. Null when it has ended.
 */
function openNamespaceOf({ id, process }: Container): Source | null {
  const pid = process?.containerPid ?? 0;
  const held: Fd[] = [];
  try {
    const pidfd = openPidfd(pid);
    held.push(pidfd);
    if (!isInCgroup(pid, id)) return null;
    const namespace = openTrusted(`/proc/${pid}/ns/mnt`, O_RDONLY);
    held.push(namespace);
    sendSignal(pidfd, 0);
    held.pop();
    return { namespace, release: () => closeLater([namespace]) };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (isSyscallError(error, 'ESRCH', 'ENOENT') || code === 'ENOENT' || code === 'ESRCH')
      return null;
    throw error;
  } finally {
    held.forEach(closeFd);
  }
}

function isInCgroup(pid: number, id: string): boolean {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  return lines.some((line) => line.split('/').includes(id));
}

function toPart(
  mount: SnapshotMount | ResolvedMount,
  { creates, owners }: { readonly creates: boolean; readonly owners?: MountOwners | null },
): RootPart {
  const { target, flags } = mount;
  const isReadonly = (flags & MS_RDONLY) !== 0;
  if (mount.kind === 'overlay') {
    const options = mount.data
      .split(',')
      .filter((option) => option !== '')
      .map((option) => option.split('=', 2) as [string, string]);
    const { upperDir, workDir, lowerDirs } = mount;
    return { kind: 'overlay', target, upperDir, workDir, lowerDirs, options, isReadonly };
  }
  return {
    ...{ kind: 'bind', target, source: mount.source, isReadonly },
    isRecursive: (flags & MS_REC) !== 0,
    create: creates ? mount.create : 'nothing',
    ...('subpath' in mount && { subpath: mount.subpath, isReadonlyTop: mount.isReadonlyTop }),
    ...(owners !== undefined && owners !== null && { owners }),
  };
}

function track(
  container: Container,
  { root, namespace }: ContainerRoot,
  release: () => Promise<void>,
): OpenedRoot {
  const use = container.files.begin();
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    try {
      await closeLater([namespace, root]);
      await release();
    } finally {
      use.end();
    }
  };
  return {
    root,
    container,
    revoked: use.revoked,
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

function describe(error: unknown, { name }: Container): unknown {
  if (!isSyscallError(error)) return error;
  return new EngineError('internal', `cannot open the files of "${name}": ${error.message}`, {
    cause: error,
  });
}

async function untilEither(ended: Promise<unknown>, signal?: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const gone = signal === undefined ? [] : [untilAborted(signal, waiting.signal)];
  try {
    await Promise.race([ended, delay(patienceMs, undefined, { signal: waiting.signal }), ...gone]);
  } finally {
    waiting.abort();
  }
  signal?.throwIfAborted();
}

/** After it the container is looked at again, whatever was said of it. */
const patienceMs = 1000;

function untilAborted(signal: AbortSignal, done: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true, signal: done },
      );
  });
}
