/**
 * Cgroups of containers: `<hierarchy>/<instance>/<container id>` in every hierarchy that counts or confines something.
 * The name follows from the id, so recovery finds them without a record. Calls are synchronous where they are writes
 * to kernfs: those take microseconds, less than a round trip over the thread pool.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';
import { isId } from '../lib/index.ts';
import {
  attachDeviceProgram,
  closeFd,
  isSyscallError,
  loadDeviceProgram,
  O_DIRECTORY,
  O_RDONLY,
  openTrusted,
} from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import {
  enableControllers,
  listDirectories,
  noController,
  readIfThere,
  readPids,
  removeIfEmpty,
  removeLeaving,
  removeTree,
  untilEvent,
  v2Controllers,
  writeIfThere,
  writeLimit,
} from './cgroup-files.ts';
import { findHierarchies, otherMountPoints } from './cgroup-hierarchies.ts';
import type { Hierarchy } from './cgroup-hierarchies.ts';
import { checkLimits } from './cgroup-limits.ts';
import type { CgroupLimits } from './cgroup-limits.ts';
import { readCgroupStats } from './cgroup-stats.ts';
import type { CgroupStats } from './cgroup-stats.ts';
import { cgroupView } from './cgroup-view.ts';
import { discardedLimits, limitWrites } from './cgroup-writes.ts';
import type { ControlWrite } from './cgroup-writes.ts';
import { deviceProgram } from './device-program.ts';
import { printDeviceRule } from './devices.ts';
import type { DeviceRule } from './devices.ts';
import type { CgroupPlacement } from './spec.ts';

export interface CgroupOptions {
  /** `Layout.instance` */
  readonly instance: string;
  /** Text of /proc/self/mountinfo unless told. */
  readonly mountinfo?: string;
  /** Whether programs can decide about devices on v2; the kernel is asked unless told. */
  readonly canFilterDevices?: boolean;
}

export interface CgroupRequest {
  /** What may be opened; one that holds `everyDeviceRule` confines nothing. */
  readonly devices: readonly DeviceRule[];
  readonly limits: CgroupLimits;
  /** `--cgroup-parent`: a directory below the root of every hierarchy instead of the engine's own. */
  readonly parent?: string | undefined;
}

export class Cgroups {
  readonly #instance: string;
  readonly #hierarchies: readonly Hierarchy[];
  readonly #others: readonly string[];
  /** Of containers that are not below the engine's own directory. */
  readonly #parents = new Map<string, string>();
  #canFilterDevices: boolean | undefined;

  private constructor(
    { instance, canFilterDevices }: CgroupOptions,
    hierarchies: readonly Hierarchy[],
    others: readonly string[],
  ) {
    this.#others = others;
    this.#instance = instance;
    this.#hierarchies = hierarchies;
    this.#canFilterDevices = canFilterDevices;
  }

