/**
 * Messages between a shim and its engines, and the exit file. Drawn in native/PROTOCOL.md; mirrored by
 * native/shim/protocol.h. Everything is little-endian; a frame is {u32 length, u16 type, u16 zero, payload}.
 */
import { decodeExecStatus } from './exec-protocol.ts';
import type { ExecStatus } from './exec-protocol.ts';
import {
  decodeFailure,
  frame,
  frameHeaderBytes,
  ProtocolError,
  requireLength,
} from './protocol-frame.ts';
import type { ShimFailure } from './protocol-frame.ts';

export const protocolVersion = 2;
/** What a shim of an older engine speaks: it keeps its container, and knows neither exec nor input. */
export const oldestProtocolVersion = 1;
/** Of exit files and logs, which outlive shims. */
export const recordVersion = 1;
/** No message is longer, so a peer that sends more is not a shim. */
export const maxPayloadBytes = 512;

const messageType = {
  status: 1,
  ended: 2,
  reply: 3,
  execStatus: 4,
  start: 64,
  signal: 65,
} as const;

export interface ExitStatus {
  /** 0 to 255; 128 + n when signal n ended the program. */
  readonly code: number;
  readonly signal: number | null;
  /** The kernel killed something in the container's memory cgroup. */
  readonly isOomKilled: boolean;
  readonly finishedAtNs: bigint;
  /** Output that could not be written, because the disk was full. */
  readonly lostLogBytes: bigint;
  /** Not null: the program never ran. */
  readonly failure: ShimFailure | null;
  /** The shim itself was killed: nobody saw the end, and `code` is what the kernel then does (SIGKILL). */
  readonly isLost: boolean;
}

export interface ShimStatus {
  readonly version: number;
  readonly state: 'starting' | 'created' | 'running' | 'held';
  readonly pid: number;
  /** In clock ticks since boot, field 22 of /proc/PID/stat: with the pid it names one process for ever. */
  readonly startTime: bigint;
  readonly containerPid: number;
  readonly containerStartTime: bigint;
}

export type ShimMessage =
  | { readonly type: 'status'; readonly status: ShimStatus }
  | { readonly type: 'ended'; readonly status: ExitStatus }
  | { readonly type: 'reply'; readonly request: number; readonly errno: number }
  | { readonly type: 'exec'; readonly status: ExecStatus };

export interface SignalRequest {
  readonly request: number;
  readonly signal: number;
  /** To every process of the container, not only its first one. */
  readonly all: boolean;
}

export function encodeStart(): Uint8Array {
  return frame(messageType.start, new Uint8Array(0));
}

export function encodeSignal({ request, signal, all }: SignalRequest): Uint8Array {
  const payload = Buffer.alloc(12);
  payload.writeUInt32LE(request, 0);
  payload.writeUInt32LE(signal, 4);
  payload.writeUInt32LE(all ? 1 : 0, 8);
  return frame(messageType.signal, payload);
}

/** Cuts a byte stream into messages; what is incomplete waits for the next `push`. */
export class FrameDecoder {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Uint8Array): ShimMessage[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    const messages: ShimMessage[] = [];
    for (;;) {
      const message = this.#next();
      if (message === null) return messages;
      messages.push(message);
    }
  }

  #next(): ShimMessage | null {
    if (this.#rest.length < frameHeaderBytes) return null;
    const length = this.#rest.readUInt32LE(0);
    if (length > maxPayloadBytes) throw new ProtocolError(`message of ${length} bytes`);
    if (this.#rest.length < frameHeaderBytes + length) return null;
    const payload = this.#rest.subarray(frameHeaderBytes, frameHeaderBytes + length);
    const message = decodeMessage(this.#rest.readUInt16LE(4), payload);
    this.#rest = this.#rest.subarray(frameHeaderBytes + length);
    return message;
  }
}

function decodeMessage(type: number, payload: Buffer): ShimMessage {
  switch (type) {
    case messageType.status:
      return { type: 'status', status: decodeStatus(payload) };
    case messageType.ended:
      return { type: 'ended', status: decodeExit(payload) };
    case messageType.reply:
      requireLength(payload, 8, 'reply');
      return { type: 'reply', request: payload.readUInt32LE(0), errno: payload.readUInt32LE(4) };
    case messageType.execStatus:
      return { type: 'exec', status: decodeExecStatus(payload) };
    default:
      throw new ProtocolError(`unknown message type ${type}`);
  }
}

const states = ['starting', 'created', 'running', 'held'] as const;

function decodeStatus(payload: Buffer): ShimStatus {
  requireLength(payload, 32, 'status');
  const state = states[payload.readUInt32LE(4)];
  if (state === undefined) throw new ProtocolError(`unknown state ${payload.readUInt32LE(4)}`);
  return {
    version: payload.readUInt32LE(0),
    state,
    pid: payload.readUInt32LE(8),
    containerPid: payload.readUInt32LE(12),
    startTime: payload.readBigUInt64LE(16),
    containerStartTime: payload.readBigUInt64LE(24),
  };
}

const exitMagic = 0x54495845; // "EXIT"
const exitHeaderBytes = 48;
const exitFlag = { oomKilled: 1, failed: 2 } as const;

/** The content of an exit file, which is also the payload of an `ended` message. */
export function decodeExit(bytes: Uint8Array): ExitStatus {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (record.length < exitHeaderBytes) throw new ProtocolError('exit record is cut off');
  if (record.readUInt32LE(0) !== exitMagic || record.readUInt16LE(4) !== recordVersion) {
    throw new ProtocolError('not an exit record of this version');
  }
  const flags = record.readUInt16LE(6);
  const pathBytes = record.readUInt32LE(40);
  requireLength(record, exitHeaderBytes + pathBytes, 'exit record');
  const signal = record.readUInt32LE(12);
  return {
    code: record.readUInt32LE(8),
    signal: signal === 0 ? null : signal,
    isOomKilled: (flags & exitFlag.oomKilled) !== 0,
    finishedAtNs: record.readBigUInt64LE(16),
    lostLogBytes: record.readBigUInt64LE(24),
    failure: (flags & exitFlag.failed) === 0 ? null : decodeFailure(record, 32),
    isLost: false,
  };
}
