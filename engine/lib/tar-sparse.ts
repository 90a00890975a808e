/**
 * The maps of GNU's sparse files: which parts of a file its archive holds, all else being zeros. Formats "oldgnu"
 * (in the header), 0.0 and 0.1 (in the extended header) and 1.0 (before the data); GNU tar manual, "Storing Sparse
 * Files".
 */
import { TarError, blockBytes } from './tar-header.ts';
import { paxNumber, paxValue, type PaxRecords } from './tar-pax.ts';

export interface Fragment {
  readonly offset: number;
  readonly length: number;
}

export interface SparseMap {
  readonly fragments: readonly Fragment[];
  /** Size of the file with its holes. */
  readonly size: number;
}

/** A file of this many pieces needs 1 MiB of map; what asks for more is after our memory. */
export const mostFragments = 65_536;

/** The parts must lie in order inside the file and be exactly what the archive holds. */
export function checkMap({ fragments, size }: SparseMap, packedBytes: number): SparseMap {
  let position = 0;
  let total = 0;
  if (fragments.length > mostFragments)
    throw new TarError(`a sparse file has more than ${mostFragments} parts`);
  for (const { offset, length } of fragments) {
    if (offset < position || offset + length > size)
      throw new TarError('a sparse file has parts that overlap or leave the file');
    position = offset + length;
    total += length;
  }
  if (total !== packedBytes)
    throw new TarError(`a sparse file has ${packedBytes} bytes where its map says ${total}`);
  return { fragments, size };
}

export interface OldGnuPart {
  readonly fragments: readonly Fragment[];
  readonly isContinued: boolean;
}

/** The four entries of the header and the size of the whole file. */
export function oldGnuHeader(block: Buffer): OldGnuPart & { readonly size: number } {
  return {
    fragments: oldGnuEntries(block, 386, 4),
    isContinued: block[482] !== 0,
    size: octal(block, 483),
  };
}

/** The 21 entries of an extension block. */
export function oldGnuExtension(block: Buffer): OldGnuPart {
  return { fragments: oldGnuEntries(block, 0, 21), isContinued: block[504] !== 0 };
}

function oldGnuEntries(block: Buffer, start: number, count: number): Fragment[] {
  const fragments: Fragment[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * 24;
    if (block[at] === 0) break;
    fragments.push({ offset: octal(block, at), length: octal(block, at + 12) });
  }
  return fragments;
}

function octal(block: Buffer, offset: number): number {
  if ((block[offset] ?? 0) & 0x80) {
    const value = Number(block.readBigUInt64BE(offset + 4));
    if (!Number.isSafeInteger(value)) throw new TarError('a sparse file has a part beyond 2^53');
    return value;
  }
  const digits = block
    .toString('latin1', offset, offset + 12)
    .replace(/\0.*$/s, '')
    .trim();
  if (!/^[0-7]*$/.test(digits)) throw new TarError('a sparse file has a damaged map');
  return Number.parseInt(digits || '0', 8);
}

/** Formats 0.0 and 0.1; null when the records describe neither. */
export function paxMap(records: PaxRecords): SparseMap | null {
  const size = paxNumber(records, 'GNU.sparse.size');
  if (size === undefined) return null;
  const joined = paxValue(records, 'GNU.sparse.map');
  const numbers =
    joined === undefined
      ? interleave(records.get('GNU.sparse.offset') ?? [], records.get('GNU.sparse.numbytes') ?? [])
      : joined.split(',');
  return { fragments: pairUp(numbers), size };
}

function interleave(offsets: readonly string[], lengths: readonly string[]): string[] {
  return offsets.flatMap((offset, index) => [offset, lengths[index] ?? '']);
}

function pairUp(numbers: readonly string[]): Fragment[] {
  if (numbers.length % 2 !== 0) throw new TarError('a sparse file has a damaged map');
  const fragments: Fragment[] = [];
  for (let index = 0; index < numbers.length; index += 2)
    fragments.push({ offset: decimal(numbers[index]), length: decimal(numbers[index + 1]) });
  return fragments;
}

function decimal(digits: string | undefined): number {
  const value = Number(digits);
  if (digits === undefined || !/^[0-9]{1,16}$/.test(digits) || !Number.isSafeInteger(value))
    throw new TarError('a sparse file has a damaged map');
  return value;
}

/** Format 1.0: the real size is in the extended header, the map in blocks before the data. */
export function isFormat1(records: PaxRecords): boolean {
  return paxValue(records, 'GNU.sparse.major') === '1';
}

/**
 * Reads the map of format 1.0, asking `next` for one block after the other: a count, then as many pairs, each number
 * on a line of its own, the last block padded.
 */
export async function readFormat1(
  next: () => Promise<Buffer>,
): Promise<{ fragments: readonly Fragment[]; mapBytes: number }> {
  let text = '';
  let blocks = 0;
  let needed = 1;
  let lines: string[] = [];
  while (lines.length < needed) {
    text += (await next()).toString('latin1');
    blocks += 1;
    lines = text.split('\n').slice(0, -1);
    if (lines[0] !== undefined) {
      const count = decimal(lines[0]);
      if (count > mostFragments)
        throw new TarError(`a sparse file has more than ${mostFragments} parts`);
      needed = 1 + count * 2;
    } else if (blocks > 1) throw new TarError('a sparse file has a damaged map');
  }
  return { fragments: pairUp(lines.slice(1, needed)), mapBytes: blocks * blockBytes };
}
