/** Reading, writing and removing below a cgroup hierarchy, with what kernfs does differently from a disk. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';

/** Controllers of v2 that are handed down to containers. */
export const v2Controllers = ['cpu', 'cpuset', 'io', 'memory', 'pids'] as const;

/** Those of the wanted controllers that the kernel offers here and that are not handed down yet. */
export function enableControllers(directory: string): void {
  const offered = readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const file = join(directory, 'cgroup.subtree_control');
  const enabled = readFileSync(file, 'utf8').trim().split(' ');
  const missing = v2Controllers.filter((name) => offered.includes(name) && !enabled.includes(name));
  if (missing.length === 0) return;
  const value = missing.map((name) => `+${name}`).join(' ');
  try {
    writeOrMakeRoom(file, value, directory);
  } catch (error) {
    throw new EngineError(
      'unavailable',
      `cannot enable the cgroup controllers ${missing.join(', ')} in "${directory}"`,
      { hint: 'move the processes of that cgroup into one below it', cause: error },
    );
  }
}

/**
 * EBUSY: below a delegated root, as in another container, a group with processes of its own cannot hand anything down,
 * cgroups(7) "no internal processes". Where this engine is one of them, they all go into a leaf beside the containers.
 */
function writeOrMakeRoom(file: string, value: string, directory: string): void {
  try {
    writeFileSync(file, value);
  } catch (error) {
    const isBusy = (error as NodeJS.ErrnoException).code === 'EBUSY';
    if (!isBusy || !listProcesses(directory).includes(processId())) throw error;
    const leaf = join(directory, 'tscompose-init');
    mkdirSync(leaf, { recursive: true });
    for (const pid of listProcesses(directory)) moveProcess(pid, leaf);
    writeFileSync(file, value);
  }
}

function moveProcess(pid: number, directory: string): void {
  try {
    writeFileSync(join(directory, 'cgroup.procs'), String(pid));
  } catch (error) {
    // It has ended since.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Its own, without asking the process object: libraries own no process. */
function processId(): number {
  return Number(readlinkSync('/proc/self'));
}

export function writeControl(path: string, value: string): void {
  try {
    // Not O_CREAT: a file that the kernel does not offer must be ENOENT.
    writeFileSync(path, value, { flag: 'r+' });
  } catch (error) {
    throw refusedValue(path, value, error);
  }
}

function refusedValue(path: string, value: string, cause: unknown): EngineError {
  const isBusy = (cause as NodeJS.ErrnoException).code === 'EBUSY';
  return new EngineError('invalid-argument', `the kernel refused "${value}" for ${path}`, {
    ...(isBusy && { hint: 'the container uses more than that already' }),
    cause,
  });
}

export function noController(controller: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `this machine has no ${controller} cgroup controller`,
    {
      hint: `remove the ${controller} limits, or enable the controller on the kernel's command line`,
    },
  );
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
  const below = listDirectories(directory).flatMap((name) => readPids(join(directory, name)));
  return [...listProcesses(directory), ...below];
}

function listProcesses(directory: string): readonly number[] {
  const lines = readIfThere(join(directory, 'cgroup.procs')).split('\n');
  return lines.filter((line) => line !== '').map(Number);
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
