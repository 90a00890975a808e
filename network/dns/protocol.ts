import { isIPv4, isIPv6 } from 'node:net';

/** Frames of the resolver's control socket. native/resolver/PROTOCOL.md draws them, command.c is the other end. */
export const protocolVersion = 2;

export const command = {
  hello: 0,
  setSandbox: 1,
  removeSandbox: 2,
  setNames: 3,
  removeNetwork: 4,
  list: 5,
  stop: 6,
  setRelay: 7,
  removeRelay: 8,
} as const;

export type Command = (typeof command)[keyof typeof command];

export interface Answer {
  readonly version: number;
  readonly tag: number;
  readonly isDone: boolean;
  readonly payload: Buffer;
}

const headerBytes = 8;
const maxFrameBytes = 2 * 1024 * 1024;
const done = 0x80;
const failed = 0x81;

export function encodeFrame(type: Command, tag: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(headerBytes + payload.length);
  if (frame.length > maxFrameBytes) throw new RangeError('a command for the resolver is too long');
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt8(protocolVersion, 4);
  frame.writeUInt8(type, 5);
  frame.writeUInt16LE(tag, 6);
  frame.set(payload, headerBytes);
  return frame;
}

/** The first answer in `bytes` and how many of them it takes; null when it is not whole yet. */
export function decodeAnswer(bytes: Buffer): { answer: Answer; length: number } | null {
  if (bytes.length < headerBytes) return null;
  const length = headerBytes + bytes.readUInt32LE(0);
  if (length > maxFrameBytes) throw new RangeError('an answer of the resolver is too long');
  if (bytes.length < length) return null;
  const type = bytes.readUInt8(5);
  if (type !== done && type !== failed) {
    throw new RangeError(`the resolver answers with type ${type}`);
  }
  const answer = {
    version: bytes.readUInt8(4),
    tag: bytes.readUInt16LE(6),
    isDone: type === done,
    payload: bytes.subarray(headerBytes, length),
  };
  return { answer, length };
}

/** Appends fields to a payload. */
export class PayloadWriter {
  readonly #parts: Uint8Array[] = [];

  u8(value: number): this {
    this.#parts.push(Uint8Array.of(value));
    return this;
  }

  u16(value: number): this {
    this.#parts.push(Uint8Array.of(value & 0xff, value >> 8));
    return this;
  }

  u32(value: number): this {
    return this.u16(value & 0xffff).u16(value >>> 16);
  }

  text(value: string): this {
    const bytes = Buffer.from(value);
    if (bytes.length === 0 || bytes.length > 255 || !/^[\x21-\x7e]*$/.test(value)) {
      throw new RangeError(`"${value}" cannot be told to the resolver`);
    }
    this.u8(bytes.length).#parts.push(bytes);
    return this;
  }

  address(value: string): this {
    const bytes = parseAddress(value);
    if (bytes === null) throw new RangeError(`"${value}" is no address`);
    this.u8(bytes.length).#parts.push(bytes);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Reads fields from a payload; what is missing is a RangeError of Buffer. */
export class PayloadReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#advance(2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  text(): string {
    const length = this.u8();
    const start = this.#advance(length);
    return this.#bytes.toString('latin1', start, start + length);
  }

  texts(): string[] {
    return Array.from({ length: this.u16() }, () => this.text());
  }

  #advance(count: number): number {
    const start = this.#offset;
    if (start + count > this.#bytes.length) {
      throw new RangeError('an answer of the resolver is too short');
    }
    this.#offset += count;
    return start;
  }
}

/** Four or sixteen bytes in network order; null when the text is no address. A zone is not part of it. */
export function parseAddress(text: string): Uint8Array | null {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return null;
  const [head = '', tail] = expandEmbedded(text).split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  return Uint8Array.from(
    [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]),
  );
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

/** "::ffff:1.2.3.4" → "::ffff:102:304" */
function expandEmbedded(text: string): string {
  const start = text.lastIndexOf(':') + 1;
  const last = text.slice(start);
  if (!isIPv4(last)) return text;
  const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number);
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
