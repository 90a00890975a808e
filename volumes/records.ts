/** What the store remembers of a volume, and the port through which it does. */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFile, tempSuffix, writeFileAtomic } from '../engine/lib/index.ts';

export interface VolumeRecord {
  readonly name: string;
  readonly driver: 'local';
  readonly labels: Readonly<Record<string, string>>;
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly isAnonymous: boolean;
}

/** Durable records by volume name. engine/store's RecordStore<VolumeRecord> has this shape. */
export interface VolumeRecords {
  values(): readonly VolumeRecord[];
  put(name: string, record: VolumeRecord): Promise<void>;
  delete(name: string): Promise<boolean>;
}

/** A record as read from anywhere; null if it cannot be one. For RecordStore's `read`. */
export function readVolumeRecord(body: Readonly<Record<string, unknown>>): VolumeRecord | null {
  const { name, driver, labels, driverOptions, createdAt, isAnonymous } = body;
  if (typeof name !== 'string' || driver !== 'local' || typeof createdAt !== 'string') return null;
  if (!isTextMap(labels) || !isTextMap(driverOptions)) return null;
  return { name, driver, labels, driverOptions, createdAt, isAnonymous: isAnonymous === true };
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === 'string')
  );
}

/** Records as files beside the volumes: `<root>/.records/<name>.json`, a name no volume has. For use without an engine. */
export class FileRecords implements VolumeRecords {
  readonly #directory: string;
  readonly #records = new Map<string, VolumeRecord>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(root: string): Promise<FileRecords> {
    const records = new FileRecords(join(root, '.records'));
    await mkdir(records.#directory, { recursive: true, mode: 0o700 });
    for (const file of (await readdir(records.#directory)).sort()) await records.#load(file);
    return records;
  }

  values(): readonly VolumeRecord[] {
    return [...this.#records.values()];
  }

  async put(name: string, record: VolumeRecord): Promise<void> {
    await writeFileAtomic(this.#pathOf(name), JSON.stringify(record), { durability: 'disk' });
    this.#records.set(name, record);
  }

  async delete(name: string): Promise<boolean> {
    await removeFile(this.#pathOf(name), 'disk');
    return this.#records.delete(name);
  }

  /** A file that holds no record is put aside: the content of its volume may be all that somebody has. */
  async #load(file: string): Promise<void> {
    const path = join(this.#directory, file);
    if (file.endsWith(tempSuffix)) await rm(path);
    if (!file.endsWith(suffix)) return;
    const record = parse(await readFile(path, 'utf8'));
    if (record !== null && `${record.name}${suffix}` === file)
      this.#records.set(record.name, record);
    else await rename(path, `${path}.damaged`);
  }

  #pathOf(name: string): string {
    return join(this.#directory, `${name}${suffix}`);
  }
}

const suffix = '.json';

function parse(text: string): VolumeRecord | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? readVolumeRecord(value as Readonly<Record<string, unknown>>)
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
