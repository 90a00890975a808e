/**
 * Volumes of the driver "local": a directory each, `<root>/<name>/_data`, on which those with driver options are mounted
 * while they are held. The record comes before the directory and
 * goes after it, so that whatever a crash leaves has a name to be found by.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  closeFd,
  diskUsage,
  isSyscallError,
  makeDirectoryAt,
  openAt,
  openRoot,
  readDirectory,
  removeTreeAt,
  O_DIRECTORY,
  O_RDONLY,
  type Fd,
  type TreeSize,
} from '../native/index.ts';
import { KeyedLock } from '../engine/lib/index.ts';
import {
  besideData,
  copyUp,
  finishCopyUp,
  hasDirectory,
  insideData,
  type CopyUpSource,
} from './copy-up.ts';
import { isMounted, mountVolume, unmountVolume } from './driver-mounts.ts';
import { checkDriverOptions, driverMount } from './driver-options.ts';
import { VolumeError } from './errors.ts';
import type { Volume, VolumeRequest } from './model.ts';
import { FileRecords, type VolumeRecord, type VolumeRecords } from './records.ts';

export interface VolumeStoreOptions {
  /** Belongs to the store alone. */
  readonly root: string;
  /** Files of its own unless given. */
  readonly records?: VolumeRecords;
  /** The wall clock; a test may bring its own. */
  readonly now?: () => Date;
}

export interface RemoveVolumeOptions {
  /** A volume that does not exist is no error. One in use always is. */
  readonly force?: boolean;
  /** Ids of the containers that mount a volume, running or not. Asked while nobody else can take the volume. */
  readonly usersOf?: (name: string) => readonly string[];
}

export class VolumeStore {
  readonly #root: string;
  readonly #rootFd: Fd;
  readonly #records: VolumeRecords;
  readonly #now: () => Date;
  readonly #volumes = new Map<string, Volume>();
  /** Who holds a volume with driver options, by its name. */
  readonly #holders = new Map<string, Set<string>>();
  readonly #locks = new KeyedLock();

  private constructor(options: VolumeStoreOptions, records: VolumeRecords) {
    this.#root = options.root;
    this.#rootFd = openRoot(options.root);
    this.#records = records;
    this.#now = options.now ?? (() => new Date());
  }

  static async open(options: VolumeStoreOptions): Promise<VolumeStore> {
    await mkdir(options.root, { recursive: true, mode: 0o700 });
    const records = options.records ?? (await FileRecords.open(options.root));
    const store = new VolumeStore(options, records);
    for (const record of records.values()) await store.#adopt(record);
    return store;
  }

