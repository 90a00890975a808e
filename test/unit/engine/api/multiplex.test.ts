import { describe, expect, test } from 'vitest';

import {
  createDemultiplexer,
  encodeFrames,
  EngineError,
  maxFramePayload,
  type Frame,
  type OutputStream,
} from '../../../../engine/api/index.ts';
import { cut, random } from '../../../lib/random.ts';

function decode(chunks: readonly Uint8Array[]): Record<OutputStream, string> {
  const demultiplexer = createDemultiplexer();
  const frames: Frame[] = chunks.flatMap((chunk) => [...demultiplexer.push(chunk)]);
  demultiplexer.end();
  const of = (stream: OutputStream): string =>
    Buffer.concat(
      frames.filter((frame) => frame.stream === stream).map((frame) => frame.payload),
    ).toString('latin1');
  return { stdout: of('stdout'), stderr: of('stderr') };
}

describe('multiplex', () => {
  test('a frame must be the header of attach(1) and the payload', () => {
    expect([...encodeFrames('stderr', Buffer.from('ab'))]).toEqual([
      2, 0, 0, 0, 0, 0, 0, 2, 97, 98,
    ]);
    expect([...encodeFrames('stdout', Buffer.alloc(0))]).toEqual([]);
  });

  test('a long payload must be split, because docker-modem is quadratic in the frame length', () => {
    const bytes = encodeFrames('stdout', new Uint8Array(maxFramePayload + 1));
    expect(bytes.length).toBe(maxFramePayload + 1 + 2 * 8);
    expect([...bytes.subarray(8 + maxFramePayload)]).toEqual([1, 0, 0, 0, 0, 0, 0, 1, 0]);
  });

  test('what was encoded must be decoded, however the bytes are cut', () => {
    const next = random(7);
    for (let round = 0; round < 60; round++) {
      const written = { stdout: '', stderr: '' };
      const wire: Uint8Array[] = [];
      for (let count = next(6); count >= 0; count--) {
        const stream = next(2) === 0 ? 'stdout' : 'stderr';
        const payload = Buffer.alloc(next(4) === 0 ? next(100_000) : next(40), next(256));
        written[stream] += payload.toString('latin1');
        wire.push(encodeFrames(stream, payload));
      }
      expect(decode(cut(Buffer.concat(wire), next))).toEqual(written);
    }
  });

  test('no bytes must make it fail otherwise than with EngineError', () => {
    const next = random(11);
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(
        Array.from({ length: next(60) }, () => next(next(3) === 0 ? 256 : 4)),
      );
      try {
        decode(cut(bytes, next));
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }
  });

  test.each([
    ['a stream that ends inside a header', [1, 0, 0], /ends inside a frame/],
    ['a stream that ends inside a payload', [1, 0, 0, 0, 0, 0, 0, 2, 97], /ends inside a frame/],
    ['bytes that are no frame', [...Buffer.from('plain text')], /not framed/],
    ['an error frame of the engine', [3, 0, 0, 0, 0, 0, 0, 2, 110, 111], /^no$/],
  ])('%s must be reported', (_name, bytes, message) => {
    expect(() => decode([Uint8Array.from(bytes)])).toThrow(message);
  });
});
