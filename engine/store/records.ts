/**
 * Typed JSON records, one file each below a directory. All of them are in memory after `open()`: reads are
 * synchronous, writes reach the disk first and memory second, so nobody reads what a crash could take back.
 * Changes of one key happen in the order in which they were asked for.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyedLock, tempSuffix } from '../lib/index.ts';
import type { Durability } from '../lib/index.ts';
import { readBootId } from './boot-id.ts';
import { RecordDirectory } from './record-directory.ts';
import {
  decodeRecord,
  encodeRecord,
  fileNameOf,
  keyOfFileName,
  unknownFields,
  withUnknownFields,
} from './record-file.ts';
import type { JsonObject } from './record-file.ts';

export interface RecordStoreOptions<T extends object> {
  /** Made when missing; belongs to the store alone. */
  readonly directory: string;
  readonly durability: Durability;
  /** Version of T's schema as this engine writes it, from 1. */
  readonly schemaVersion: number;
  /**
   * Type guard and migration: a body as written with `schema`, which may be older or newer than ours, becomes a T
   * or null when it cannot be one. A field it does not take over is kept and written back.
   */
  readonly read: (body: JsonObject, schema: number) => T | null;
  /** For tests; /proc/sys/kernel/random/boot_id unless told. */
  readonly bootId?: string;
}

/** A file that holds no record; moved aside, so that it is neither lost nor found again. */
export interface QuarantinedRecord {
  readonly path: string;
  readonly reason: string;
  /** Where it is now; null when even moving it failed, and it is where it was. */
  readonly movedTo: string | null;
}

export interface OpenedStore<T extends object> {
  readonly store: RecordStore<T>;
  readonly quarantined: readonly QuarantinedRecord[];
  /** Keys of what was moved aside, by this engine or an earlier one, and has not come back. */
  readonly lostKeys: readonly string[];
}

interface Entry<T> {
  readonly value: T;
  readonly schema: number;
  readonly unknown: JsonObject | null;
}

const quarantineDirectory = 'quarantine';

export class RecordStore<T extends object> {
  readonly #options: RecordStoreOptions<T>;
  readonly #bootId: string | null;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #locks = new KeyedLock();
  readonly #files: RecordDirectory;

  private constructor(options: RecordStoreOptions<T>) {
    this.#options = options;
    this.#files = new RecordDirectory(options.directory, options.durability);
    this.#bootId = options.durability === 'boot' ? (options.bootId ?? readBootId()) : null;
  }

  /** Loads every record. Fails only if the directory itself cannot be read. */
  static async open<T extends object>(options: RecordStoreOptions<T>): Promise<OpenedStore<T>> {
    const store = new RecordStore(options);
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(options.directory)).sort();
    const results = await Promise.all(names.map((name) => store.#load(name)));
    const quarantined = results.filter((result) => result !== null);
    return { store, quarantined, lostKeys: await store.#lostKeys() };
  }

  async #lostKeys(): Promise<readonly string[]> {
    const names = await readdir(join(this.#options.directory, quarantineDirectory)).catch(
      (error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      },
    );
    // A time in letters and digits is before the name.
    const keys = names.map((name) => keyOfFileName(name.slice(name.indexOf('-') + 1)));
    return [...new Set(keys.filter((key) => key !== null && !this.has(key)))] as string[];
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  values(): readonly T[] {
    return Array.from(this.#entries.values(), ({ value }) => value);
  }

  entries(): readonly (readonly [key: string, value: T])[] {
    return Array.from(this.#entries, ([key, { value }]) => [key, value] as const);
  }

  /** Resolves when the record would survive what its durability promises. `value` is frozen. */
  put(key: string, value: T): Promise<void> {
    return this.#locks.run(key, () => this.#write(key, value));
  }

  /** Read, change, write as one step of this key. Rejects with a RangeError if there is no such record. */
  update(key: string, change: (current: T) => T): Promise<T> {
    return this.#locks.run(key, async () => {
      const entry = this.#entries.get(key);
      if (entry === undefined) throw new RangeError(`there is no record "${key}"`);
      const value = change(entry.value);
      await this.#write(key, value);
      return value;
    });
  }

  /** True if there was one. */
  delete(key: string): Promise<boolean> {
    return this.#locks.run(key, async () => {
      await this.#files.remove(fileNameOf(key));
      return this.#entries.delete(key);
    });
  }

  async #write(key: string, value: T): Promise<void> {
    const previous = this.#entries.get(key);
    const unknown = previous?.unknown ?? null;
    // What a newer engine wrote keeps its version: to that engine it is still a record of its own.
    const schema = Math.max(this.#options.schemaVersion, previous?.schema ?? 0);
    const body = withUnknownFields(value as JsonObject, unknown);
    const content = encodeRecord({ schema, key, boot: this.#bootId, body });
    await this.#files.write(fileNameOf(key), content);
    this.#entries.set(key, { value: freeze(value), schema, unknown });
  }

  async #load(name: string): Promise<QuarantinedRecord | null> {
    const path = join(this.#options.directory, name);
    if (name === quarantineDirectory) return null;
    if (name.endsWith(tempSuffix)) {
      await rm(path, { force: true });
      return null;
    }
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      return await this.#quarantine(name, `cannot be read: ${(error as Error).message}`);
    }
    const reason = await this.#accept(name, text);
    return reason === null ? null : await this.#quarantine(name, reason);
  }

  /** Takes a record into memory; returns why it cannot be one. */
  async #accept(name: string, text: string): Promise<string | null> {
    const decoded = decodeRecord(text);
    if (!decoded.isOk) return decoded.reason;
    const { key, schema, body, boot } = decoded.envelope;
    if (fileNameOf(key) !== name) return `belongs to the key "${key}"`;
    if (boot !== this.#bootId) {
      // The kernel object it speaks of went with the boot; a disk store never has one.
      await rm(join(this.#options.directory, name), { force: true });
      return null;
    }
    const value = this.#read(body, schema);
    if (value instanceof Error) return value.message;
    const unknown = unknownFields(body, value as JsonObject);
    this.#entries.set(key, { value: freeze(value), schema, unknown });
    return null;
  }

  #read(body: JsonObject, schema: number): T | Error {
    try {
      return (
        this.#options.read(body, schema) ??
        new Error(
          `not understood (schema ${schema}, this engine writes ${this.#options.schemaVersion})`,
        )
      );
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  async #quarantine(name: string, reason: string): Promise<QuarantinedRecord> {
    const { directory } = this.#options;
    const path = join(directory, name);
    const movedTo = join(directory, quarantineDirectory, `${Date.now().toString(36)}-${name}`);
    try {
      await mkdir(join(directory, quarantineDirectory), { recursive: true, mode: 0o700 });
      await rename(path, movedTo);
      return { path, reason, movedTo };
    } catch (error) {
      return { path, reason: `${reason}; ${(error as Error).message}`, movedTo: null };
    }
  }
}

/** Memory is the truth between two writes: whoever got a record must not be able to change it in place. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
