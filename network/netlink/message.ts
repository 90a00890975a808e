/** struct nlmsghdr, netlink(7): a type, flags, a sequence number and a payload, padded to four bytes. */
import { align4, isLittleEndian, NetlinkFormatError, readString, viewOf } from './bytes.ts';
import { decodeAttributes } from './attributes.ts';

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

export interface ReceivedMessage extends Message {
  /** Address of the socket whose request it is about; 0 is the kernel's own. */
  readonly origin: number;
}

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

const headerBytes = 16;

export function encodeMessages(messages: readonly Message[]): Uint8Array {
  let length = 0;
  for (const { payload } of messages) length += align4(headerBytes + payload.length);
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  let offset = 0;
  for (const { type, flags, sequence, payload } of messages) {
    view.setUint32(offset, headerBytes + payload.length, isLittleEndian);
    view.setUint16(offset + 4, type, isLittleEndian);
    view.setUint16(offset + 6, flags, isLittleEndian);
    view.setUint32(offset + 8, sequence, isLittleEndian);
    bytes.set(payload, offset + headerBytes);
    offset += align4(headerBytes + payload.length);
  }
  return bytes;
}

export function decodeMessages(bytes: Uint8Array): ReceivedMessage[] {
  const view = viewOf(bytes);
  const messages: ReceivedMessage[] = [];
  for (let offset = 0; offset < bytes.length;) {
    if (bytes.length - offset < headerBytes)
      throw new NetlinkFormatError(`message header is cut off at byte ${offset}`);
    const length = view.getUint32(offset, isLittleEndian);
    if (length < headerBytes || length > bytes.length - offset)
      throw new NetlinkFormatError(`message at byte ${offset} claims ${length} bytes`);
    messages.push({
      type: view.getUint16(offset + 4, isLittleEndian),
      flags: view.getUint16(offset + 6, isLittleEndian),
      sequence: view.getUint32(offset + 8, isLittleEndian),
      origin: view.getUint32(offset + 12, isLittleEndian),
      payload: bytes.subarray(offset + headerBytes, offset + length),
    });
    offset += align4(length);
  }
  return messages;
}

/** The kernel's verdict on one message. */
export interface Verdict {
  /** 0 for an acknowledgement. */
  readonly errno: number;
  /** The kernel's own words since Linux 4.12; empty when it has none. */
  readonly reason: string;
}

const NLMSGERR_ATTR_MSG = 1;

/** Payload of NLMSG_ERROR: struct nlmsgerr, then attributes when NLM_F_ACK_TLVS is set. */
export function decodeVerdict({ payload, flags }: Message): Verdict {
  if (payload.length < 4 + headerBytes)
    throw new NetlinkFormatError(`error message has only ${payload.length} bytes`);
  const view = viewOf(payload);
  const errno = Math.abs(view.getInt32(0, isLittleEndian));
  if (errno === 0 || (flags & NLM_F_ACK_TLVS) === 0) return { errno, reason: '' };
  // Unless capped, the refused message is quoted whole before the attributes.
  const quoted = (flags & NLM_F_CAPPED) !== 0 ? headerBytes : view.getUint32(4, isLittleEndian);
  const attributes = decodeAttributes(
    payload.subarray(Math.min(4 + align4(quoted), payload.length)),
  );
  const text = attributes.find(({ type }) => type === NLMSGERR_ATTR_MSG);
  return { errno, reason: text === undefined ? '' : readString(text.payload) };
}