  list(): readonly Volume[] {
    return [...this.#volumes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): Volume | undefined {
    return this.#volumes.get(name);
  }

  /** As `get`, or VolumeError `not-found` in Docker's words. */
  inspect(name: string): Volume {
    const volume = this.get(name);
    if (volume === undefined)
      throw new VolumeError('not-found', `get ${name}: no such volume`, { fields: { name } });
    return volume;
  }

  /** An existing volume of the same driver is returned as it is, with the labels it has. */
  async create(request: VolumeRequest = {}): Promise<Volume> {
    const name = request.name ?? randomBytes(32).toString('hex');
    checkName(name);
    checkDriver(name, request);
    return await this.#locks.run(name, async () => {
      const known = this.get(name);
      if (known !== undefined) return sameVolume(known, request);
      const record: VolumeRecord = {
        name,
        driver: 'local',
        labels: request.labels ?? {},
        driverOptions: request.driverOptions ?? {},
        createdAt: this.#now().toISOString(),
        isAnonymous: request.name === undefined,
      };
      await this.#records.put(name, record);
      return this.#make(record);
    });
  }

  /** Removes record and content. */
  async remove(name: string, options: RemoveVolumeOptions = {}): Promise<void> {
    await this.#locks.run(name, async () => {
      if (options.force === true && this.get(name) === undefined) return;
      this.inspect(name);
      const users = options.usersOf?.(name) ?? [];
      if (users.length > 0)
        throw new VolumeError(
          'in-use',
          `remove ${name}: volume is in use - [${users.join(', ')}]`,
          {
            fields: { name, users: users.join(',') },
            hint: 'remove the containers that use it first',
          },
        );
      // What is mounted there is not the volume's to delete.
      unmountVolume(this.inspect(name));
      this.#holders.delete(name);
      this.#volumes.delete(name);
      await removeTreeAt(this.#rootFd, name);
      await this.#records.delete(name);
    });
  }

  /**
   * Gives an empty volume what the image has at the mount's target, with owner and mode. A volume with anything in
   * it, or one that was filled before, stays as it is. Resolves to what was copied; null if nothing was.
   */
  async copyUp(name: string, source: CopyUpSource): Promise<TreeSize | null> {
    return await this.#locks.run(name, async () => {
      const volume = this.inspect(name);
      if (driverMount(volume.driverOptions) !== null) return await this.#fill(volume, source);
      const directory = this.#open(name);
      try {
        return await copyUp(directory, besideData, source);
      } finally {
        closeFd(directory);
      }
    });
  }

  /** Whether `copyUp` could have anything to do; asked before an image's tree is opened for it. */
  async isEmpty(name: string): Promise<boolean> {
    return await this.#locks.run(name, () => {
      const volume = this.inspect(name);
      if (driverMount(volume.driverOptions) !== null && !isMounted(volume)) return true;
      const content = this.#open(`${name}/${dataName}`);
      try {
        return readDirectory(content).length === 0;
      } finally {
        closeFd(content);
      }
    });
  }

  /** Mounts it, if there is anything to mount, for as long as somebody holds it. */
  async hold(name: string, holder: string): Promise<void> {
    await this.#locks.run(name, async () => {
      const volume = this.inspect(name);
      if (driverMount(volume.driverOptions) === null) return;
      await mountVolume(volume);
      await this.#finishInside(volume);
      const holders = this.#holders.get(name) ?? new Set();
      this.#holders.set(name, holders.add(holder));
    });
  }

  /** Also of a volume that is not held, or gone. */
  async release(name: string, holder: string): Promise<void> {
    await this.#locks.run(name, () => {
      const holders = this.#holders.get(name);
      if (holders?.delete(holder) !== true || holders.size > 0) return;
      this.#holders.delete(name);
      const volume = this.get(name);
      if (volume !== undefined) unmountVolume(volume);
    });
  }

  /** After the engine's start: who holds what still; any other mount is taken away. */
  async recover(held: ReadonlyMap<string, readonly string[]>): Promise<void> {
    for (const volume of this.list()) {
      if (driverMount(volume.driverOptions) === null) continue;
      const holders = held.get(volume.name) ?? [];
      await this.#locks.run(volume.name, () => {
        if (holders.length > 0) this.#holders.set(volume.name, new Set(holders));
        else unmountVolume(volume);
      });
    }
  }

  async sizeOf(name: string): Promise<TreeSize> {
    this.inspect(name);
    const directory = this.#open(`${name}/${dataName}`);
    try {
      return await diskUsage(directory);
    } finally {
      closeFd(directory);
    }
  }

  close(): void {
    closeFd(this.#rootFd);
  }

  async #adopt(record: VolumeRecord): Promise<void> {
    const volume = this.#make(record);
    // What is mounted there is finished when it is mounted the next time.
    if (driverMount(volume.driverOptions) !== null) return;
    const directory = this.#open(record.name);
    try {
      await finishCopyUp(directory, besideData);
    } finally {
      closeFd(directory);
    }
  }

  /** Mounted for as long as it takes; not at all where the image has nothing to give. */
  async #fill(volume: Volume, source: CopyUpSource): Promise<TreeSize | null> {
    if (!hasDirectory(source)) return null;
    try {
      await mountVolume(volume);
      const directory = this.#open(`${volume.name}/${dataName}`);
      try {
        return await copyUp(directory, insideData, source);
      } finally {
        closeFd(directory);
      }
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      const { code, message, fields, hint, cause } = error;
      throw new VolumeError(code, `failed to populate volume: ${message}`, {
        ...{ fields, cause },
        ...(hint !== undefined && { hint }),
      });
    } finally {
      if (!this.#holders.has(volume.name)) unmountVolume(volume);
    }
  }

  async #finishInside({ name }: Volume): Promise<void> {
    const directory = this.#open(`${name}/${dataName}`);
    try {
      await finishCopyUp(directory, insideData);
    } finally {
      closeFd(directory);
    }
  }

  /** Makes what of the directory is missing: after a crash, or after somebody deleted it by hand. */
  #make(record: VolumeRecord): Volume {
    const { name } = record;
    makeMissing(this.#rootFd, name, 0o700);
    makeMissing(this.#rootFd, `${name}/${dataName}`, 0o755);
    const volume: Volume = { ...record, mountpoint: join(this.#root, name, dataName) };
    this.#volumes.set(name, volume);
    return volume;
  }

  #open(path: string): Fd {
    return openAt(this.#rootFd, path, { flags: O_RDONLY | O_DIRECTORY });
  }
}

const dataName = '_data';

function makeMissing(root: Fd, path: string, mode: number): void {
  try {
    makeDirectoryAt(root, path, mode);
  } catch (error) {
    if (!isSyscallError(error, 'EEXIST')) throw error;
  }
}

/** NAME_MAX less what the file of a record adds to the name. */
const longestName = 240;

export function checkName(name: string): void {
  const fields = { name };
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name))
    throw new VolumeError(
      'invalid-name',
      `volume name "${name}" is invalid: it needs two or more of letters, digits, "_", "." and "-", beginning with a letter or digit`,
      { fields },
    );
  if (name.length > longestName)
    throw new VolumeError('invalid-name', `volume name "${name}" is longer than ${longestName}`, {
      fields,
    });
}

function checkDriver(name: string, { driver = 'local', driverOptions = {} }: VolumeRequest): void {
  if (driver !== '' && driver !== 'local')
    throw new VolumeError(
      'unknown-driver',
      `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
      { fields: { driver }, hint: 'use the driver "local"' },
    );
  checkDriverOptions(name, driverOptions);
}

function sameVolume(known: Volume, { driver = '' }: VolumeRequest): Volume {
  if (driver === '' || driver === known.driver) return known;
  throw new VolumeError(
    'driver-mismatch',
    `volume "${known.name}" exists with the driver "${known.driver}"`,
    { fields: { name: known.name, driver } },
  );
}
