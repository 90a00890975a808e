import { describe, expect, test } from 'vitest';
import {
  decodeExit,
  encodeSignal,
  encodeStart,
  FrameDecoder,
  type ExitStatus,
  type ShimMessage,
} from '../../../../engine/runtime/protocol.ts';
import { ProtocolError } from '../../../../engine/runtime/protocol-frame.ts';
import { fixture } from './shim-fixtures.ts';

function frame(type: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, payload]);
}

function record(fields: readonly (readonly [number, 4 | 8, bigint])[], path = ''): Buffer {
  const bytes = Buffer.alloc(48);
  bytes.writeUInt32LE(0x54495845, 0);
  bytes.writeUInt16LE(1, 4);
  for (const [at, size, value] of fields) {
    if (size === 4) bytes.writeUInt32LE(Number(value), at);
    else bytes.writeBigUInt64LE(value, at);
  }
  bytes.writeUInt32LE(Buffer.byteLength(path), 40);
  return Buffer.concat([bytes, Buffer.from(path)]);
}

const killed: ExitStatus = {
  code: 137,
  signal: 9,
  isOomKilled: true,
  finishedAtNs: 1_700_000_000_123_456_789n,
  lostLogBytes: 77n,
  failure: null,
  isLost: false,
};

const killedBytes = (): Buffer => {
  const bytes = record([
    [8, 4, 137n],
    [12, 4, 9n],
    [16, 8, 1_700_000_000_123_456_789n],
    [24, 8, 77n],
  ]);
  bytes.writeUInt16LE(1, 6);
  return bytes;
};

const failedBytes = (): Buffer => {
  const bytes = record(
    [
      [8, 4, 127n],
      [16, 8, 5n],
      [32, 4, 28n],
      [36, 4, 2n],
    ],
    '/bin/nöpe',
  );
  bytes.writeUInt16LE(2, 6);
  return bytes;
};

const statusBytes = (): Buffer => {
  const payload = Buffer.alloc(32);
  for (const [i, value] of [1, 2, 4711, 4712].entries()) payload.writeUInt32LE(value, 4 * i);
  payload.writeBigUInt64LE(123_456n, 16);
  payload.writeBigUInt64LE(0xffffffffffn, 24);
  return payload;
};

const conversation: readonly ShimMessage[] = [
  {
    type: 'status',
    status: {
      version: 1,
      state: 'running',
      pid: 4711,
      containerPid: 4712,
      startTime: 123_456n,
      containerStartTime: 0xffffffffffn,
    },
  },
  { type: 'reply', request: 3, errno: 22 },
  { type: 'ended', status: killed },
];

const conversationBytes = (): Buffer =>
  fixture(
    'from-shim.bin',
    Buffer.concat([
      frame(1, statusBytes()),
      frame(3, Buffer.from([3, 0, 0, 0, 22, 0, 0, 0])),
      frame(2, killedBytes()),
    ]),
  );

describe('messages of a shim', () => {
  test('are read as they were recorded', () => {
    expect(new FrameDecoder().push(conversationBytes())).toEqual(conversation);
  });

  test('are read alike wherever the stream was cut', () => {
    const bytes = conversationBytes();
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = new FrameDecoder();
      const first = decoder.push(bytes.subarray(0, cut));
      expect([...first, ...decoder.push(bytes.subarray(cut))]).toEqual(conversation);
    }
  });

  test.each([
    ['a length that no message has', Buffer.from([0, 0, 0, 0x80, 1, 0, 0, 0])],
    ['an unknown type', frame(9, new Uint8Array(0))],
    ['a status that is too short', frame(1, new Uint8Array(31))],
    ['a reply that is too long', frame(3, new Uint8Array(9))],
    ['an unknown state', frame(1, Buffer.alloc(32, 9))],
    ['an end without a record', frame(2, new Uint8Array(12))],
  ])('%s is a ProtocolError', (_what, bytes) => {
    expect(() => new FrameDecoder().push(bytes)).toThrow(ProtocolError);
  });

  test('of any bytes either make messages or a ProtocolError', () => {
    const random = generator(20_261_120);
    const valid = conversationBytes();
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(valid);
      for (let i = 0; i < 4; i++) bytes[random(bytes.length)] = random(256);
      try {
        new FrameDecoder().push(bytes.subarray(random(60)));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }
  });
});

describe('messages to a shim', () => {
  test('are the bytes that the shim was tested with', () => {
    const bytes = Buffer.concat([
      encodeStart(),
      encodeSignal({ request: 7, signal: 15, all: true }),
    ]);
    expect(bytes.equals(fixture('to-shim.bin', bytes))).toBe(true);
  });
});

describe('an exit record', () => {
  test('tells how the program ended', () => {
    expect(decodeExit(fixture('exit-killed.bin', killedBytes()))).toEqual(killed);
  });

  test('tells why there was no program', () => {
    expect(decodeExit(fixture('exit-failed.bin', failedBytes()))).toMatchObject({
      code: 127,
      signal: null,
      failure: { stage: 'exec', errno: 'ENOENT', path: '/bin/nöpe' },
    });
  });

  test.each([
    ['empty', new Uint8Array(0)],
    ['cut off', killedBytes().subarray(0, 47)],
    ['longer than it says', Buffer.concat([killedBytes(), Buffer.from('x')])],
    ['something else', Buffer.alloc(64, 'x')],
  ])('that is %s is refused', (_what, bytes) => {
    expect(() => decodeExit(bytes)).toThrow(ProtocolError);
  });
});

/** Numbers below a limit, the same ones in every run (Numerical Recipes' linear congruential generator). */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % limit;
  };
}
