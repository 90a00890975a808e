/** `docker cp`: what a path is, its files as an archive, an archive into a directory. */
import type { Readable } from 'node:stream';
import { EngineError } from '../../api/index.ts';
import type { PathStat } from '../../api/index.ts';
import { decompress, defaultLimits, describeFailure } from '../../images/index.ts';
import { readTar, TarError } from '../../lib/index.ts';
import {
  closeFd,
  isReadonlyAt,
  isSyscallError,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openAt,
  statAt,
  type Fd,
} from '../../../native/index.ts';
import type { Container } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import { publishContainer } from '../events.ts';
import { lookUpUser } from '../user-lookup.ts';
import { defaultExtractLimits, extractTree } from './extract.ts';
import { packTree } from './pack.ts';
import { baseName, readPathStat } from './path-stat.ts';
import { openRootOf } from './roots.ts';
import type { OpenedRoot, RootContext } from './roots.ts';
import { whileOpen } from './while-open.ts';

type Context = RootContext & Pick<ContainerContext, 'events'>;

export interface OpenedArchive {
  readonly stat: PathStat;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface WriteArchiveOptions {
  /** A directory and something else never take each other's place. */
  readonly keepsKinds: boolean;
  /** All becomes the user's whom the container runs as. */
  readonly takesOwner: boolean;
  readonly signal: AbortSignal;
}

export async function statPath(
  ctx: Context,
  ref: string,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
): Promise<PathStat> {
  await using opened = await openRootOf(ctx, ref, { withVolumes: true, signal });
  return statOf(opened, ref, path);
}

/** Of a directory the archive has its name before those of its files; "/." at the end of the path leaves it out. */
export async function readArchive(
  ctx: Context,
  ref: string,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
): Promise<OpenedArchive> {
  const opened = await openRootOf(ctx, ref, { withVolumes: true, signal });
  try {
    const stat = statOf(opened, ref, path);
    const source = openSource(opened.root, absolute(path));
    publishContainer(ctx, opened.container, { action: 'archive-path' });
    return {
      stat,
      chunks: whileOpen(opened, packTree([source]), () => {
        closeFd(source.directory);
      }),
    };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw describePath(error, ref, path);
  }
}

export async function writeArchive(
  ctx: Context,
  ref: string,
  request: WriteArchiveOptions & { readonly path: string; readonly source: Readable },
): Promise<void> {
  const { path, source, signal } = request;
  await using opened = await openRootOf(ctx, ref, { withVolumes: true, signal });
  const { container, root, revoked } = opened;
  requireWritable(opened, ref, path);
  const owner = request.takesOwner ? await ownerOf(ctx, container) : null;
  const giveUp = (): void => {
    source.destroy(new EngineError('conflict', `container ${container.id} is being started`));
  };
  revoked.addEventListener('abort', giveUp, { once: true });
  try {
    // Whoever sends has to get the answer, also to what goes wrong in the middle.
    const chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    await extractTree(readTar(decompress(chunks, defaultLimits)), {
      root,
      destination: Buffer.from(absolute(path)).toString('latin1').replace(/\/+$/, ''),
      keepsKinds: request.keepsKinds,
      owner,
      limits: defaultExtractLimits,
      signal,
    });
  } catch (error) {
    if (error instanceof TarError)
      throw new EngineError('invalid-argument', error.message, { cause: error });
    throw describeFailure(error, `cannot extract to ${path}`);
  } finally {
    revoked.removeEventListener('abort', giveUp);
  }
  publishContainer(ctx, container, { action: 'extract-to-dir' });
}

/** Paths of clients are meant from the root, wherever the container's programs work. */
function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

function statOf({ root }: OpenedRoot, ref: string, path: string): PathStat {
  if (path === '') throw new EngineError('invalid-argument', 'bad parameter: path cannot be empty');
  if (path.includes('\0'))
    throw new EngineError('invalid-argument', 'bad parameter: path contains a NUL byte');
  try {
    return readPathStat(root, absolute(path));
  } catch (error) {
    throw describePath(error, ref, path);
  }
}

/** What is no directory is found again by its name in the directory that holds it. */
function openSource(
  root: Fd,
  path: string,
): { readonly directory: Fd; readonly name: string; readonly as: string } {
  const as = Buffer.from(baseName(path)).toString('latin1');
  const flags = O_PATH | O_DIRECTORY;
  try {
    return { directory: openAt(root, path, { flags: flags | O_NOFOLLOW }), name: '', as };
  } catch (error) {
    if (!isSyscallError(error, 'ENOTDIR', 'ELOOP')) throw error;
  }
  const slash = path.lastIndexOf('/');
  const directory = openAt(root, path.slice(0, slash + 1), { flags });
  return { directory, name: path.slice(slash + 1), as };
}

function requireWritable({ root }: OpenedRoot, ref: string, path: string): void {
  if (path === '') throw new EngineError('invalid-argument', 'bad parameter: path cannot be empty');
  let directory: Fd;
  try {
    directory = openAt(root, absolute(path), { flags: O_PATH | O_DIRECTORY });
  } catch (error) {
    if (isSyscallError(error, 'ENOTDIR'))
      throw new EngineError('invalid-argument', 'extraction point is not a directory', {
        cause: error,
      });
    throw describePath(error, ref, path);
  }
  try {
    if (!isReadonlyAt(directory)) return;
    const isRoot = statAt(directory, '').device === statAt(root, '').device;
    const what = isRoot ? 'container rootfs' : 'mounted volume';
    throw new EngineError('forbidden', `${what} is marked read-only`);
  } finally {
    closeFd(directory);
  }
}

async function ownerOf(
  ctx: Context,
  { record }: Container,
): Promise<{ readonly uid: number; readonly gid: number } | null> {
  const user = record.config.User ?? '';
  const image = ctx.images.resolve(record.imageId);
  if (user === '' || image === null) return null;
  return await lookUpUser(ctx, image, { user, groupAdd: [] });
}

function describePath(error: unknown, ref: string, path: string): unknown {
  if (isSyscallError(error, 'ENOENT', 'ENOTDIR')) {
    const message = `Could not find the file ${path} in container ${ref}`;
    return new EngineError('not-found', message, { details: { path }, cause: error });
  }
  if (isSyscallError(error, 'ELOOP', 'ENAMETOOLONG', 'EXDEV', 'EINVAL', 'EACCES'))
    return new EngineError('invalid-argument', `cannot use ${path}: ${error.errno}`, {
      cause: error,
    });
  return error;
}
