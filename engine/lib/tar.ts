/**
 * Reads tar archives entry by entry while they arrive: ustar, pax, GNU, star and v7 headers, sparse files, binary
 * extended attributes. Memory is bounded whatever the archive says: nothing but one header's extension is buffered,
 * and that has a limit. It only parses; where a name may lead is the business of whoever writes the files.
 */
import { TarError, blockBytes, isZero, parseHeader } from './tar-header.ts';
import type { ByteString, RawHeader } from './tar-header.ts';
import { parsePax, paxNumber, paxTime, paxValue, paxXattrs, printable } from './tar-pax.ts';
import type { PaxRecords } from './tar-pax.ts';
import * as sparse from './tar-sparse.ts';

export { TarError, printable };
export type { ByteString };

export type TarEntryType = 'file' | 'link' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';

export interface TarEntry {
  readonly name: ByteString;
  readonly type: TarEntryType;
  /** Of links: what they name. */
  readonly linkName: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Size of the file when it is written out, holes included. */
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** The content, once; what is not read is skipped when the next entry is asked for. Pieces of a sparse file jump. */
  readonly content: () => AsyncIterable<Piece>;
}

export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** An extended header of more bytes than this is an attack: xattr(7) allows 64 KiB for all attributes on ext4. */
const mostExtensionBytes = 1 << 20;

/** Runs to the end of `source`, behind the end mark as well, so that a hash over `source` covers every byte. */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const input = new Input(source);
  try {
    for (;;) {
      const entry = await readEntry(input);
      if (entry === null) break;
      yield entry;
      await input.skipContent();
    }
    await input.drain();
  } finally {
    await input.close();
  }
}

interface Extensions {
  pax: PaxRecords;
  longName: ByteString | null;
  longLink: ByteString | null;
}

async function readEntry(input: Input): Promise<TarEntry | null> {
  const extensions: Extensions = { pax: new Map(), longName: null, longLink: null };
  let isExtended = false;
  for (;;) {
    const block = await input.block();
    const header = block === null ? null : parseHeader(block);
    if (block === null || header === null) {
      if (isExtended) throw new TarError('the archive ends behind an extended header');
      if (block !== null) await checkEnd(input);
      return null;
    }
    if (!(await readExtension(input, header, extensions)))
      return await toEntry(input, { block, header, extensions });
    isExtended = true;
  }
}

/** The end mark is two blocks of zeros; one at the very end is accepted, as GNU tar and Go do. */
async function checkEnd(input: Input): Promise<void> {
  const second = await input.block();
  if (second !== null && !isZero(second))
    throw new TarError('a block of zeros is followed by more: a damaged archive');
}

/** True if the header only announced something about the next one. */
async function readExtension(
  input: Input,
  header: RawHeader,
  extensions: Extensions,
): Promise<boolean> {
  if (!'xgLK'.includes(header.flag)) return false;
  if (header.size > mostExtensionBytes)
    throw new TarError(
      `an extended header of ${header.size} bytes is longer than ${mostExtensionBytes}`,
    );
  const data = await input.extension(header.size);
  if (header.flag === 'x') extensions.pax = parsePax(data);
  else if (header.flag === 'L') extensions.longName = untilNul(data);
  else if (header.flag === 'K') extensions.longLink = untilNul(data);
  // "g" speaks for all entries that follow. Docker's engine leaves it out of account, and an archive that renames
  // everything by it has no good use.
  else parsePax(data);
  return true;
}

function untilNul(data: Buffer): ByteString {
  const end = data.indexOf(0);
  return data.toString('latin1', 0, end === -1 ? data.length : end);
}

interface Described {
  readonly block: Buffer;
  readonly header: RawHeader;
  readonly extensions: Extensions;
}

async function toEntry(input: Input, described: Described): Promise<TarEntry> {
  const { header, extensions } = described;
  const { pax } = extensions;
  const name =
    paxValue(pax, 'GNU.sparse.name') ?? paxValue(pax, 'path') ?? extensions.longName ?? header.name;
  const type = typeOf(header.flag, name);
  const packed = type === 'file' ? (paxNumber(pax, 'size') ?? header.size) : 0;
  input.begin(name, packed);
  const map = type === 'file' ? await readSparseMap(input, described, packed) : null;
  return {
    name,
    type,
    linkName: paxValue(pax, 'linkpath') ?? extensions.longLink ?? header.linkName,
    mode: header.mode,
    uid: paxNumber(pax, 'uid') ?? header.uid,
    gid: paxNumber(pax, 'gid') ?? header.gid,
    sizeBytes: map?.size ?? packed,
    mtimeNs: paxTime(pax, 'mtime') ?? header.mtimeNs,
    major: header.major,
    minor: header.minor,
    xattrs: paxXattrs(pax),
    content: () => (map === null ? input.content() : scatter(input.content(), map.fragments)),
  };
}

/** By type flag; "7" is a contiguous file, "S" a sparse one of the old GNU format. */
const types: ReadonlyMap<string, TarEntryType> = new Map([
  ['0', 'file'],
  ['7', 'file'],
  ['S', 'file'],
  ['1', 'link'],
  ['2', 'symlink'],
  ['3', 'char'],
  ['4', 'block'],
  ['5', 'directory'],
  ['6', 'fifo'],
]);

