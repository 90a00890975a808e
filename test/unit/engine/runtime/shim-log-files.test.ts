import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listSequences } from '../../../../engine/runtime/shim-log-files.ts';
import { encodeHeader } from '../../../../engine/runtime/shim-log-frames.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

/** As the shim does it: the full file gets its number, and a new one takes its place. */
const rotateForever = `
  const fs = require('node:fs');
  const [, path, hex] = process.argv;
  for (let sequence = 1n; sequence <= 600n; sequence++) {
    const header = Buffer.from(hex, 'hex');
    header.writeBigUInt64LE(sequence + 1n, 16);
    fs.renameSync(path, path + '.' + sequence);
    fs.writeFileSync(path, header);
  }`;

test('a rotation between two looks must not hide the file that was rotated', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'log');
  writeFileSync(path, encodeHeader(1n));
  const header = encodeHeader(1n).toString('hex');
  const rotating = spawn(process.execPath, ['-e', rotateForever, path, header], {
    stdio: 'inherit',
  });
  const ended = once(rotating, 'exit');
  let looks = 0;
  let last = 1n;
  while (rotating.exitCode === null) {
    const sequences = await listSequences(path);
    expect(sequences[0]).toBe(1n);
    // Without a hole, whatever happened meanwhile.
    expect(sequences.at(-1)).toBe(BigInt(sequences.length));
    expect(sequences.length).toBeGreaterThanOrEqual(Number(last));
    last = BigInt(sequences.length);
    looks++;
  }
  expect(await ended).toEqual([0, null]);
  expect(looks).toBeGreaterThan(5);
  expect(await listSequences(path)).toHaveLength(601);
});
