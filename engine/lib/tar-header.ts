/**
 * One 512-byte header block of a tar archive (POSIX.1-2024 pax "ustar Interchange Format", GNU and star variants).
 * Names are byte strings, one character per byte (Node's "latin1"): a name in an archive is bytes, and decoding it
 * as UTF-8 would silently rename what is not.
 */

/** An archive that breaks its own format or a limit. The message names the entry where one is known. */
export class TarError extends Error {
  override readonly name = 'TarError';
}

/** One character per byte. */
export type ByteString = string;

export const blockBytes = 512;

/** Where each number is: offset and length. */
const fields = {
  mode: [100, 8],
  owner: [108, 8],
  group: [116, 8],
  size: [124, 12],
  time: [136, 12],
  'major number': [329, 8],
  'minor number': [337, 8],
} as const;

export interface RawHeader {
  readonly name: ByteString;
  readonly linkName: ByteString;
  /** The type flag as a character; "\0" of the oldest archives is "0". */
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly major: number;
  readonly minor: number;
}

/** Null for a block of zeros, which ends an archive. */
export function parseHeader(block: Buffer): RawHeader | null {
  if (!hasGoodChecksum(block)) {
    if (isZero(block)) return null;
    throw new TarError('a header has a wrong checksum: not a tar archive, or a damaged one');
  }
  const oldFlag = block[156] === 0;
  const name = nameOf(block);
  return {
    name,
    linkName: text(block, 157, 100),
    // Before POSIX a trailing slash was the only mark of a directory.
    flag: oldFlag ? (name.endsWith('/') ? '5' : '0') : String.fromCharCode(block[156] ?? 0),
    mode: field(block, 'mode') & 0o7777,
    uid: field(block, 'owner'),
    gid: field(block, 'group'),
    size: field(block, 'size'),
    mtimeNs: BigInt(signedField(block, 'time')) * 1_000_000_000n,
    ...deviceOf(block),
  };
}

/** The numbers of a device exist for devices only; elsewhere writers leave anything there. */
function deviceOf(block: Buffer): { major: number; minor: number } {
  const isDevice = block[156] === 0x33 || block[156] === 0x34;
  if (!isDevice) return { major: 0, minor: 0 };
  return { major: field(block, 'major number'), minor: field(block, 'minor number') };
}

function nameOf(block: Buffer): ByteString {
  const name = text(block, 0, 100);
  // GNU's magic is "ustar  "; its archives keep times where POSIX has the beginning of a long name.
  if (block.toString('latin1', 257, 263) !== 'ustar\0') return name;
  // star ends its header with "tar\0" and keeps times behind a shorter prefix.
  const prefixBytes = block.toString('latin1', 508, 512) === 'tar\0' ? 131 : 155;
  const prefix = text(block, 345, prefixBytes);
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Up to the first NUL. */
function text(block: Buffer, offset: number, length: number): ByteString {
  const end = block.indexOf(0, offset);
  const limit = offset + length;
  return block.toString('latin1', offset, end === -1 || end > limit ? limit : end);
}

function field(block: Buffer, what: keyof typeof fields): number {
  const value = signedField(block, what);
  if (value < 0) throw new TarError(`a header has a negative ${what}`);
  return value;
}

/** Octal digits, or with the top bit set a big-endian number in two's complement (GNU, star). */
function signedField(block: Buffer, what: keyof typeof fields): number {
  const [offset, length] = fields[what];
  const first = block[offset] ?? 0;
  if (first & 0x80) return binaryNumber(block.subarray(offset, offset + length), what);
  const digits = block
    .toString('latin1', offset, offset + length)
    .replace(/\0.*$/s, '')
    .trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw new TarError(`a header has a ${what} that is not a number`);
  return Number.parseInt(digits, 8);
}

function binaryNumber(bytes: Buffer, what: string): number {
  const isNegative = bytes[0] === 0xff;
  let value = isNegative ? -1n : BigInt((bytes[0] ?? 0) & 0x7f);
  for (const byte of bytes.subarray(1)) value = value * 256n + BigInt(byte);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new TarError(`a header has a ${what} beyond 2^53`);
  return number;
}

/** The sum of the block's bytes with the field itself taken as blanks; some old writers summed signed bytes. */
function hasGoodChecksum(block: Buffer): boolean {
  const stored = block.toString('latin1', 148, 156).replace(/\0.*$/s, '').trim();
  if (!/^[0-7]+$/.test(stored)) return false;
  const expected = Number.parseInt(stored, 8);
  let unsigned = 8 * 32;
  let negative = 0;
  for (let index = 0; index < blockBytes; index++) {
    if (index >= 148 && index < 156) continue;
    const byte = block[index] ?? 0;
    unsigned += byte;
    if (byte > 127) negative += 256;
  }
  return expected === unsigned || expected === unsigned - negative;
}

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
