/**
 * What a container is started with of its given files, and of binds that are to have another owner or mode than their
 * source: copies on tmpfs mounts of its own, one for /run/secrets and one for every file elsewhere.
 */
import { open } from 'node:fs/promises';
import { EngineError } from '../../api/index.ts';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY } from '../../../native/index.ts';
import { mountOf } from '../../runtime/index.ts';
import type { SandboxMount } from '../../runtime/index.ts';
import type { ResolvedMount } from '../../../volumes/index.ts';
import type { ContainerRecord } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import { mostGivenBytes, secretsDirectory } from './give-files.ts';
import { keepings } from './given-store.ts';
import type { GivenFile } from './given-store.ts';

type Context = Pick<ContainerContext, 'given'>;

const flags = MS_RDONLY | MS_NOSUID | MS_NODEV;

/** `mounts` are the others that the container has. */
export async function givenMounts(
  ctx: Context,
  record: ContainerRecord,
  mounts: readonly SandboxMount[],
): Promise<readonly SandboxMount[]> {
  const files = [...storedFiles(ctx, record), ...(await copiedFiles(record))];
  const size = files.reduce((sum, { content }) => sum + content.length, 0);
  if (size > mostGivenBytes) throw tooMuch(record, size);
  const data = ctx.given.isSwapless ? 'mode=0755,noswap' : 'mode=0755';
  const isSecret = isBelowSecrets(record);
  const secrets = files.filter(isSecret);
  const others = files.filter((file) => !isSecret(file));
  return [
    ...(secrets.length === 0
      ? []
      : [directoryOf([...secrets, ...pointsFor(mounts, secrets)], data)]),
    ...others.map((file) =>
      mountOf('files', file.path, {
        ...{ flags, data, create: 'file' },
        files: [{ ...file, path: '/file' }],
      }),
    ),
  ];
}

/** Other runtimes cannot make the place for a mount in what is for reading only. */
function pointsFor(
  mounts: readonly SandboxMount[],
  secrets: readonly GivenFile[],
): readonly GivenFile[] {
  const taken = new Set(secrets.map(({ path }) => path));
  return mounts
    .filter(({ target, create }) => create === 'file' && target.startsWith(`${secretsDirectory}/`))
    .filter(({ target }) => !taken.has(target))
    .map(({ target }) => ({ path: target, ...noContent }));
}

const noContent = { uid: 0, gid: 0, mode: 0o444, content: new Uint8Array() } as const;

function directoryOf(secrets: readonly GivenFile[], data: string): SandboxMount {
  return mountOf('files', secretsDirectory, {
    ...{ flags: flags | MS_NOEXEC, data },
    files: secrets.map((file) => ({ ...file, path: file.path.slice(secretsDirectory.length) })),
  });
}

/** In a mount of the user's own at /run/secrets each is a mount by itself. */
function isBelowSecrets({ mounts }: ContainerRecord): (file: { readonly path: string }) => boolean {
  const isTaken = mounts.some(({ request }) => request.target === secretsDirectory);
  return ({ path }) => !isTaken && path.startsWith(`${secretsDirectory}/`);
}

function storedFiles(ctx: Context, record: ContainerRecord): readonly GivenFile[] {
  return keepings.flatMap((keeping) => {
    const [first, ...more] = record.given?.[keeping] ?? [];
    if (first === undefined) return [];
    const files = ctx.given.read(record.id, keeping);
    if (files !== null) return files;
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    throw new EngineError(
      'conflict',
      `cannot start "${record.name}": the content of ${first}${others} was in memory only and is gone since the machine restarted`,
      { hint: 'run `tscompose up` again, which gives it anew', details: { target: first } },
    );
  });
}

/** Read anew at each start, as a mount of the source would show it. */
async function copiedFiles({ mounts }: ContainerRecord): Promise<readonly GivenFile[]> {
  return await Promise.all(
    mounts.flatMap(({ request }) => {
      if (request.kind !== 'bind' || request.file === undefined) return [];
      const { source, target, file } = request;
      return [readSource(source).then((content) => ({ ...file, path: target, content }))];
    }),
  );
}

async function readSource(source: string): Promise<Uint8Array> {
  try {
    await using file = await open(source, 'r');
    const stat = await file.stat();
    if (!stat.isFile()) throw unreadable(source, 'it is not a file');
    if (stat.size > mostGivenBytes)
      throw unreadable(source, `it has ${stat.size} bytes, and ${mostGivenBytes} can be copied`);
    return await file.readFile();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof EngineError || code === undefined) throw error;
    throw unreadable(source, code, error);
  }
}

function unreadable(source: string, reason: string, cause?: unknown): EngineError {
  return new EngineError('invalid-argument', `cannot copy "${source}": ${reason}`, {
    hint: 'leave out uid, gid and mode to have it mounted as it is',
    details: { source },
    cause,
  });
}

function tooMuch({ name }: ContainerRecord, size: number): EngineError {
  return new EngineError(
    'invalid-argument',
    `cannot start "${name}": its secrets and configs have ${size} bytes, and ${mostGivenBytes} can be copied`,
    {
      hint: 'leave out uid, gid and mode of those that are files, to have them mounted as they are',
    },
  );
}

/** The same for whoever copies in and out: mounts of where the content is kept. */
export function givenParts(ctx: Context, record: ContainerRecord): readonly ResolvedMount[] {
  const isSecret = isBelowSecrets(record);
  return keepings.flatMap((keeping) => {
    const paths = record.given?.[keeping] ?? [];
    if (!ctx.given.has(record.id, keeping)) return [];
    const secrets = paths.some((path) => isSecret({ path })) ? [secretsDirectory] : [];
    const others = paths.filter((path) => !isSecret({ path }));
    const part = (target: string, create: 'directory' | 'file'): ResolvedMount => ({
      ...{ kind: 'bind', target, source: ctx.given.source(record.id, keeping, target), create },
      ...{ subpath: '', lowerDirs: [], upperDir: '', workDir: '', isReadonlyTop: false },
      ...{ owner: null, flags: MS_RDONLY, propagation: 0, data: '' },
    });
    return [
      ...secrets.map((target) => part(target, 'directory')),
      ...others.map((target) => part(target, 'file')),
    ];
  });
}

/** A bind that is made as a copy is not mounted. */
export function withoutCopied(record: ContainerRecord): ContainerRecord {
  const mounts = record.mounts.filter(
    ({ request }) => request.kind !== 'bind' || request.file === undefined,
  );
  return { ...record, mounts };
}
