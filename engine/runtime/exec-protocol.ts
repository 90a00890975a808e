/** The messages about further programs, their terminals and a container's input; drawn in native/PROTOCOL.md. */
import { decodeFailure, frame, ProtocolError, requireLength } from './protocol-frame.ts';
import type { ShimFailure } from './protocol-frame.ts';
import type { TerminalSize } from './sandbox-spec.ts';

const messageType = {
  exec: 66,
  execSignal: 67,
  execForget: 68,
  resize: 69,
  input: 70,
  inputEnd: 71,
} as const;

const execFlag = { terminal: 1, stdin: 2, stdout: 4, stderr: 8 } as const;
const idBytes = 64;

/** Which of an exec's streams come with the message. A terminal is all three, and one socket. */
export interface ExecStreams {
  readonly hasTerminal: boolean;
  readonly hasStdin: boolean;
  readonly hasStdout: boolean;
  readonly hasStderr: boolean;
}

export interface ExecMessage {
  readonly request: number;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly streams: ExecStreams;
  readonly size: TerminalSize;
}

export type ExecStatus = {
  readonly id: string;
  /** In the shim's pid namespace; 0 when there was none. */
  readonly pid: number;
} & (
  | { readonly state: 'running' }
  | ({ readonly state: 'ended' } & ExecEnd)
  | { readonly state: 'failed'; readonly failure: ShimFailure; readonly finishedAtNs: bigint }
);

export interface ExecEnd {
  /** 0 to 255; 128 + n when signal n ended the program. */
  readonly code: number;
  readonly signal: number | null;
  readonly finishedAtNs: bigint;
}

export function encodeExecStart({ request, id, streams, size }: ExecMessage): Uint8Array {
  const payload = Buffer.alloc(16 + idBytes);
  payload.writeUInt32LE(request, 0);
  payload.writeUInt32LE(
    (streams.hasTerminal ? execFlag.terminal : 0) |
      (streams.hasStdin ? execFlag.stdin : 0) |
      (streams.hasStdout ? execFlag.stdout : 0) |
      (streams.hasStderr ? execFlag.stderr : 0),
    4,
  );
  payload.writeUInt16LE(size.rows, 8);
  payload.writeUInt16LE(size.columns, 10);
  writeId(payload, 16, id);
  return frame(messageType.exec, payload);
}

export function encodeExecSignal(message: {
  readonly request: number;
  readonly id: string;
  readonly signal: number;
}): Uint8Array {
  const payload = Buffer.alloc(8 + idBytes);
  payload.writeUInt32LE(message.request, 0);
  payload.writeUInt32LE(message.signal, 4);
  writeId(payload, 8, message.id);
  return frame(messageType.execSignal, payload);
}

/** Nobody needs to be told of its end any more. */
export function encodeExecForget(request: number, id: string): Uint8Array {
  const payload = Buffer.alloc(8 + idBytes);
  payload.writeUInt32LE(request, 0);
  writeId(payload, 8, id);
  return frame(messageType.execForget, payload);
}

/** `id` null: the container's own terminal. */
export function encodeResize(message: {
  readonly request: number;
  readonly id: string | null;
  readonly size: TerminalSize;
}): Uint8Array {
  const payload = Buffer.alloc(8 + idBytes);
  payload.writeUInt32LE(message.request, 0);
  payload.writeUInt16LE(message.size.rows, 4);
  payload.writeUInt16LE(message.size.columns, 6);
  if (message.id !== null) writeId(payload, 8, message.id);
  return frame(messageType.resize, payload);
}

/** With one end of a socket pair, whose bytes become the container's input. */
export function encodeInput(request: number): Uint8Array {
  return frame(messageType.input, number(request));
}

/** The input is closed when all that was sent has been read. */
export function encodeInputEnd(request: number): Uint8Array {
  return frame(messageType.inputEnd, number(request));
}

function number(value: number): Uint8Array {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(value, 0);
  return payload;
}

function writeId(payload: Buffer, offset: number, id: string): void {
  if (id.length !== idBytes) throw new TypeError(`"${id}" is not an id`);
  payload.write(id, offset, 'latin1');
}

const statusHeaderBytes = 104;
const execState = { running: 1, ended: 2, failed: 3 } as const;

export function decodeExecStatus(payload: Buffer): ExecStatus {
  if (payload.length < statusHeaderBytes) throw new ProtocolError('status of an exec is cut off');
  requireLength(payload, statusHeaderBytes + payload.readUInt32LE(96), 'status of an exec');
  const id = payload.toString('latin1', 0, idBytes);
  const pid = payload.readUInt32LE(68);
  const signal = payload.readUInt32LE(76);
  const finishedAtNs = payload.readBigUInt64LE(80);
  switch (payload.readUInt32LE(64)) {
    case execState.running:
      return { id, pid, state: 'running' };
    case execState.ended: {
      const code = payload.readUInt32LE(72);
      return { id, pid, state: 'ended', code, signal: signal === 0 ? null : signal, finishedAtNs };
    }
    case execState.failed:
      return { id, pid, state: 'failed', failure: decodeFailure(payload, 88), finishedAtNs };
    default:
      throw new ProtocolError(`unknown state of an exec ${payload.readUInt32LE(64)}`);
  }
}
