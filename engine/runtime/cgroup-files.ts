/** Reading, writing and removing below a cgroup hierarchy, with what kernfs does differently from a disk. */
import { readdirSync, readFileSync, rmdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';
import type { ControlWrite } from './cgroup-writes.ts';

/** Controllers of v2 that are handed down to containers. */
export const v2Controllers = ['cpu', 'cpuset', 'io', 'memory', 'pids'] as const;

/** Those of the wanted controllers that the kernel offers here and that are not handed down yet. */
export function enableControllers(directory: string): void {
  const offered = readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const file = join(directory, 'cgroup.subtree_control');
  const enabled = readFileSync(file, 'utf8').trim().split(' ');
  const missing = v2Controllers.filter((name) => offered.includes(name) && !enabled.includes(name));
  if (missing.length === 0) return;
  try {
    writeFileSync(file, missing.map((name) => `+${name}`).join(' '));
  } catch (error) {
    // EBUSY: below a delegated root, a group with processes of its own cannot hand anything down, cgroups(7).
    throw new EngineError(
      'unavailable',
      `cannot enable the cgroup controllers ${missing.join(', ')} in "${directory}"`,
      { hint: 'move the processes of that cgroup into one below it', cause: error },
    );
  }
}

/** A control that has two names and exists under neither is left out: `Cgroups.check` has said so. */
export function writeLimit(directory: string, write: ControlWrite): void {
  const { file, otherFile, controller, value } = write;
  const path = join(directory, file);
  try {
    // Not O_CREAT: a file that the kernel does not offer must be ENOENT.
    writeFileSync(path, value, { flag: 'r+' });
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isAbsent && otherFile !== undefined) writeIfThere(join(directory, otherFile), value);
    else if (isAbsent) throw noController(controller, error);
    else throw refusedValue(path, value, error);
  }
}

function refusedValue(path: string, value: string, cause: unknown): EngineError {
  const isBusy = (cause as NodeJS.ErrnoException).code === 'EBUSY';
  return new EngineError('invalid-argument', `the kernel refused "${value}" for ${path}`, {
    ...(isBusy && { hint: 'the container uses more than that already' }),
    cause,
  });
}

export function noController(controller: string, cause?: unknown): EngineError {
  const limits = `this machine has no ${controller} cgroup controller`;
  const hint = `remove the ${controller} limits, or enable the controller on the kernel's command line`;
  return new EngineError('invalid-argument', limits, { hint, cause });
}

/** Processes that have exited are still counted for a moment; only while they leave is it worth trying again. */
const longestLeaveMs = 5000;

export async function removeLeaving(
  directory: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = performance.now() + longestLeaveMs;
  for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, 50)) {
    try {
      removeTree(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      const pids = readPids(directory);
      if (performance.now() > deadline)
        throw new EngineError(
          'conflict',
          `cgroup "${directory}" is in use by processes ${pids.join(', ')}`,
          {
            cause: error,
          },
        );
    }
    await delay(waitMs, undefined, signal === undefined ? {} : { signal });
  }
}

/**
 * Control files are not entries that rmdir(2) minds; groups below it are, with EBUSY, as are processes. Looking for
 * groups costs more than the removal itself, so it comes second.
 */
export function removeTree(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    const below = code === 'EBUSY' ? listDirectories(directory) : [];
    if (below.length === 0) throw error;
    for (const name of below) removeTree(join(directory, name));
    rmdirSync(directory);
  }
}

export function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    // EBUSY is how kernfs says that there are children.
    if (!['ENOENT', 'EBUSY', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}

export function listDirectories(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export function readPids(directory: string): readonly number[] {
  const own = readIfThere(join(directory, 'cgroup.procs'))
    .split('\n')
    .filter((line) => line !== '');
  const below = listDirectories(directory).flatMap((name) => readPids(join(directory, name)));
  return [...own.map(Number), ...below];
}

export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

export function writeIfThere(path: string, value: string): boolean {
  try {
    writeFileSync(path, value, { flag: 'r+' });
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** ENODEV: the directory was removed between open(2) and read(2). */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Resolves when the file says so; the kernel notifies its watchers of every change, cgroups(7) "cgroup.events". */
export async function untilEvent(
  path: string,
  pattern: RegExp,
  signal?: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(path, signal === undefined ? {} : { signal });
    const check = (): void => {
      if (!pattern.test(readFileSync(path, 'utf8'))) return;
      watcher.close();
      resolve();
    };
    watcher.on('change', check);
    watcher.on('error', reject);
    signal?.addEventListener(
      'abort',
      () => {
        reject(signal.reason as Error);
      },
      { once: true },
    );
    check();
  });
}
