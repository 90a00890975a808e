import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from './constants.ts';

/** What the addon returns as raw kernel records becomes plain data here. */
export type FileType = 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket';

export interface FileStat {
  readonly type: FileType;
  /** Type and permission bits as in st_mode. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  /** Identify the file on this machine; equal pairs are one file. */
  readonly device: bigint;
  readonly inode: bigint;
  /** Of a char or block node. */
  readonly major: number;
  readonly minor: number;
  readonly modifyNs: bigint;
  readonly accessNs: bigint;
  readonly changeNs: bigint;
  /** Bytes on the file system. */
  readonly allocated: number;
}

export interface DirectoryEntry {
  readonly name: string;
  /** Only where the name is not UTF-8: what to pass as the path instead of `name`, which is lossy then. */
  readonly raw?: Uint8Array;
  /** 'unknown' on file systems that do not tell. */
  readonly type: FileType | 'unknown';
  readonly inode: bigint;
}

/** `fields` in the order in which native/addon/path.c writes them. */
export function toFileStat(fields: BigInt64Array): FileStat {
  const at = (index: number): bigint => fields[index] ?? 0n;
  const mode = Number(at(0));
  return {
    type: typeOfMode.get(mode & S_IFMT) ?? 'file',
    mode,
    uid: Number(at(1)),
    gid: Number(at(2)),
    size: Number(at(3)),
    links: Number(at(4)),
    device: at(5),
    inode: BigInt.asUintN(64, at(6)),
    major: Number(at(7)),
    minor: Number(at(8)),
    modifyNs: at(9) * giga + at(10),
    accessNs: at(11) * giga + at(12),
    changeNs: at(13) * giga + at(14),
    allocated: Number(at(15)),
  };
}

/** `records` are struct linux_dirent64 one after the other, see getdents64(2). */
export function parseDirectory(records: Buffer): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  for (let start = 0; start < records.length;) {
    const length = view.getUint16(start + 16, littleEndian);
    const end = records.indexOf(0, start + 19);
    const raw = records.subarray(start + 19, end);
    const name = raw.toString();
    if (name !== '.' && name !== '..') {
      entries.push({
        name,
        type: typeOfMode.get(view.getUint8(start + 18) << 12) ?? 'unknown',
        inode: view.getBigUint64(start, littleEndian),
        ...(name.includes('\uFFFD') && !raw.equals(Buffer.from(name)) && { raw }),
      });
    }
    start += length;
  }
  return entries;
}

const giga = 1_000_000_000n;
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

// DT_* of readdir(3) is the type part of st_mode shifted right by twelve.
const typeOfMode: ReadonlyMap<number, FileType> = new Map<number, FileType>([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFCHR, 'char'],
  [S_IFBLK, 'block'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
]);
