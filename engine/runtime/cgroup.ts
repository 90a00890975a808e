/**
 * Cgroups of containers: `<hierarchy>/<instance>/<container id>` in every hierarchy that counts or confines something.
 * The name follows from the id, so recovery finds them without a record. Calls are synchronous where they are writes
 * to kernfs: those take microseconds, less than a round trip over the thread pool.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';
import { isId } from '../lib/index.ts';
import { findHierarchies } from './cgroup-hierarchies.ts';
import type { Hierarchy } from './cgroup-hierarchies.ts';
import { limitWrites } from './cgroup-limits.ts';
import type { CgroupLimits, ControlWrite } from './cgroup-limits.ts';
import { cgroupView } from './cgroup-view.ts';
import { printDeviceRule } from './devices.ts';
import type { DeviceRule } from './devices.ts';
import type { CgroupPlacement } from './spec.ts';

export interface CgroupOptions {
  /** `Layout.instance` */
  readonly instance: string;
  /** Text of /proc/self/mountinfo unless told. */
  readonly mountinfo?: string;
}

export interface CgroupRequest {
  /** What may be opened; one that holds `everyDeviceRule` confines nothing. */
  readonly devices: readonly DeviceRule[];
  readonly limits: CgroupLimits;
}

/** Controllers of v2 that are handed down to containers. */
const v2Controllers = ['cpu', 'memory', 'pids'] as const;

export class Cgroups {
  readonly #instance: string;
  readonly #hierarchies: readonly Hierarchy[];

  private constructor(instance: string, hierarchies: readonly Hierarchy[]) {
    this.#instance = instance;
    this.#hierarchies = hierarchies;
  }

  static discover({ instance, mountinfo }: CgroupOptions): Cgroups {
    const text = mountinfo ?? readFileSync('/proc/self/mountinfo', 'utf8');
    return new Cgroups(instance, findHierarchies(text));
  }

