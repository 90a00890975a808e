/** What the store remembers of a volume, and the port through which it does. */
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
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

/** Records as files beside the volumes' content: `<root>/<name>/volume.json`. For use without an engine. */
export class FileRecords implements VolumeRecords {
  readonly #root: string;
  readonly #records = new Map<string, VolumeRecord>();

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<FileRecords> {
    const records = new FileRecords(root);
    await mkdir(root, { recursive: true, mode: 0o700 });
    for (const name of (await readdir(root)).sort()) await records.#load(name);
    return records;
  }

  values(): readonly VolumeRecord[] {
    return [...this.#records.values()];
  }

  async put(name: string, record: VolumeRecord): Promise<void> {
    await mkdir(join(this.#root, name), { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.#pathOf(name), JSON.stringify(record), { durability: 'disk' });
    this.#records.set(name, record);
  }

  async delete(name: string): Promise<boolean> {
    await removeFile(this.#pathOf(name), 'disk');
    return this.#records.delete(name);
  }

  /** A file that holds no record is put aside: the content of its volume may be all that somebody has. */
  async #load(name: string): Promise<void> {
    if (name.endsWith(tempSuffix)) return;
    const path = this.#pathOf(name);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
      throw error;
    });
    if (text === null) return;
    const record = parse(text);
    if (record?.name === name) this.#records.set(name, record);
    else await rename(path, `${path}.damaged`);
  }

  #pathOf(name: string): string {
    return join(this.#root, name, 'volume.json');
  }
}

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
