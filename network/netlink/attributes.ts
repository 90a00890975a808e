/** struct nlattr, netlink(7): a type, flags and a payload, padded to four bytes; nested ones are a payload again. */
import {
  align4,
  cString,
  isLittleEndian,
  NetlinkFormatError,
  u16,
  u16be,
  u32,
  u32be,
  viewOf,
} from './bytes.ts';

export interface Attribute {
  /** Without flags: 14 bits. */
  readonly type: number;
  /** NLA_F_NESTED or NLA_F_NET_BYTEORDER. The kernel sets them only in part of its answers. */
  readonly flags: number;
  readonly payload: Uint8Array;
}

export const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const headerBytes = 4;
/** The length field has 16 bits. */
export const maxAttributePayload: number = 0xffff - headerBytes;

export function attribute(type: number, payload: Uint8Array): Attribute {
  return { type, flags: 0, payload };
}

export function nested(type: number, children: readonly Attribute[]): Attribute {
  return { type, flags: NLA_F_NESTED, payload: encodeAttributes(children) };
}

/** The same for children that are encoded already. */
export function nestedBytes(type: number, children: Uint8Array): Attribute {
  return { type, flags: NLA_F_NESTED, payload: children };
}

export function u8Attribute(type: number, value: number): Attribute {
  return attribute(type, Uint8Array.of(value));
}

export function u16Attribute(type: number, value: number): Attribute {
  return attribute(type, u16(value));
}

export function u32Attribute(type: number, value: number): Attribute {
  return attribute(type, u32(value));
}

export function u16beAttribute(type: number, value: number): Attribute {
  return attribute(type, u16be(value));
}

export function u32beAttribute(type: number, value: number): Attribute {
  return attribute(type, u32be(value));
}

export function stringAttribute(type: number, value: string): Attribute {
  return attribute(type, cString(value));
}

export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  let length = 0;
  for (const { payload } of attributes) length += align4(headerBytes + payload.length);
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  let offset = 0;
  for (const { type, flags, payload } of attributes) {
    if (payload.length > maxAttributePayload)
      throw new RangeError(`attribute ${type} of ${payload.length} bytes is too long`);
    view.setUint16(offset, headerBytes + payload.length, isLittleEndian);
    view.setUint16(offset + 2, type | flags, isLittleEndian);
    bytes.set(payload, offset + headerBytes);
    offset += align4(headerBytes + payload.length);
  }
  return bytes;
}

export function decodeAttributes(bytes: Uint8Array): Attribute[] {
  const view = viewOf(bytes);
  const attributes: Attribute[] = [];
  for (let offset = 0; offset < bytes.length;) {
    // The last attribute need not be padded, and what is left of its padding is no attribute.
    if (bytes.length - offset < headerBytes)
      throw new NetlinkFormatError(`attribute header is cut off at byte ${offset}`);
    const length = view.getUint16(offset, isLittleEndian);
    if (length < headerBytes || length > bytes.length - offset)
      throw new NetlinkFormatError(`attribute at byte ${offset} claims ${length} bytes`);
    const type = view.getUint16(offset + 2, isLittleEndian);
    attributes.push({
      type: type & NLA_TYPE_MASK,
      flags: type & ~NLA_TYPE_MASK,
      payload: bytes.subarray(offset + headerBytes, offset + length),
    });
    offset += align4(length);
  }
  return attributes;
}

/** By type; of two with the same type the last counts, as in the kernel's parser. */
export function indexAttributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  return new Map(decodeAttributes(bytes).map(({ type, payload }) => [type, payload]));
}
