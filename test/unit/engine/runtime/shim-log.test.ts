import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readShimLog, type LogQuery } from '../../../../engine/runtime/shim-log.ts';
import type { LogRecord } from '../../../../engine/runtime/shim-log.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

const streams = { stdout: 1, stderr: 2, lost: 3 } as const;
type Chunk = readonly [stream: keyof typeof streams, timeNs: bigint, text: string | Buffer];

function header(sequence: bigint): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(0x31474f4c435354ffn, 0);
  bytes.writeUInt32LE(1, 8);
  bytes.writeUInt32LE(32, 12);
  bytes.writeBigUInt64LE(sequence, 16);
  return bytes;
}

function frame([stream, timeNs, text]: Chunk): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0x4d415246, 0);
  head.writeUInt32LE(payload.length, 4);
  head.writeBigUInt64LE(timeNs, 8);
  head.writeUInt32LE(streams[stream], 16);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(payload.length, 0);
  trailer.writeUInt32LE(0x444e4546, 4);
  return Buffer.concat([head, payload, trailer]);
}

const file = (sequence: bigint, ...chunks: readonly Chunk[]): Buffer =>
  Buffer.concat([header(sequence), ...chunks.map(frame)]);

const textOf = (record: LogRecord | undefined): string =>
  record === undefined ? '' : record.source.toString('utf8', record.start, record.end);

/** "o5 text" is a record of stdout at 5; "~" marks a piece of a line. */
async function read(path: string, query: LogQuery = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const records of readShimLog(path, query)) {
    for (const record of records) {
      const { stream, timeNs, isPartial } = record;
      const text = textOf(record);
      expect(text.endsWith('\n')).toBe(!isPartial);
      lines.push(`${stream[3]}${timeNs} ${text.trimEnd()}${isPartial ? '~' : ''}`);
    }
  }
  return lines;
}

/** Two rotated files and the current one; lines of both streams are cut by chunks and by rotation. */
function writeThree(path: string): void {
  writeFileSync(`${path}.9`, file(9n, ['stdout', 1n, 'one\ntw'], ['stderr', 2n, 'er']));
  writeFileSync(`${path}.10`, file(10n, ['stdout', 3n, 'o\nthree\n']));
  writeFileSync(
    path,
    file(11n, ['stderr', 5n, 'ror\n'], ['stdout', 6n, 'four\nfi'], ['stdout', 7n, 've']),
  );
}

const all = ['o1 one', 'o3 two', 'o3 three', 'e5 error', 'o6 four', 'o7 five~'];

