/** Tar archives byte by byte, so that tests can write what no honest program would. */

export interface TarMember {
  readonly name: string | Buffer;
  /** Type flag: "0" file, "1" link, "2" symlink, "3" char, "4" block, "5" directory, "6" fifo. */
  readonly flag?: string;
  readonly data?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly linkName?: string | Buffer;
  readonly major?: number;
  readonly minor?: number;
  /** Extended header records before this member. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** The size field, when it is to differ from the data. */
  readonly size?: number | Buffer;
  /** Last change to the finished header; the checksum is made again unless `keepChecksum`. */
  readonly patch?: (header: Buffer) => void;
  readonly keepChecksum?: boolean;
}

export const endMark: Buffer = Buffer.alloc(1024);

/** A whole archive; `members` may be raw bytes as well. */
export function tar(...members: readonly (TarMember | Buffer)[]): Buffer {
  return Buffer.concat([...members.map((member) => tarMember(member)), endMark]);
}

export function tarMember(member: TarMember | Buffer): Buffer {
  if (Buffer.isBuffer(member)) return member;
  const data = Buffer.from(member.data ?? '');
  const extension = member.pax === undefined ? Buffer.alloc(0) : paxMember(member.pax);
  return Buffer.concat([extension, header(member, data.length), pad(data)]);
}

function paxMember(records: Readonly<Record<string, string | Buffer>>): Buffer {
  const data = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  return Buffer.concat([header({ name: 'PaxHeaders/x', flag: 'x' }, data.length), pad(data)]);
}

export function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length += 1;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

export function pad(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

function header(member: TarMember, dataLength: number): Buffer {
  const block = Buffer.alloc(512);
  const flag = member.flag ?? '0';
  Buffer.from(member.name).copy(block, 0, 0, 100);
  octal(block, [100, 8], member.mode ?? (flag === '5' ? 0o755 : 0o644));
  octal(block, [108, 8], member.uid ?? 0);
  octal(block, [116, 8], member.gid ?? 0);
  if (Buffer.isBuffer(member.size)) member.size.copy(block, 124);
  else octal(block, [124, 12], member.size ?? dataLength);
  octal(block, [136, 12], member.mtime ?? 0);
  block.write(flag, 156, 'latin1');
  Buffer.from(member.linkName ?? '').copy(block, 157, 0, 100);
  block.write('ustar\x0000', 257, 'latin1');
  octal(block, [329, 8], member.major ?? 0);
  octal(block, [337, 8], member.minor ?? 0);
  member.patch?.(block);
  if (member.keepChecksum !== true) writeChecksum(block);
  return block;
}

/** Beyond octal's reach: GNU's base-256. */
function octal(block: Buffer, [offset, length]: readonly [number, number], value: number): void {
  if (value >= 0 && value < 8 ** (length - 1)) {
    block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
    return;
  }
  let rest = BigInt.asUintN(8 * (length - 1), BigInt(value));
  for (let index = offset + length - 1; index > offset; index--) {
    block[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[offset] = value < 0 ? 0xff : 0x80;
}

export function writeChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

/** In pieces of `size` bytes, as a slow or hostile sender would. */
export async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += size)
    yield await Promise.resolve(bytes.subarray(offset, offset + size));
}