function typeOf(flag: string, name: ByteString): TarEntryType {
  const type = types.get(flag);
  if (type === undefined)
    throw new TarError(`"${printable(name)}" has the unknown entry type "${printable(flag)}"`);
  return type;
}

async function readSparseMap(
  input: Input,
  { block, header, extensions: { pax } }: Described,
  packed: number,
): Promise<sparse.SparseMap | null> {
  if (header.flag === 'S') {
    const { size, ...first } = sparse.oldGnuHeader(block);
    const fragments = [...first.fragments];
    for (let part: sparse.OldGnuPart = first; part.isContinued;) {
      part = sparse.oldGnuExtension(await input.rawBlock());
      fragments.push(...part.fragments);
      if (fragments.length > sparse.mostFragments) break;
    }
    return sparse.checkMap({ fragments, size }, packed);
  }
  if (sparse.isFormat1(pax)) {
    const size = paxNumber(pax, 'GNU.sparse.realsize') ?? 0;
    const { fragments, mapBytes } = await sparse.readFormat1(() => input.contentBlock());
    return sparse.checkMap({ fragments, size }, packed - mapBytes);
  }
  const map = sparse.paxMap(pax);
  return map === null ? null : sparse.checkMap(map, packed);
}

/** Moves each packed byte to where the map says it belongs. */
async function* scatter(
  pieces: AsyncIterable<Piece>,
  fragments: readonly sparse.Fragment[],
): AsyncGenerator<Piece> {
  let index = 0;
  let used = 0;
  for await (const piece of pieces) {
    let { bytes } = piece;
    while (bytes.length > 0) {
      const fragment = fragments[index];
      if (fragment === undefined) throw new TarError('a sparse file has more data than its map');
      const taken = bytes.subarray(0, fragment.length - used);
      if (taken.length > 0) yield { offset: fragment.offset + used, bytes: taken };
      bytes = bytes.subarray(taken.length);
      used += taken.length;
      if (used === fragment.length) {
        index += 1;
        used = 0;
      }
    }
  }
}

/** The archive's bytes in blocks, and the content of the current entry. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);
  #entry: ByteString = '';
  /** Bytes of the current content not read yet, and the zeros up to the next block behind them. */
  #remaining = 0;
  #padding = 0;
  #position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Null at the end of the archive's bytes. */
  async block(): Promise<Buffer | null> {
    const isThere = await this.#fill(blockBytes);
    if (isThere) return this.#take(blockBytes);
    if (this.#buffer.length === 0) return null;
    throw new TarError('the archive ends in the middle of a header');
  }

  /** A block that belongs to the header of the current entry and does not count as its content. */
  async rawBlock(): Promise<Buffer> {
    const block = await this.block();
    if (block === null) throw this.#cutOff();
    return block;
  }

  begin(name: ByteString, size: number): void {
    this.#entry = name;
    this.#remaining = size;
    this.#padding = (blockBytes - (size % blockBytes)) % blockBytes;
    this.#position = 0;
  }

  /** The padded data of an extended header; the caller has checked the length. */
  async extension(length: number): Promise<Buffer> {
    const padded = Math.ceil(length / blockBytes) * blockBytes;
    if (!(await this.#fill(padded))) throw this.#cutOff();
    return this.#take(padded).subarray(0, length);
  }

  /** The next block of the content, for a map that precedes the data. */
  async contentBlock(): Promise<Buffer> {
    if (this.#remaining < blockBytes)
      throw new TarError(`"${printable(this.#entry)}" is shorter than its own map`);
    if (!(await this.#fill(blockBytes))) throw this.#cutOff();
    this.#remaining -= blockBytes;
    return this.#take(blockBytes);
  }

  async *content(): AsyncGenerator<Piece> {
    while (this.#remaining > 0) {
      const bytes = await this.#next();
      yield { offset: this.#position - bytes.length, bytes };
    }
  }

  async skipContent(): Promise<void> {
    while (this.#remaining > 0) await this.#next();
    if (this.#padding === 0) return;
    if (!(await this.#fill(this.#padding))) throw this.#cutOff();
    this.#take(this.#padding);
    this.#padding = 0;
  }

  async drain(): Promise<void> {
    this.#buffer = Buffer.alloc(0);
    while (!(await this.#source.next()).done);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #next(): Promise<Buffer> {
    if (this.#buffer.length === 0 && !(await this.#fill(1))) throw this.#cutOff();
    const bytes = this.#take(Math.min(this.#remaining, this.#buffer.length));
    this.#remaining -= bytes.length;
    this.#position += bytes.length;
    return bytes;
  }

  #cutOff(): TarError {
    return new TarError(
      this.#entry === ''
        ? 'the archive ends in the middle of a header'
        : `the archive ends in the middle of "${printable(this.#entry)}"`,
    );
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  /** False if the source ends before `length` bytes are there. */
  async #fill(length: number): Promise<boolean> {
    if (this.#buffer.length >= length) return true;
    // Joined once at the end: a sender of tiny chunks must not make us copy what is there for each of them.
    const chunks: Buffer[] = this.#buffer.length === 0 ? [] : [this.#buffer];
    let total = this.#buffer.length;
    while (total < length) {
      const result = await this.#source.next();
      if (result.done === true) break;
      chunks.push(toBuffer(result.value));
      total += result.value.length;
    }
    const [first] = chunks;
    this.#buffer =
      first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, total);
    return total >= length;
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