  get version(): 'none' | 'v1' | 'v2' | 'hybrid' {
    const versions = new Set(this.#hierarchies.map(({ version }) => version));
    if (versions.size === 2) return 'hybrid';
    if (versions.size === 0) return 'none';
    return versions.has(1) ? 'v1' : 'v2';
  }

  /** Whether containers are counted by v2 alone; hybrid hosts have their controllers in v1. */
  get isCgroup2Only(): boolean {
    return this.version === 'v2';
  }

  /** Directories a container with this id has or would have, in the order of joining. */
  directories(id: string): readonly string[] {
    return this.#hierarchies.map(({ mountPoint }) => join(mountPoint, this.#instance, id));
  }

  /** Throws EngineError for a limit that cannot be. Nothing is left behind on a failure. */
  create(id: string, request: CgroupRequest): CgroupPlacement {
    try {
      for (const hierarchy of this.#hierarchies)
        this.#makeFresh(hierarchy, this.#directoryOf(hierarchy, id));
      this.#confineDevices(id, request.devices);
      this.update(id, request.limits);
    } catch (error) {
      this.#undoCreate(id, error);
    }
    return this.placement(id);
  }

  /** Nothing has entered the directories yet, so removing them cannot have to wait. */
  #undoCreate(id: string, error: unknown): never {
    try {
      for (const directory of this.directories(id)) {
        removeTree(directory);
        removeIfEmpty(dirname(directory));
      }
    } catch (failure) {
      throw new AggregateError([error, failure], 'cannot undo the creation of cgroups', {
        cause: error,
      });
    }
    throw error;
  }

  placement(id: string): CgroupPlacement {
    return {
      directories: this.directories(id),
      hasCgroup2: this.version === 'v2' || this.version === 'hybrid',
      hasDeviceControl: this.#find('devices') !== null,
      view: cgroupView(this.#hierarchies, (hierarchy) => this.#directoryOf(hierarchy, id)),
    };
  }

  /** Sets what is given and leaves the rest. */
  update(id: string, limits: CgroupLimits): void {
    for (const write of limitWrites(limits, this.isCgroup2Only ? 2 : 1)) {
      const hierarchy = this.#find(write.controller);
      if (hierarchy === null) throw noController(write.controller);
      writeLimit(join(this.#directoryOf(hierarchy, id), write.file), write);
    }
  }

  /** Ids that have a cgroup in any hierarchy. */
  list(): readonly string[] {
    const ids = new Set<string>();
    for (const { mountPoint } of this.#hierarchies)
      for (const name of listDirectories(join(mountPoint, this.#instance)))
        if (isId(name)) ids.add(name);
    return [...ids].sort();
  }

  /** Processes in it and below it, as the engine numbers them; none if it is gone. */
  pids(id: string): readonly number[] {
    const [directory] = this.directories(id);
    return directory === undefined ? [] : readPids(directory);
  }

  /** How many processes the kernel has killed for want of memory. */
  oomKills(id: string): number {
    const hierarchy = this.#find('memory');
    if (hierarchy === null) return 0;
    const file = hierarchy.version === 2 ? 'memory.events' : 'memory.oom_control';
    const text = readIfThere(join(this.#directoryOf(hierarchy, id), file));
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** SIGKILL to every process at once; false where the kernel cannot (v1, or v2 before Linux 5.14). */
  kill(id: string): boolean {
    const unified = this.#unified();
    if (unified === null) return false;
    return writeIfThere(join(this.#directoryOf(unified, id), 'cgroup.kill'), '1');
  }

  /** Resolves when every process has stopped. */
  async freeze(id: string, signal?: AbortSignal): Promise<void> {
    const unified = this.#unified();
    if (unified === null) await this.#freezeV1(id, signal);
    else {
      const directory = this.#directoryOf(unified, id);
      writeFileSync(join(directory, 'cgroup.freeze'), '1');
      await untilEvent(join(directory, 'cgroup.events'), /^frozen 1$/m, signal);
    }
  }

  thaw(id: string): void {
    const unified = this.#unified();
    const [hierarchy, file, value] =
      unified === null
        ? [this.#need('freezer'), 'freezer.state', 'THAWED']
        : [unified, 'cgroup.freeze', '0'];
    writeFileSync(join(this.#directoryOf(hierarchy, id), file), value);
  }

  /**
   * Removes the container's directories and what it made below them; the instance's own with the last container.
   * Rejects with EngineError `conflict` if processes stay in it, and can be called again.
   */
  async remove(id: string, signal?: AbortSignal): Promise<void> {
    for (const hierarchy of this.#hierarchies) {
      const directory = this.#directoryOf(hierarchy, id);
      await removeLeaving(directory, signal);
      removeIfEmpty(dirname(directory));
    }
  }

  #directoryOf({ mountPoint }: Hierarchy, id: string): string {
    return join(mountPoint, this.#instance, id);
  }

  #unified(): Hierarchy | null {
    return this.#hierarchies.find(({ version }) => version === 2) ?? null;
  }

  /** The hierarchy that serves a controller. On v2 there are no device rules (a BPF program has to do that). */
  #find(controller: string): Hierarchy | null {
    if (this.isCgroup2Only) {
      const isServed = (v2Controllers as readonly string[]).includes(controller);
      return isServed ? this.#unified() : null;
    }
    return this.#hierarchies.find(({ controllers }) => controllers.includes(controller)) ?? null;
  }

  #need(controller: string): Hierarchy {
    const hierarchy = this.#find(controller);
    if (hierarchy === null)
      throw new EngineError(
        'not-implemented',
        `this machine has no ${controller} cgroup controller`,
      );
    return hierarchy;
  }

  /** A directory of this name can only be left from an attempt that was killed: settings in it do not count. */
  #makeFresh(hierarchy: Hierarchy, directory: string): void {
    try {
      mkdirSync(directory);
    } catch (error) {
      switch ((error as NodeJS.ErrnoException).code) {
        case 'ENOENT':
          this.#makeInstance(hierarchy);
          break;
        case 'EEXIST':
          removeTree(directory);
          break;
        default:
          throw error;
      }
      mkdirSync(directory);
    }
  }

  #makeInstance({ version, mountPoint }: Hierarchy): void {
    const instance = join(mountPoint, this.#instance);
    mkdirSync(instance, { recursive: true });
    if (version === 1 || !this.isCgroup2Only) return;
    for (const parent of [mountPoint, instance]) enableControllers(parent);
  }

  #confineDevices(id: string, rules: readonly DeviceRule[]): void {
    const hierarchy = this.#find('devices');
    if (hierarchy === null || rules.some(({ type }) => type === 'all')) return;
    const directory = this.#directoryOf(hierarchy, id);
    writeFileSync(join(directory, 'devices.deny'), 'a');
    const fd = openSync(join(directory, 'devices.allow'), 'w');
    try {
      // One rule per write(2), Documentation/admin-guide/cgroup-v1/devices.rst.
      for (const rule of rules) writeSync(fd, printDeviceRule(rule));
    } finally {
      closeSync(fd);
    }
  }

  /** FREEZING ends only when somebody asks for the state again, so asking is what drives it. */
  async #freezeV1(id: string, signal: AbortSignal | undefined): Promise<void> {
    const file = join(this.#directoryOf(this.#need('freezer'), id), 'freezer.state');
    for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, 50)) {
      writeFileSync(file, 'FROZEN');
      if (readFileSync(file, 'utf8').trim() === 'FROZEN') return;
      await delay(waitMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** Those of the wanted controllers that the kernel offers here and that are not handed down yet. */
function enableControllers(directory: string): void {
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

function writeLimit(path: string, { controller, value }: ControlWrite): void {
  try {
    // Not O_CREAT: a file that the kernel does not offer must be ENOENT.
    writeFileSync(path, value, { flag: 'r+' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw noController(controller, error);
    throw new EngineError('invalid-argument', `the kernel refused "${value}" for ${path}`, {
      cause: error,
    });
  }
}

function noController(controller: string, cause?: unknown): EngineError {
  const limits = `this machine has no ${controller} cgroup controller`;
  const hint = `remove the ${controller} limits, or enable the controller on the kernel's command line`;
  return new EngineError('invalid-argument', limits, { hint, cause });
}

/** Processes that have exited are still counted for a moment; only while they leave is it worth trying again. */
const longestLeaveMs = 5000;

async function removeLeaving(directory: string, signal: AbortSignal | undefined): Promise<void> {
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
function removeTree(directory: string): void {
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

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    // EBUSY is how kernfs says that there are children.
    if (!['ENOENT', 'EBUSY', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}

function listDirectories(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readPids(directory: string): readonly number[] {
  const own = readIfThere(join(directory, 'cgroup.procs'))
    .split('\n')
    .filter((line) => line !== '');
  const below = listDirectories(directory).flatMap((name) => readPids(join(directory, name)));
  return [...own.map(Number), ...below];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

function writeIfThere(path: string, value: string): boolean {
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
async function untilEvent(path: string, pattern: RegExp, signal?: AbortSignal): Promise<void> {
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
