/** Fixed-size values as netlink has them: host byte order in headers, network byte order in nf_tables. */

export const isLittleEndian: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** What came from the kernel, or from a test in its place, is not what netlink(7) says. */
export class NetlinkFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NetlinkFormatError';
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Throws unless there are that many bytes; `what` names the thing that should have been there. */
export function requireBytes(bytes: Uint8Array, length: number, what: string): DataView {
  if (bytes.length < length)
    throw new NetlinkFormatError(`${what} has ${bytes.length} bytes instead of ${length}`);
  return viewOf(bytes);
}

export function align4(length: number): number {
  return (length + 3) & ~3;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

export function readU16(bytes: Uint8Array, what: string): number {
  return requireBytes(bytes, 2, what).getUint16(0, isLittleEndian);
}

export function readU32(bytes: Uint8Array, what: string): number {
  return requireBytes(bytes, 4, what).getUint32(0, isLittleEndian);
}

export function readU32be(bytes: Uint8Array, what: string): number {
  return requireBytes(bytes, 4, what).getUint32(0, false);
}

export function readI32be(bytes: Uint8Array, what: string): number {
  return requireBytes(bytes, 4, what).getInt32(0, false);
}

export function readU64be(bytes: Uint8Array, what: string): bigint {
  return requireBytes(bytes, 8, what).getBigUint64(0, false);
}

/** Up to the first NUL, as the kernel writes names. */
export function readString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end === -1 ? bytes : bytes.subarray(0, end));
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, isLittleEndian);
  return bytes;
}

export function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value, isLittleEndian);
  return bytes;
}

export function u16be(value: number): Uint8Array {
  return Uint8Array.of((value >>> 8) & 0xff, value & 0xff);
}

export function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, false);
  return bytes;
}

export function u64be(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, value, false);
  return bytes;
}

/** With the NUL at the end that the kernel's string policies ask for. */
export function cString(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
