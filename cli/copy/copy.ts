/** Both directions of `cp` between this machine and one container. */
import { lstat, readlink, stat } from 'node:fs/promises';
import { dirname, isAbsolute, posix, resolve } from 'node:path';
import type { PathStat } from '../../engine/api/index.ts';
import type { EngineClient } from '../../engine/client/index.ts';
import { EngineError } from '../../engine/api/index.ts';
import { CliError } from '../cli-error.ts';
import { extractLocal, packLocal } from './local.ts';
import {
  assertsDirectory,
  cleanPath,
  lastOf,
  parentOf,
  planCopy,
  type CopyDestination,
  type CopySource,
} from './paths.ts';

export interface CopyContext {
  readonly engine: Pick<EngineClient, 'archives'>;
  readonly container: string;
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
}

/** Go's ModeDir and ModeSymlink. */
const goDirectory = 2 ** 31;
const goSymlink = 2 ** 27;

function hasBit({ mode }: PathStat, bit: number): boolean {
  return Math.trunc(mode / bit) % 2 === 1;
}

export async function copyFrom(
  { engine, container, signal, warn }: CopyContext,
  request: { readonly path: string; readonly to: string; readonly followsLink: boolean },
): Promise<void> {
  const asked = cleanPath(posix.join('/', request.path) + ending(request.path));
  const path = request.followsLink
    ? await followed(engine, { container, path: asked, signal })
    : asked;
  const destination = await localDestination(request.to);
  const { stat: found, archive } = await engine.archives.read(container, path, { signal });
  const isDirectory = hasBit(found, goDirectory);
  const target = planCopy({ path, isDirectory }, destination);
  // A link that was followed keeps the name it was asked by.
  const name = target.name ?? (path === asked ? null : lastOf(asked));
  await extractLocal(archive, { target: { ...target, name }, sourceName: lastOf(path), warn });
}

/** What posix.join takes away. */
function ending(path: string): string {
  return path === '.' || path.endsWith('/.') ? '/.' : '';
}

export async function openArchive(
  { engine, container, signal }: CopyContext,
  { path, followsLink }: { readonly path: string; readonly followsLink: boolean },
): Promise<AsyncIterable<Uint8Array>> {
  const asked = cleanPath(posix.join('/', path) + ending(path));
  const real = followsLink ? await followed(engine, { container, path: asked, signal }) : asked;
  return (await engine.archives.read(container, real, { signal })).archive;
}

interface InContainer {
  readonly container: string;
  readonly path: string;
  readonly signal: AbortSignal;
}

async function followed(
  engine: CopyContext['engine'],
  { container, path, signal }: InContainer,
): Promise<string> {
  const found = await engine.archives.stat(container, path, { signal });
  return hasBit(found, goSymlink) ? targetOf(path, found) : path;
}

function targetOf(path: string, { linkTarget }: PathStat): string {
  return linkTarget.startsWith('/') ? linkTarget : posix.join(parentOf(path), linkTarget);
}

export interface CopyToRequest {
  /** Null: the archive of `content`. */
  readonly from: string | null;
  readonly content?: AsyncIterable<Uint8Array>;
  readonly path: string;
  readonly followsLink: boolean;
  readonly takesOwner: boolean;
}

export async function copyTo(
  { engine, container, signal }: CopyContext,
  request: CopyToRequest,
): Promise<void> {
  const path = cleanPath(posix.join('/', request.path) + ending(request.path));
  const destination = await containerDestination(engine, { container, path, signal });
  const options = { noOverwriteDirNonDir: true, copyUIDGID: request.takesOwner, signal };
  if (request.from === null) {
    if (!destination.isDirectory)
      throw new CliError(`destination "${request.path}" must be a directory`);
    const archive = request.content ?? [];
    await engine.archives.write(container, destination.path, {
      ...options,
      archive: archive as AsyncIterable<Uint8Array>,
    });
    return;
  }
  const source = await localSource(request.from, request.followsLink);
  const { directory, name } = planCopy(source, destination);
  const archive = packLocal(source.path, name ?? source.name);
  await engine.archives.write(container, directory, { ...options, archive });
}

/** A link as destination means what it leads to; one that leads nowhere, a new name. */
async function containerDestination(
  engine: CopyContext['engine'],
  { container, path, signal }: InContainer,
): Promise<CopyDestination> {
  let real = path;
  try {
    let found = await engine.archives.stat(container, path, { signal });
    if (hasBit(found, goSymlink)) {
      real = targetOf(path, found);
      found = await engine.archives.stat(container, real, { signal });
    }
    return { path: real, exists: true, isDirectory: hasBit(found, goDirectory) };
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
    return { path: real, exists: false, isDirectory: false };
  }
}

async function localSource(
  written: string,
  followsLink: boolean,
): Promise<CopySource & { readonly name: string }> {
  const path = cleanPath(written);
  const found = await (followsLink || assertsDirectory(path) ? stat(path) : lstat(path)).catch(
    (error: unknown) => {
      throw missing(written, error);
    },
  );
  if (assertsDirectory(path) && !found.isDirectory())
    throw new CliError(`${written} is not a directory`);
  const isLink = followsLink && (await lstat(path)).isSymbolicLink();
  const real = isLink ? resolve(dirname(path), await readlink(path)) : path;
  const isContent = path === '.' || path.endsWith('/.');
  const name = isContent ? '.' : lastOf(resolve(path));
  return { path: real, isDirectory: found.isDirectory(), name };
}

function missing(path: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  return new CliError(`${path} does not exist`);
}

const mostLinks = 10;

async function localDestination(written: string): Promise<CopyDestination> {
  let path = cleanPath(written);
  for (let links = 0; links <= mostLinks; links++) {
    const found = await lstat(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    });
    if (found === null) {
      await requireParent(path);
      return { path, exists: false, isDirectory: false };
    }
    if (!found.isSymbolicLink()) return { path, exists: true, isDirectory: found.isDirectory() };
    const target = await readlink(path);
    path = isAbsolute(target) ? target : resolve(dirname(path), target);
  }
  throw new CliError(`too many links at ${written}`);
}

async function requireParent(path: string): Promise<void> {
  const parent = path.endsWith('/.') ? parentOf(parentOf(path)) : parentOf(path);
  await stat(parent).catch((error: unknown) => {
    throw missing(parent, error);
  });
}
