/**
 * Files of one directory, each replaced or removed as a whole, like `writeFileAtomic` does it, but without making and
 * freeing an inode for every change: a file that is replaced or removed lives on under a spare name, and the next
 * write takes it over. Finding a free inode is the dear part of a small write (0.6 ms on an ext4 without journal,
 * which keeps away from inodes freed within the last minute), and it would block the event loop.
 */
import {
  closeSync,
  constants,
  ftruncateSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { syncDirectory, syncFile, tempSuffix, writeWhole } from '../lib/index.ts';
import type { Durability } from '../lib/index.ts';

/** More than are written at once are of no use. */
const mostSpares = 64;

export class RecordDirectory {
  readonly #path: string;
  readonly #isDurable: boolean;
  /**
   * Paths of files that hold nothing. Never taken over from an earlier engine: killed between link and rename, it
   * leaves a spare name on a live record.
   */
  readonly #spares: string[] = [];
  #names = 0;

  constructor(path: string, durability: Durability) {
    this.#path = path;
    this.#isDurable = durability === 'disk';
  }

  async write(name: string, content: string): Promise<void> {
    const path = join(this.#path, name);
    const scratch = this.#spares.pop() ?? this.#newName();
    const replaced = this.#newName();
    let hasReplaced: boolean;
    try {
      await this.#fill(scratch, Buffer.from(content));
      hasReplaced = linkIfThere(path, replaced);
      renameSync(scratch, path);
    } catch (error) {
      for (const left of [scratch, replaced]) rmSync(left, { force: true });
      throw error;
    }
    await this.#sync();
    if (hasReplaced) this.#keep(replaced);
  }

  /** A missing file is a success. */
  async remove(name: string): Promise<void> {
    const spare = this.#newName();
    try {
      renameSync(join(this.#path, name), spare);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    await this.#sync();
    this.#keep(spare);
  }

  async #fill(path: string, bytes: Uint8Array): Promise<void> {
    // Not O_TRUNC: its blocks are overwritten where they are.
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      writeWhole(fd, bytes);
      ftruncateSync(fd, bytes.length);
      if (this.#isDurable) await syncFile(fd);
    } finally {
      closeSync(fd);
    }
  }

  async #sync(): Promise<void> {
    if (this.#isDurable) await syncDirectory(this.#path);
  }

  /**
   * Only after the directory was synced: before that a power cut brings the old name back, and with it whatever has
   * been written into the file since.
   */
  #keep(path: string): void {
    if (this.#spares.length < mostSpares) this.#spares.push(path);
    else rmSync(path, { force: true });
  }

  #newName(): string {
    this.#names += 1;
    return join(this.#path, `${this.#names.toString(36)}${tempSuffix}`);
  }
}

function linkIfThere(path: string, second: string): boolean {
  try {
    linkSync(path, second);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
