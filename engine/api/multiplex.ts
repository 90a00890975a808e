/**
 * The stream frame of logs and attach: `[1|2|3, 0, 0, 0, length as 32 bits big-endian]` and the payload. 3 is an error
 * text of the engine itself. A terminal's output is not framed.
 */
import { EngineError } from './errors.ts';

export type OutputStream = 'stdout' | 'stderr';

/** A frame, or the part of one that has arrived. */
export interface Frame {
  readonly stream: OutputStream;
  readonly payload: Uint8Array;
  /** False for the later parts of a frame. */
  readonly isStart: boolean;
}

/** docker-modem concatenates a whole frame quadratically, so longer payloads are split. */
export const maxFramePayload: number = 32 * 1024;
/** An error text beyond it is a stream out of step. */
const maxErrorText = 64 * 1024;
export const frameHeaderBytes: number = 8;
const numberOf = { stdout: 1, stderr: 2 } as const;
const numberOfError = 3;

/** One chunk of bytes with as many frames as the payload needs; nothing for an empty payload. */
export function encodeFrames(stream: OutputStream, payload: Uint8Array): Uint8Array {
  const count = Math.ceil(payload.length / maxFramePayload);
  const bytes = new Uint8Array(payload.length + count * frameHeaderBytes);
  let at = 0;
  for (let from = 0; from < payload.length; from += maxFramePayload) {
    const part = payload.subarray(from, from + maxFramePayload);
    writeFrameHeader(bytes, at, { stream, length: part.length });
    bytes.set(part, at + frameHeaderBytes);
    at += frameHeaderBytes + part.length;
  }
  return bytes;
}

/** Before a payload of this length, at most `maxFramePayload`. */
export function writeFrameHeader(
  bytes: Uint8Array,
  at: number,
  { stream, length }: { readonly stream: OutputStream; readonly length: number },
): void {
  bytes[at] = numberOf[stream];
  bytes[at + 1] = 0;
  bytes[at + 2] = 0;
  bytes[at + 3] = 0;
  bytes[at + 4] = length >>> 24;
  bytes[at + 5] = length >>> 16;
  bytes[at + 6] = length >>> 8;
  bytes[at + 7] = length;
}

export interface Demultiplexer {
  /** What this chunk carries. Throws EngineError when the bytes are no frames, or when the engine reports an error. */
  push(chunk: Uint8Array): readonly Frame[];
  /** Throws when the stream ends inside a frame. */
  end(): void;
}

/** Payloads are views of the chunks: nothing is copied, and a long frame is not held until it is complete. */
export function createDemultiplexer(): Demultiplexer {
  const header = new Uint8Array(frameHeaderBytes);
  let headerLength = 0;
  let remaining = 0;
  let isStart = true;
  let errorText: number[] | null = null;

  function acceptHeader(): void {
    const view = new DataView(header.buffer);
    remaining = view.getUint32(4);
    const isError = header[0] === numberOfError;
    const isFrame = view.getUint32(0) % (1 << 24) === 0 && (header[0] ?? 0) <= numberOfError;
    if (!isFrame || (isError && remaining > maxErrorText)) {
      throw new EngineError('internal', 'the output stream is not framed as the engine said');
    }
    errorText = isError ? [] : null;
    isStart = true;
  }

  function takePayload(bytes: Uint8Array): Frame | null {
    remaining -= bytes.length;
    if (remaining === 0) headerLength = 0;
    if (errorText === null) {
      // 0 is stdin, which a terminal echoes into its output.
      const stream = header[0] === numberOf.stderr ? 'stderr' : 'stdout';
      const frame = { stream, payload: bytes, isStart } as const;
      isStart = false;
      return frame;
    }
    errorText.push(...bytes);
    if (remaining > 0) return null;
    throw new EngineError('internal', new TextDecoder().decode(Uint8Array.from(errorText)));
  }

  return {
    push(chunk) {
      const frames: Frame[] = [];
      let at = 0;
      while (at < chunk.length) {
        if (headerLength < frameHeaderBytes) {
          const part = chunk.subarray(at, at + frameHeaderBytes - headerLength);
          header.set(part, headerLength);
          headerLength += part.length;
          at += part.length;
          if (headerLength < frameHeaderBytes) break;
          acceptHeader();
          // An empty frame has no payload to wait for.
          if (remaining === 0) headerLength = 0;
          continue;
        }
        const payload = chunk.subarray(at, at + remaining);
        at += payload.length;
        const frame = takePayload(payload);
        if (frame !== null) frames.push(frame);
      }
      return frames;
    },
    end() {
      if (headerLength === 0) return;
      throw new EngineError('internal', 'the output stream ends inside a frame');
    },
  };
}
