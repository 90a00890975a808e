/** The server's side of a WebSocket (RFC 6455) as a plain stream of bytes: what clients send, without their framing. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

import { EngineError } from '../../api/index.ts';

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const closed = { normal: 1000, protocolError: 1002, tooBig: 1009 } as const;
/** Of one frame: what people and programs type comes in small ones. */
const mostPayloadBytes = 1 << 20;
/** RFC 6455 §1.3. */
const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The head of the answer to a request for a WebSocket; throws EngineError where it is none. */
export function webSocketHead({ headers }: IncomingMessage): string {
  const key = headers['sec-websocket-key'] ?? '';
  if (headers.upgrade?.toLowerCase() !== 'websocket' || key === '') {
    throw new EngineError('invalid-argument', 'not websocket protocol');
  }
  if (headers['sec-websocket-version'] !== '13') {
    throw new EngineError('invalid-argument', 'missing or bad WebSocket Version');
  }
  const accept = createHash('sha1').update(`${key}${magic}`).digest('base64');
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    '\r\n',
  ].join('\r\n');
}

interface FrameHead {
  readonly opcode: number;
  readonly mask: Buffer;
  /** Where the payload begins and the frame ends. */
  readonly start: number;
  readonly end: number;
}

export class WebSocketStream extends Duplex {
  readonly #socket: Duplex;
  readonly #opcode: number;
  #received = Buffer.alloc(0);
  #isClosing = false;

  /** What is written goes out as messages of this kind. */
  constructor(socket: Duplex, kind: 'text' | 'binary') {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#opcode = opcodes[kind];
    socket.on('data', (bytes: Buffer) => {
      this.#accept(bytes);
    });
    socket.on('end', () => {
      this.destroy();
    });
    socket.on('close', () => {
      this.destroy();
    });
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#send(this.#opcode, bytes, done);
  }

  override _final(done: () => void): void {
    this.#close(closed.normal);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#close(closed.normal);
    this.#socket.end();
    done(error);
  }

  #accept(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const head = this.#isClosing ? null : this.#head();
      if (head === null || head.end > this.#received.length) return;
      const payload = Buffer.from(this.#received.subarray(head.start, head.end));
      this.#received = this.#received.subarray(head.end);
      for (let at = 0; at < payload.length; at++)
        payload[at] = (payload[at] ?? 0) ^ (head.mask[at % 4] ?? 0);
      this.#take(head.opcode, payload);
    }
  }

  /** Null: there is more to come, or what came was no frame. */
  #head(): FrameHead | null {
    const bytes = this.#received;
    if (bytes.length < 2) return null;
    const [first = 0, second = 0] = bytes;
    // Clients must mask; no extension was agreed on (RFC 6455 §5.1, §5.2).
    if ((second & 0x80) === 0 || (first & 0x70) !== 0) return this.#fail(closed.protocolError);
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const start = 2 + lengthBytes + 4;
    if (bytes.length < start) return null;
    const length =
      lengthBytes === 8
        ? Number(bytes.readBigUInt64BE(2))
        : lengthBytes === 2
          ? bytes.readUInt16BE(2)
          : short;
    if (length > mostPayloadBytes) return this.#fail(closed.tooBig);
    return {
      opcode: first & 0x0f,
      mask: bytes.subarray(start - 4, start),
      start,
      end: start + length,
    };
  }

  #fail(status: number): null {
    this.#close(status);
    this.destroy();
    return null;
  }

  #take(opcode: number, payload: Buffer): void {
    switch (opcode) {
      case opcodes.continuation:
      case opcodes.text:
      case opcodes.binary:
        if (payload.length > 0 && !this.push(payload)) this.#socket.pause();
        return;
      case opcodes.ping:
        this.#send(opcodes.pong, payload.subarray(0, 125));
        return;
      case opcodes.pong:
        return;
      case opcodes.close:
        this.#fail(closed.normal);
        return;
      default:
        this.#fail(closed.protocolError);
    }
  }

  #close(status: number): void {
    if (this.#isClosing) return;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(status);
    this.#send(opcodes.close, payload);
    this.#isClosing = true;
  }

  #send(opcode: number, payload: Buffer, done?: (error?: Error | null) => void): void {
    if (this.#isClosing || !this.#socket.writable) {
      done?.(null);
      return;
    }
    this.#socket.write(frameHead(opcode, payload.length));
    this.#socket.write(payload, (error) => done?.(error));
  }
}

function frameHead(opcode: number, length: number): Buffer {
  const first = 0x80 | opcode;
  if (length < 126) return Buffer.from([first, length]);
  if (length < 0x1_00_00) return Buffer.from([first, 126, length >> 8, length & 0xff]);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