describe('readShimLog', () => {
  test.each<[string, LogQuery, string[]]>([
    ['everything, in the order of the files', {}, all],
    ['one stream', { stderr: false }, all.filter((line) => line.startsWith('o'))],
    ['the other stream', { stdout: false }, ['e5 error']],
    ['since a time', { sinceNs: 3n }, all.slice(1)],
    ['since the time at which a line ended that began before', { sinceNs: 5n }, all.slice(3)],
    ['until a time', { untilNs: 3n }, all.slice(0, 3)],
    ['between two times', { sinceNs: 3n, untilNs: 5n }, all.slice(1, 4)],
    ['since later than all', { sinceNs: 100n }, []],
    ['the last line', { tail: 1 }, all.slice(-1)],
    ['the last two', { tail: 2 }, all.slice(-2)],
    ['the last four', { tail: 4 }, all.slice(-4)],
    ['more than there are', { tail: 100 }, all],
    ['none', { tail: 0 }, []],
    ['the last one of a stream', { tail: 1, stdout: false }, ['e5 error']],
    ['the last two since a time', { tail: 2, sinceNs: 7n }, ['o7 five~']],
  ])('gives %s', async (_what, query, expected) => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    writeThree(path);
    expect(await read(path, query)).toEqual(expected);
  });

  test('every tail of a long log is the end of the whole', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    const text = Array.from({ length: 300 }, (_, i) => `line ${i} ${'y'.repeat(i % 41)}\n`).join(
      '',
    );
    const chunks: Chunk[] = [];
    for (let at = 0, i = 0; at < text.length; at += 37, i++) {
      chunks.push([i % 5 === 0 ? 'stderr' : 'stdout', BigInt(i), text.slice(at, at + 37)]);
    }
    for (let part = 0; part < 4; part++) {
      const name = part === 3 ? path : `${path}.${part + 1}`;
      writeFileSync(
        name,
        file(
          BigInt(part + 1),
          ...chunks.slice(part * 70, part === 3 ? undefined : (part + 1) * 70),
        ),
      );
    }
    const whole = await read(path);
    for (let tail = 1; tail <= whole.length; tail += 7) {
      expect(await read(path, { tail })).toEqual(whole.slice(-tail));
    }
  });

  test('a log that does not exist is empty', async () => {
    await using dir = await tempDir();
    expect(await read(join(dir.path, 'log'))).toEqual([]);
    expect(await read(join(dir.path, 'log'), { tail: 3 })).toEqual([]);
    expect(await read(join(dir.path, 'no/such/directory'), {})).toEqual([]);
  });

  test('a frame that is still being written is left for later', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    const whole = file(1n, ['stdout', 1n, 'one\n'], ['stdout', 2n, 'two\n']);
    for (let cut = 0; cut < 36; cut++) {
      writeFileSync(path, whole.subarray(0, whole.length - 1 - cut));
      expect(await read(path)).toEqual(['o1 one']);
      expect(await read(path, { tail: 5 })).toEqual(['o1 one']);
    }
  });

  test('a line that is longer than what is held comes in pieces', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    const piece = 'z'.repeat(65_536);
    const chunks = Array.from({ length: 12 }, (_, i): Chunk => ['stdout', BigInt(i), piece]);
    writeFileSync(path, file(1n, ...chunks, ['stdout', 12n, 'end\n']));
    let bytes = 0;
    let pieces = 0;
    for await (const records of readShimLog(path)) {
      for (const record of records) {
        bytes += record.end - record.start;
        if (record.isPartial) pieces++;
        expect(record.end - record.start).toBeLessThanOrEqual(6 * 65_536);
      }
    }
    expect({ bytes, pieces }).toEqual({ bytes: 12 * 65_536 + 4, pieces: 2 });
  });

  test('following goes on over rotations, even to files that are deleted at once', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    writeFileSync(path, file(1n, ['stdout', 1n, 'one\ntw']));
    const ended = resolvers();
    const lines: string[] = [];
    const steps: Record<string, () => void> = {
      one: () => {
        appendFileSync(path, frame(['stdout', 2n, 'o\n']));
        renameSync(path, `${path}.1`);
        writeFileSync(path, file(2n, ['stdout', 3n, 'three\n']));
        rmSync(`${path}.1`);
      },
      three: () => {
        renameSync(path, `${path}.2`);
        writeFileSync(path, header(3n));
        appendFileSync(path, frame(['stderr', 4n, 'four\nunfinished']));
        ended.resolve();
      },
    };
    for await (const records of readShimLog(path, { follow: true, ended: ended.promise })) {
      for (const record of records) {
        const text = textOf(record).trimEnd();
        lines.push(text);
        steps[text]?.();
      }
    }
    expect(lines).toEqual(['one', 'two', 'three', 'four', 'unfinished']);
  });

  test('lost output is told with its count, and ends the lines that were begun', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    const lost = Buffer.alloc(24);
    lost.writeBigUInt64LE(4711n);
    writeFileSync(
      path,
      file(1n, ['stdout', 1n, 'one\ntw'], ['lost', 2n, lost], ['stdout', 3n, 'end\n']),
    );
    const marker = '[tscompose] 4711 bytes of output were lost: the log could not be written';
    const whole = ['o1 one', 'o2 tw', `e2 ${marker}`, 'o3 end'];
    expect(await read(path)).toEqual(whole);
    expect(await read(path, { tail: 2 })).toEqual(whole.slice(-2));
    expect(await read(path, { sinceNs: 3n })).toEqual(['o3 end']);
    expect(await read(path, { stderr: false })).toContain(`o2 ${marker}`);
  });

  test('files that go before a slow reader comes to them are told with their count', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    writeFileSync(path, file(1n, ['stdout', 1n, 'one\n']));
    const ended = resolvers();
    const lines: string[] = [];
    for await (const records of readShimLog(path, { follow: true, ended: ended.promise })) {
      for (const record of records) lines.push(textOf(record).trimEnd());
      if (lines.length > 1) continue;
      renameSync(path, `${path}.4`);
      writeFileSync(`${path}.new`, file(4n, ['stdout', 9n, 'four\n']));
      renameSync(`${path}.new`, path);
      rmSync(`${path}.4`);
      ended.resolve();
    }
    const marker = '[tscompose] 2 files of this log went by rotation before being read';
    expect(lines).toEqual(['one', marker, 'four']);
  });

  test('following waits for a log that does not exist yet, and an abort ends it', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    const abort = new AbortController();
    const reading = readShimLog(path, { follow: true, signal: abort.signal });
    const first = reading.next();
    writeFileSync(path, file(1n, ['stdout', 1n, 'hello\n']));
    const { value } = await first;
    expect(textOf(value?.[0])).toBe('hello\n');
    const next = reading.next();
    abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('following from the end gives only what is new', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    writeThree(path);
    const abort = new AbortController();
    const reading = readShimLog(path, { follow: true, tail: 1, signal: abort.signal });
    const first = await reading.next();
    expect(textOf(first.value?.[0])).toBe('four\n');
    appendFileSync(path, frame(['stdout', 8n, ' and a half\n']));
    const second = await reading.next();
    expect(textOf(second.value?.[0])).toBe('five and a half\n');
    abort.abort();
    await reading.return();
  });

  test('of any bytes it makes records or none, and ends', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'log');
    const valid = file(
      1n,
      ['stdout', 1n, 'one\n'],
      ['stderr', 2n, 'two\n'],
      ['stdout', 3n, 'three'],
    );
    let seed = 20_261_120;
    const random = (limit: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed % limit;
    };
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(valid);
      for (let i = 0; i < 3; i++) bytes[random(bytes.length)] = random(256);
      writeFileSync(path, bytes.subarray(0, bytes.length - random(20)));
      expect((await read(path)).length).toBeLessThan(10);
      expect((await read(path, { tail: 2 })).length).toBeLessThan(3);
    }
  });
});

interface Resolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function resolvers(): Resolvers {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
