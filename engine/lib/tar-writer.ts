/**
 * Writes tar archives entry by entry: ustar headers (POSIX.1-2024 pax, "ustar Interchange Format"), and an extended
 * header before those whose name, size, owner, time or attributes do not fit, so that every reader finds its way.
 */
import { blockBytes } from './tar-header.ts';
import type { ByteString } from './tar-header.ts';
import type { TarEntryType } from './tar.ts';

export interface TarHeader {
  /** A directory's gets its slash here. */
  readonly name: ByteString;
  readonly type: TarEntryType;
  readonly linkName?: ByteString;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a file; the content follows, and `paddingOf` it. */
  readonly sizeBytes?: number;
  readonly mtimeNs: bigint;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

const flags: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** All blocks before an entry's content. */
export function encodeTarHeader(entry: TarHeader): Buffer {
  const name = entry.type === 'directory' ? `${entry.name.replace(/\/+$/, '')}/` : entry.name;
  const records = extendedRecords({ ...entry, name });
  const header = encodeBlock({ ...entry, name }, flags[entry.type]);
  if (records.length === 0) return header;
  const data = Buffer.concat(records);
  const extended = encodeBlock(
    {
      ...{ type: 'file', mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n },
      name: `PaxHeaders.0/${name.slice(-80)}`,
      sizeBytes: data.length,
    },
    'x',
  );
  return Buffer.concat([extended, data, Buffer.alloc(paddingOf(data.length)), header]);
}

/** Zeros that follow a content of this length. */
export function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}

export const tarEnd: Buffer = Buffer.alloc(2 * blockBytes);

const mostId = 0o7777777;
const mostSize = 0o77777777777;
const giga = 1_000_000_000n;

function extendedRecords(entry: TarHeader): Buffer[] {
  const { linkName = '', uid, gid, sizeBytes = 0, mtimeNs, xattrs = new Map() } = entry;
  const records: Buffer[] = [];
  const add = (key: string, value: ByteString): void => {
    records.push(encodeRecord(Buffer.from(`${key}=`), Buffer.from(value, 'latin1')));
  };
  if (splitName(entry.name) === null) add('path', entry.name);
  if (linkName.length > 100) add('linkpath', linkName);
  if (uid > mostId) add('uid', String(uid));
  if (gid > mostId) add('gid', String(gid));
  if (sizeBytes > mostSize) add('size', String(sizeBytes));
  if (mtimeNs % giga !== 0n || !fitsTime(mtimeNs)) add('mtime', formatTime(mtimeNs));
  for (const [key, value] of xattrs as ReadonlyMap<string, Uint8Array>)
    records.push(encodeRecord(Buffer.from(`SCHILY.xattr.${key}=`), value));
  return records;
}

function fitsTime(mtimeNs: bigint): boolean {
  return mtimeNs >= 0n && mtimeNs / giga <= BigInt(mostSize);
}

/** "-1.5" is one and a half seconds before 1970, as pax readers take it. */
function formatTime(mtimeNs: bigint): string {
  const magnitude = mtimeNs < 0n ? -mtimeNs : mtimeNs;
  const fraction = String(magnitude % giga).padStart(9, '0');
  const digits = fraction.replace(/0+$/, '');
  const text = `${magnitude / giga}${digits === '' ? '' : `.${digits}`}`;
  return mtimeNs < 0n ? `-${text}` : text;
}

/** "LENGTH KEY=VALUE\n", where the length counts its own digits. */
function encodeRecord(key: Buffer, value: Uint8Array): Buffer {
  const rest = 1 + key.length + value.length + 1;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} `), key, value, Buffer.from('\n')]);
}

/** Name and prefix as the header has room for them; null when it has not. */
function splitName(name: ByteString): readonly [name: ByteString, prefix: ByteString] | null {
  if (name.length <= 100) return [name, ''];
  const slash = name.lastIndexOf('/', 155);
  const rest = name.length - slash - 1;
  // An empty name behind the prefix would be another directory.
  return slash > 0 && rest > 0 && rest <= 100
    ? [name.slice(slash + 1), name.slice(0, slash)]
    : null;
}

function encodeBlock(entry: TarHeader, flag: string): Buffer {
  const block = Buffer.alloc(blockBytes);
  const [name, prefix] = splitName(entry.name) ?? [entry.name.slice(0, 100), ''];
  block.write(name, 0, 100, 'latin1');
  putOctal(block, 100, { digits: 7, value: entry.mode & 0o7777 });
  putOctal(block, 108, { digits: 7, value: fitting(entry.uid, mostId) });
  putOctal(block, 116, { digits: 7, value: fitting(entry.gid, mostId) });
  putOctal(block, 124, { digits: 11, value: fitting(entry.sizeBytes ?? 0, mostSize) });
  const seconds = fitsTime(entry.mtimeNs) ? Number(entry.mtimeNs / giga) : 0;
  putOctal(block, 136, { digits: 11, value: seconds });
  block.write(flag, 156, 1, 'latin1');
  block.write((entry.linkName ?? '').slice(0, 100), 157, 100, 'latin1');
  block.write('ustar\x0000', 257, 8, 'latin1');
  putOctal(block, 329, { digits: 7, value: entry.major ?? 0 });
  putOctal(block, 337, { digits: 7, value: entry.minor ?? 0 });
  block.write(prefix, 345, 155, 'latin1');
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return block;
}

/** What does not fit is in the extended header, and zero here. */
function fitting(value: number, most: number): number {
  return value <= most ? value : 0;
}

function putOctal(
  block: Buffer,
  offset: number,
  { digits, value }: { readonly digits: number; readonly value: number },
): void {
  block.write(`${value.toString(8).padStart(digits, '0')}\0`, offset, digits + 1, 'latin1');
}
