/**
 * Files that a client gives to a container: an archive of plain files with absolute places, owners and modes. They are no
 * part of its layer; every start puts them on a tmpfs of the container's own, and what is given again replaces them.
 */
import type { Readable } from 'node:stream';
import { EngineError } from '../../api/index.ts';
import { readTar, TarError } from '../../lib/index.ts';
import type { TarEntry } from '../../lib/index.ts';
import { changeRecord } from '../change.ts';
import type { Container, ContainerRecord } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import { withContainer } from '../locked.ts';
import { sandboxMounts } from '../mounts.ts';
import type { GivenFile, Keeping, MountPoint } from './given-store.ts';

type Context = Pick<
  ContainerContext,
  'containers' | 'locks' | 'records' | 'given' | 'volumes' | 'images' | 'snapshots'
>;

export const secretsDirectory = '/run/secrets';

export interface GiveFilesRequest {
  readonly keeping: Keeping;
  readonly source: Readable;
  readonly signal: AbortSignal;
}

/** Of all files of a container together; the shim's specification has room for twice as much. */
export const mostGivenBytes: number = 8 << 20;
const mostFiles = 512;

export async function giveFiles(
  ctx: Context,
  ref: string,
  { keeping, source, signal }: GiveFilesRequest,
): Promise<void> {
  ctx.containers.find(ref);
  const files = await readFiles(source);
  const work = async (container: Container): Promise<void> => {
    requireFreeTargets(container, files);
    const mountPoints = pointsIn(ctx, container.record);
    ctx.given.put(container.id, keeping, { files, mountPoints });
    const paths = files.map(({ path }) => path);
    await changeRecord(ctx, container, (record) => ({
      ...record,
      given: { ...record.given, [keeping]: paths },
    }));
  };
  await withContainer(ctx, ref, { work, signal });
}

/** What else is mounted among secrets, which a copy of the directory has to have a place for. */
function pointsIn(ctx: Context, record: ContainerRecord): readonly MountPoint[] {
  return sandboxMounts(ctx, record).flatMap(({ target, create }) =>
    target.startsWith(`${secretsDirectory}/`)
      ? [{ path: target, kind: create === 'file' ? 'file' : 'directory' }]
      : [],
  );
}

async function readFiles(source: Readable): Promise<readonly GivenFile[]> {
  const files = new Map<string, GivenFile>();
  let size = 0;
  try {
    const chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    for await (const entry of readTar(chunks)) {
      size += entry.sizeBytes;
      if (size > mostGivenBytes || files.size === mostFiles)
        throw refuse(`more than ${mostGivenBytes} bytes or ${mostFiles} files`);
      const file = await readFile(entry);
      if (files.has(file.path)) throw refuse(`"${file.path}" is there twice`);
      files.set(file.path, file);
    }
  } catch (error) {
    if (error instanceof TarError) throw refuse(error.message);
    throw error;
  }
  return [...files.values()];
}

async function readFile(entry: TarEntry): Promise<GivenFile> {
  const path = `/${Buffer.from(entry.name, 'latin1').toString()}`;
  if (entry.type !== 'file') throw refuse(`"${path}" is a ${entry.type} and not a file`);
  // Nothing that would need to be resolved, and no name that JSON would change.
  const parts = path.slice(1).split('/');
  if (parts.some((part) => ['', '.', '..'].includes(part)) || /[\0\ufffd]/.test(path))
    throw refuse(`"${path}" is no plain path`);
  const content = Buffer.alloc(entry.sizeBytes);
  for await (const { offset, bytes } of entry.content()) content.set(bytes, offset);
  const { uid, gid, mode } = entry;
  return { path, uid, gid, mode: mode & 0o777, content };
}

/** Which of the two would be seen there would be a matter of chance. */
function requireFreeTargets({ name, record }: Container, files: readonly GivenFile[]): void {
  const targets = new Set(record.mounts.map(({ request }) => request.target));
  const taken = files.find(({ path }) => targets.has(path));
  if (taken === undefined) return;
  throw new EngineError(
    'invalid-argument',
    `Duplicate mount point: ${taken.path} of container "${name}" has a mount already`,
    { details: { target: taken.path } },
  );
}

function refuse(reason: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `the files for a container cannot be taken: ${reason}`,
  );
}
