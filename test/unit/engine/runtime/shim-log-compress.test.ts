import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressLog } from '../../../../engine/runtime/shim-log-compress.ts';
import { encodeHeader } from '../../../../engine/runtime/shim-log-frames.ts';
import { readShimLog, type LogQuery } from '../../../../engine/runtime/shim-log.ts';
import { eventually } from '../../../lib/eventually.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

/** One frame of standard output, as native/PROTOCOL.md draws it. */
function frame(timeNs: bigint, text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0x4d415246, 0);
  head.writeUInt32LE(payload.length, 4);
  head.writeBigUInt64LE(timeNs, 8);
  head.writeUInt32LE(1, 16);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(payload.length, 0);
  trailer.writeUInt32LE(0x444e4546, 4);
  return Buffer.concat([head, payload, trailer]);
}

const file = (sequence: bigint, text: string): Buffer =>
  Buffer.concat([encodeHeader(sequence), frame(sequence, text)]);

/** Files 1 to 3 of which the last is written to; lines are cut by the rotation. */
function writeLog(path: string): void {
  writeFileSync(`${path}.1`, file(1n, 'one\ntw'));
  writeFileSync(`${path}.2`, file(2n, 'o\nthree\nfo'));
  writeFileSync(path, file(3n, 'ur\n'));
}

async function compressAll(path: string, maxFiles = 5): Promise<unknown[]> {
  const troubles: unknown[] = [];
  await compressLog(path, {
    maxFiles,
    ended: Promise.resolve(),
    signal: new AbortController().signal,
    onTrouble: (error) => troubles.push(error),
  });
  return troubles;
}

async function read(path: string, query: LogQuery = {}): Promise<string> {
  const lines: string[] = [];
  for await (const records of readShimLog(path, query))
    for (const { source, start, end } of records) lines.push(source.toString('utf8', start, end));
  return lines.join('').replaceAll('\n', ' ').trimEnd();
}

const queries: readonly (readonly [LogQuery, string])[] = [
  [{}, 'one two three four'],
  [{ tail: 1 }, 'four'],
  [{ tail: 3 }, 'two three four'],
  [{ sinceNs: 2n }, 'two three four'],
  [{ untilNs: 1n }, 'one'],
];

test('full files must be compressed, and the log be read as before', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'log');
  writeLog(path);
  const plain = readFileSync(`${path}.2`);
  expect(await compressAll(path)).toEqual([]);
  expect(readdirSync(dir.path).sort()).toEqual(['log', 'log.1.gz', 'log.2.gz']);
  expect(gunzipSync(readFileSync(`${path}.2.gz`))).toEqual(plain);
  for (const [query, expected] of queries) expect(await read(path, query)).toBe(expected);
  expect(readdirSync(dir.path)).toHaveLength(3);
});

test.each<[string, (path: string) => void]>([
  [
    'a file that was begun',
    (path) => {
      writeFileSync(`${path}.1.gz.tmp`, 'half');
    },
  ],
  [
    'a file that was read',
    (path) => {
      writeFileSync(`${path}.1.gz.1f.tmp`, 'half');
    },
  ],
  [
    'both of a file',
    (path) => {
      writeFileSync(`${path}.1.gz`, gzipSync(readFileSync(`${path}.1`)));
    },
  ],
  [
    'one file done and one not',
    (path) => {
      writeFileSync(`${path}.1.gz`, gzipSync(readFileSync(`${path}.1`)));
      unlinkSync(`${path}.1`);
    },
  ],
])('what an engine has left must be read once, and be finished: %s', async (_what, leave) => {
  await using dir = await tempDir();
  const path = join(dir.path, 'log');
  writeLog(path);
  leave(path);
  for (const [query, expected] of queries) expect(await read(path, query)).toBe(expected);
  expect(await compressAll(path)).toEqual([]);
  expect(readdirSync(dir.path).sort()).toEqual(['log', 'log.1.gz', 'log.2.gz']);
  for (const [query, expected] of queries) expect(await read(path, query)).toBe(expected);
});

test('compressed files beyond the wanted number must go', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'log');
  writeLog(path);
  await compressAll(path);
  await compressAll(path, 2);
  expect(readdirSync(dir.path).sort()).toEqual(['log', 'log.2.gz']);
  expect(await read(path)).toMatch(/three four$/);
});

test('each rotation must be noticed, until the log has ended', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'log');
  writeLog(path);
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const done = compressLog(path, {
    maxFiles: 9,
    ended,
    signal: new AbortController().signal,
    onTrouble: (error) => {
      throw error;
    },
  });
  for (const sequence of [3n, 4n, 5n]) {
    renameSync(path, `${path}.${sequence}`);
    writeFileSync(path, file(sequence + 1n, `${sequence}\n`));
    await eventually(() => {
      expect(readdirSync(dir.path)).toContain(`log.${sequence}.gz`);
    });
  }
  end();
  await done;
  expect(await read(path)).toBe('one two three four 3 4 5');
});

test('a file that cannot be compressed must be told, and stay', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'log');
  writeLog(path);
  // A directory cannot be replaced by a file.
  mkdirSync(`${path}.2.gz`);
  const troubles = await compressAll(path);
  expect(troubles.map(String)).toEqual([expect.stringContaining('EISDIR')]);
  expect(readdirSync(dir.path).sort()).toEqual(['log', 'log.1.gz', 'log.2', 'log.2.gz']);
  expect(await read(path)).toBe('one two three four');
});