  static discover(options: CgroupOptions): Cgroups {
    const text = options.mountinfo ?? readFileSync('/proc/self/mountinfo', 'utf8');
    return new Cgroups(options, findHierarchies(text), otherMountPoints(text));
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

  /** Below the root of every hierarchy. */
  path(id: string): string {
    return `/${this.#parents.get(id) ?? this.#instance}/${id}`;
  }

  /** Directories a container with this id has or would have, in the order of joining. */
  directories(id: string): readonly string[] {
    return this.#hierarchies.map((hierarchy) => this.#directoryOf(hierarchy, id));
  }

  /** Throws EngineError for a limit that cannot be. Nothing is left behind on a failure. */
  create(id: string, request: CgroupRequest): CgroupPlacement {
    this.place(id, request.parent ?? '');
    try {
      for (const hierarchy of this.#hierarchies) this.#makeFresh(hierarchy, id);
      this.#confineDevices(id, request.devices);
      this.write(id, limitWrites(request.limits, { version: this.limitVersion }));
    } catch (error) {
      this.#undoCreate(id, error);
    }
    return this.placement(id);
  }

  /** What stays closed where every device was allowed. Only v1 has a control for that. */
  denyDevices(id: string, rules: readonly DeviceRule[]): void {
    if (rules.length === 0) return;
    const directory = this.#directoryOf(this.#need('devices'), id);
    for (const rule of rules) writeFileSync(join(directory, 'devices.deny'), printDeviceRule(rule));
  }

  /** Says below which directory a container's are or will be; empty is the engine's own. Recovery tells of each. */
  place(id: string, parent: string): void {
    if (parent === '') this.#parents.delete(id);
    else this.#parents.set(id, checkedParent(parent));
  }

  /** Nothing has entered the directories yet, so removing them cannot have to wait. */
  #undoCreate(id: string, error: unknown): never {
    try {
      for (const directory of this.directories(id)) {
        removeTree(directory);
        if (!this.#parents.has(id)) removeIfEmpty(dirname(directory));
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
      hasDeviceControl: this.#find('devices') !== null || this.#mayFilterDevices(),
      view: cgroupView(this.#hierarchies, (hierarchy) => this.#directoryOf(hierarchy, id)),
    };
  }

  /** Sets what is given and leaves the rest. Throws EngineError for what the kernel refuses. */
  update(id: string, limits: CgroupLimits): void {
    const currentMemoryBytes = this.memoryLimit(id);
    this.write(id, limitWrites(limits, { version: this.limitVersion, currentMemoryBytes }));
  }

  /** Throws EngineError for limits that cannot be; returns which of them are left out here, in Docker's sentences. */
  check(limits: CgroupLimits): readonly string[] {
    checkLimits(limits);
    const weights = (limits.blkioWeight ?? 0) > 0 || (limits.blkioWeightDevices ?? []).length > 0;
    return [
      ...discardedLimits(limits, this.limitVersion),
      ...(weights && !this.#hasBlockWeights()
        ? [
            'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
          ]
        : []),
    ];
  }

  /** Counters as they are now; null when the container has no cgroup. */
  stats(id: string): CgroupStats | null {
    if (this.pids(id).length === 0) return null;
    const read = (controller: string, file: string): string => {
      const hierarchy = this.#find(controller);
      return hierarchy === null ? '' : readIfThere(join(this.#directoryOf(hierarchy, id), file));
    };
    return readCgroupStats(read, this.limitVersion);
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

  /** Of what another runtime has made in hierarchies that are not used here. */
  removeOthers(id: string): void {
    for (const mountPoint of this.#others) {
      const directory = join(mountPoint, this.path(id));
      removeIfEmpty(directory);
      if (!this.#parents.has(id)) removeIfEmpty(dirname(directory));
    }
  }

  /** On a host with both versions, the mount of the second one: not every runtime can be there where that is. */
  get hybridMountPoint(): string | null {
    return this.version === 'hybrid' ? (this.#unified()?.mountPoint ?? null) : null;
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

  /** Whether its processes are stopped, for an engine that finds a container running. */
  isFrozen(id: string): boolean {
    const unified = this.#unified();
    if (unified !== null)
      return readIfThere(join(this.#directoryOf(unified, id), 'cgroup.freeze')).trim() === '1';
    const hierarchy = this.#find('freezer');
    if (hierarchy === null) return false;
    const state = readIfThere(join(this.#directoryOf(hierarchy, id), 'freezer.state')).trim();
    return state === 'FROZEN' || state === 'FREEZING';
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
      // A parent that the user named is the user's to remove.
      if (!this.#parents.has(id)) removeIfEmpty(dirname(directory));
    }
    this.#parents.delete(id);
  }

  #directoryOf({ mountPoint }: Hierarchy, id: string): string {
    return join(mountPoint, this.path(id));
  }

  #unified(): Hierarchy | null {
    return this.#hierarchies.find(({ version }) => version === 2) ?? null;
  }

  get limitVersion(): 1 | 2 {
    return this.isCgroup2Only ? 2 : 1;
  }

  /** Throws EngineError for what the kernel refuses. */
  write(id: string, writes: readonly ControlWrite[]): void {
    for (const write of writes) {
      const hierarchy = this.#find(write.controller);
      if (hierarchy === null) throw noController(write.controller);
      writeLimit(this.#directoryOf(hierarchy, id), write);
    }
  }

  /** null: none, or a kernel that does not say. */
  memoryLimit(id: string): number | null {
    const hierarchy = this.#find('memory');
    if (hierarchy === null) return null;
    const file = hierarchy.version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
    const text = readIfThere(join(this.#directoryOf(hierarchy, id), file)).trim();
    return /^\d+$/.test(text) ? Number(text) : null;
  }

  /** The files are not there in the root of a hierarchy, so a directory has to be made to see. */
  #hasBlockWeights(): boolean {
    const hierarchy = this.#find('blkio');
    if (hierarchy === null) return false;
    const probe = join(hierarchy.mountPoint, `${this.#instance}-probe`);
    mkdirSync(probe, { recursive: true });
    try {
      const names =
        hierarchy.version === 1
          ? ['blkio.weight', 'blkio.bfq.weight']
          : ['io.weight', 'io.bfq.weight'];
      return names.some((name) => existsSync(join(probe, name)));
    } finally {
      removeIfEmpty(probe);
    }
  }

  /** The hierarchy that serves a controller; `devices` has none in v2, where a program decides. */
  #find(controller: string): Hierarchy | null {
    if (this.isCgroup2Only) {
      const name = controller === 'blkio' ? 'io' : controller;
      const isServed = (v2Controllers as readonly string[]).includes(name);
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
  #makeFresh(hierarchy: Hierarchy, id: string): void {
    const directory = this.#directoryOf(hierarchy, id);
    const isForeign = this.#parents.has(id) || this.#instance === '.';
    // A parent of others' may be there and hand nothing down yet.
    if (isForeign) this.#makeParent(hierarchy, dirname(directory));
    try {
      mkdirSync(directory);
    } catch (error) {
      switch ((error as NodeJS.ErrnoException).code) {
        case 'ENOENT':
          this.#makeParent(hierarchy, dirname(directory));
          break;
        case 'EEXIST':
          removeTree(directory);
          break;
        default:
          throw error;
      }
      mkdirSync(directory);
    }
    if (isForeign && hierarchy.controllers.includes('cpuset')) inheritCpuset(directory);
  }

  #makeParent({ version, mountPoint, controllers }: Hierarchy, parent: string): void {
    mkdirSync(parent, { recursive: true });
    const steps = directoriesBetween(mountPoint, parent);
    if (version === 2) {
      if (this.isCgroup2Only) for (const step of [mountPoint, ...steps]) enableControllers(step);
    } else if (controllers.includes('cpuset')) {
      for (const step of steps) inheritCpuset(step);
    }
  }

  #confineDevices(id: string, rules: readonly DeviceRule[]): void {
    if (rules.some(({ type }) => type === 'all')) return;
    const hierarchy = this.#find('devices');
    if (hierarchy === null) this.#filterDevices(id, rules);
    else writeDeviceRules(this.#directoryOf(hierarchy, id), rules);
  }

  /** Where the kernel cannot, `hasDeviceControl` is false and no node may come to be that could be opened. */
  #filterDevices(id: string, rules: readonly DeviceRule[]): void {
    const unified = this.#unified();
    if (unified === null || !this.#mayFilterDevices()) return;
    attachRules(this.#directoryOf(unified, id), rules);
  }

  #mayFilterDevices(): boolean {
    if (this.#unified() === null) return false;
    this.#canFilterDevices ??= canLoadDeviceProgram();
    return this.#canFilterDevices;
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

/** Everything is refused first, then rules allow: one a write(2), Documentation/admin-guide/cgroup-v1/devices.rst. */
function writeDeviceRules(directory: string, rules: readonly DeviceRule[]): void {
  writeFileSync(join(directory, 'devices.deny'), 'a');
  const fd = openSync(join(directory, 'devices.allow'), 'w');
  try {
    for (const rule of rules) writeSync(fd, printDeviceRule(rule));
  } finally {
    closeSync(fd);
  }
}

/** Confines what is opened from a directory of cgroup v2, and from those below it. */
export function attachRules(directory: string, rules: readonly DeviceRule[]): void {
  const cgroup = openTrusted(directory, O_RDONLY | O_DIRECTORY);
  let program: Fd | null = null;
  try {
    program = loadDeviceProgram(deviceProgram(rules));
    attachDeviceProgram(cgroup, program);
  } finally {
    if (program !== null) closeFd(program);
    closeFd(cgroup);
  }
}

function canLoadDeviceProgram(): boolean {
  try {
    closeFd(loadDeviceProgram(deviceProgram([])));
    return true;
  } catch (error) {
    if (isSyscallError(error)) return false;
    throw error;
  }
}

/** A group of v1 has no CPUs and no memory nodes of its own, and no process may enter one like that, cpuset(7). */
function inheritCpuset(directory: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readFileSync(join(directory, file), 'utf8').trim() !== '') continue;
    writeFileSync(join(directory, file), readFileSync(join(dirname(directory), file), 'utf8'));
  }
  // From here on the kernel does the same for every directory that is made below.
  writeFileSync(join(directory, 'cgroup.clone_children'), '1');
}

/** Outermost first, without the first and with the last. */
function directoriesBetween(top: string, directory: string): readonly string[] {
  if (directory === top) return [];
  return [...directoriesBetween(top, dirname(directory)), directory];
}

/** As Docker's: a path below the hierarchy's root, absolute or not. */
function checkedParent(parent: string): string {
  const steps = parent.split('/').filter((step) => step !== '');
  const isBad = steps.some((step) => step === '.' || step === '..' || step.includes('\0'));
  if (steps.length > 0 && !isBad) return steps.join('/');
  throw new EngineError('invalid-argument', `invalid cgroup parent "${parent}"`, {
    hint: 'use a path below the root of the cgroup file system, without ".."',
  });
}
