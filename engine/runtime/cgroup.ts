/**
 * Cgroups of containers: `<hierarchy>/<instance>/<container id>` in every hierarchy that counts or confines something.
 * The name follows from the id, so recovery finds them without a record. Calls are synchronous where they are writes
 * to kernfs: those take microseconds, less than a round trip over the thread pool.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';
import { isId } from '../lib/index.ts';
import { attachRules, canLoadDeviceProgram, writeDeviceRules } from './cgroup-devices.ts';
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
  writeControl,
  writeIfThere,
} from './cgroup-files.ts';
import { findHierarchies, otherMountPoints } from './cgroup-hierarchies.ts';
import type { Hierarchy } from './cgroup-hierarchies.ts';
import type { CgroupLimits } from './cgroup-limits.ts';
import { checkedParent, directoriesBetween, inheritCpuset } from './cgroup-parents.ts';
import { probeSupport } from './cgroup-probe.ts';
import { valueBefore } from './cgroup-restore.ts';
import { readCgroupStats } from './cgroup-stats.ts';
import type { CgroupStats } from './cgroup-stats.ts';
import { limitWarnings, supportFacts } from './cgroup-support.ts';
import type { CgroupSupport } from './cgroup-support.ts';
import { cgroupView } from './cgroup-view.ts';
import { limitWrites } from './cgroup-writes.ts';
import type { ControlWrite } from './cgroup-writes.ts';
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
  /** Directories that this engine has seen hand down what they have; one may be left half made by an engine before. */
  readonly #prepared = new Set<string>();
  #canFilterDevices: boolean | undefined;
  #supported: CgroupSupport | undefined;

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
      this.#apply(id, limitWrites(request.limits, { version: this.limitVersion }), null);
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
      for (const directory of this.directories(id)) removeTree(directory);
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

  /** Sets what is given and leaves the rest. Throws EngineError for what the kernel refuses; then nothing has changed. */
  update(id: string, limits: CgroupLimits): void {
    const currentMemoryBytes = this.memoryLimit(id);
    const options = { version: this.limitVersion, currentMemoryBytes };
    this.#refuseOverrun(id, limits);
    const undo: (() => void)[] = [];
    try {
      this.#apply(id, limitWrites(limits, options), undo);
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  /** Throws EngineError for limits that cannot be; returns which of them are left out here, in Docker's sentences. */
  check(limits: CgroupLimits): readonly string[] {
    return limitWarnings(limits, this.#support());
  }

  /** Which limits this machine has, as `GET /info` names them. */
  facts(): Readonly<Record<string, boolean>> {
    return supportFacts(this.#support());
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

  /** The instance's own directories, which stay for the next container as long as the engine runs. */
  removeEmptyInstance(): void {
    if (this.#instance === '.') return;
    for (const { mountPoint } of this.#hierarchies) removeIfEmpty(join(mountPoint, this.#instance));
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
   * Removes the container's directories and what it made below them.
   * Rejects with EngineError `conflict` if processes stay in it, and can be called again.
   */
  async remove(id: string, signal?: AbortSignal): Promise<void> {
    for (const hierarchy of this.#hierarchies) {
      const directory = this.#directoryOf(hierarchy, id);
      const reserved = hierarchy.version === 2 ? readIfThere(join(directory, 'memory.low')) : '';
      await removeLeaving(directory, signal);
      if (Number(reserved) > 0) this.#handDownReservation(hierarchy, id);
      // What others may not have meanwhile is given back; a parent that the user named is the user's to remove.
      const parent = dirname(directory);
      const realtime = readIfThere(join(parent, 'cpu.rt_runtime_us'));
      if (Number(realtime) > 0 && !this.#parents.has(id)) removeIfEmpty(parent);
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

  #support(): CgroupSupport {
    this.#supported ??= probeSupport(this.#hierarchies, `${this.#instance}-probe`);
    return this.#supported;
  }

  /** Throws EngineError for what the kernel refuses, and for what it has no control for. */
  write(id: string, writes: readonly ControlWrite[]): void {
    if (writes.length === 0) return;
    const { files } = this.#support();
    const lacking = writes.find(
      ({ file, instead }) => !files.has(file) && !files.has(instead?.file ?? ''),
    );
    if (lacking !== undefined) throw noController(lacking.controller);
    this.#apply(id, writes, null);
  }

  /** What the machine has no control for is left out: `check` has said so. `undo` gets how to take each write back. */
  #apply(id: string, writes: readonly ControlWrite[], undo: (() => void)[] | null): void {
    if (writes.length === 0) return;
    const { files } = this.#support();
    for (const write of writes) {
      const choice = [write, ...(write.instead === undefined ? [] : [write.instead])];
      const control = choice.find(({ file }) => files.has(file));
      const hierarchy = this.#find(write.controller);
      if (control === undefined || hierarchy === null) continue;
      const path = join(this.#directoryOf(hierarchy, id), control.file);
      if (control.file.startsWith('cpu.rt_')) this.#lendRealtime(hierarchy, id);
      const before = undo && valueBefore({ ...write, ...control }, readIfThere(path));
      writeControl(path, control.value);
      if (before !== null)
        undo?.push(() => {
          writeControl(path, before);
        });
      if (control.file === 'memory.low') this.#handDownReservation(hierarchy, id);
    }
  }

  /** memory.low protects only out of what the group above is protected, so the engine's has the sum of its containers'. */
  #handDownReservation({ mountPoint }: Hierarchy, id: string): void {
    if (this.#parents.has(id)) return;
    const parent = join(mountPoint, this.#instance);
    const sum = listDirectories(parent)
      .map((name) => Number(readIfThere(join(parent, name, 'memory.low'))))
      .reduce((total, bytes) => total + bytes, 0);
    writeIfThere(join(parent, 'memory.low'), String(sum));
  }

  /** null: none, or a kernel that does not say. */
  memoryLimit(id: string): number | null {
    const hierarchy = this.#find('memory');
    if (hierarchy === null) return null;
    const file = hierarchy.version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
    const text = readIfThere(join(this.#directoryOf(hierarchy, id), file)).trim();
    return /^\d+$/.test(text) ? Number(text) : null;
  }

  /**
   * v1 refuses a limit below what cannot be given back; v2 takes it and kills. Refused here as well: an update must not
   * end a container.
   */
  #refuseOverrun(id: string, { memoryBytes = 0, memorySwapBytes = 0 }: CgroupLimits): void {
    const hierarchy = this.#find('memory');
    if (hierarchy?.version !== 2 || memoryBytes <= 0 || memorySwapBytes === -1) return;
    const directory = this.#directoryOf(hierarchy, id);
    const kept = unreclaimableBytes(readIfThere(join(directory, 'memory.stat')));
    const hasSwap = readIfThere('/proc/swaps').split('\n').length > 2;
    const withSwapBytes = memorySwapBytes > 0 ? memorySwapBytes : 2 * memoryBytes;
    if (kept <= (hasSwap ? withSwapBytes : memoryBytes)) return;
    throw new EngineError('invalid-argument', `the container uses ${kept} bytes of memory`, {
      hint: 'choose a limit above what is in use, or stop the container before',
    });
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
    const parent = dirname(directory);
    const isForeign = this.#parents.has(id) || this.#instance === '.';
    // A parent of others' may be there and hand nothing down yet.
    if (isForeign || !this.#prepared.has(parent)) this.#makeParent(hierarchy, parent);
    try {
      mkdirSync(directory);
    } catch (error) {
      switch ((error as NodeJS.ErrnoException).code) {
        case 'ENOENT':
          this.#makeParent(hierarchy, parent);
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
    this.#prepared.add(parent);
  }

  /** A group gets real-time for its processes out of that of the group above it, which has none to begin with. */
  #lendRealtime({ mountPoint }: Hierarchy, id: string): void {
    const parent = join(mountPoint, this.#parents.get(id) ?? this.#instance);
    for (const step of directoriesBetween(mountPoint, parent))
      for (const file of ['cpu.rt_period_us', 'cpu.rt_runtime_us'])
        writeControl(join(step, file), readIfThere(join(dirname(step), file)).trim());
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

/** Anonymous and shared memory stays where there is no swap; what was read from files can be read again. */
function unreclaimableBytes(stat: string): number {
  const of = (key: string): number =>
    Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
  return of('anon') + of('shmem');
}
