import { describe, expect, test } from 'vitest';
import { parseDirectory, toFileStat } from '../../../native/records.ts';

/** struct linux_dirent64, padded as the kernel does. */
function dirent(name: Uint8Array | string, type: number, inode: bigint): Buffer {
  const bytes = Buffer.from(name);
  const record = Buffer.alloc(Math.ceil((19 + bytes.length + 1) / 8) * 8);
  record.writeBigUInt64LE(inode, 0);
  record.writeUInt16LE(record.length, 16);
  record.writeUInt8(type, 18);
  record.set(bytes, 19);
  return record;
}

describe('directory records', () => {
  test('entries must come in order, without "." and ".."', () => {
    const records = [
      dirent('.', 4, 1n),
      dirent('..', 4, 2n),
      dirent('file', 8, 3n),
      dirent('sub', 4, 0xffff_ffff_ffff_fff0n),
      dirent('odd', 0, 5n),
      dirent('...', 10, 6n),
    ];
    expect(parseDirectory(Buffer.concat(records))).toEqual([
      { name: 'file', type: 'file', inode: 3n },
      { name: 'sub', type: 'directory', inode: 0xffff_ffff_ffff_fff0n },
      { name: 'odd', type: 'unknown', inode: 5n },
      { name: '...', type: 'symlink', inode: 6n },
    ]);
  });

  test('a name that is not UTF-8 must keep its bytes', () => {
    const bytes = Uint8Array.of(0x61, 0xff, 0x62);
    const [latin] = parseDirectory(dirent(bytes, 8, 1n));
    expect(latin?.raw).toEqual(Buffer.from(bytes));
    const [replacement] = parseDirectory(dirent('a\uFFFDb', 8, 1n));
    expect(replacement).toEqual({ name: 'a\uFFFDb', type: 'file', inode: 1n });
  });
});

test('file status must put seconds and nanoseconds together', () => {
  const fields = [0o100644, 0, 4294967294, 5, 1, 2, -1, 0, 0, -1, 999_999_999, 1, 2, 3, 4, 4096];
  expect(toFileStat(BigInt64Array.from(fields.map(BigInt)))).toEqual({
    type: 'file',
    mode: 0o100644,
    uid: 0,
    gid: 4294967294,
    size: 5,
    links: 1,
    device: 2n,
    inode: 0xffff_ffff_ffff_ffffn,
    major: 0,
    minor: 0,
    modifyNs: -1n,
    accessNs: 1_000_000_002n,
    changeNs: 3_000_000_004n,
    allocated: 4096,
  });
});
