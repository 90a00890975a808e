import { readdirSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readShimLog } from '../../../engine/runtime/shim-log.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { makeBox, readOutput, run, start } from './support.ts';

/** Prints numbered lines to both streams in turn, in writes of all sizes. */
const chatter = (lines: number): string[] => [
  'perl',
  '-e',
  `$| = 1; for $i (1..${lines}) { my $l = "line $i " . ("x" x ($i % 97)) . "\\n"; if ($i % 2) { print STDOUT $l } else { print STDERR $l } }`,
];

const expected = (lines: number, remainder: number): string =>
  Array.from({ length: lines }, (_, i) => i + 1)
    .filter((i) => i % 2 === remainder)
    .map((i) => `line ${i} ${'x'.repeat(i % 97)}\n`)
    .join('');

describe('the log of a container', () => {
  test('has every one of 100000 lines of both streams, in order', async () => {
    await using dir = await tempDir();
    const lines = 100_000;
    const { exit, stdout, stderr } = await run(makeBox(dir.path, chatter(lines)).spec);
    expect(exit).toMatchObject({ code: 0, lostLogBytes: 0n });
    expect(stdout === expected(lines, 1)).toBe(true);
    expect(stderr === expected(lines, 0)).toBe(true);
  });

  test('is followed over rotations without losing a line', async () => {
    await using dir = await tempDir();
    const lines = 20_000;
    const { spec } = makeBox(dir.path, chatter(lines), {
      log: { maxBytes: 65_536n, maxFiles: 1000 },
    });
    const shim = await start(spec);
    const text = { stdout: '', stderr: '' };
    for await (const records of readShimLog(spec.log.path, { follow: true, ended: shim.exited })) {
      for (const { stream, bytes } of records) text[stream] += Buffer.from(bytes).toString();
    }
    await shim.gone;
    expect(text.stdout === expected(lines, 1)).toBe(true);
    expect(text.stderr === expected(lines, 0)).toBe(true);
    expect(readdirSync(dir.path).filter((name) => /^log\.\d+$/.test(name)).length).toBeGreaterThan(
      10,
    );
  });

  test('keeps the newest files only, of the size that was asked for', async () => {
    await using dir = await tempDir();
    const lines = 20_000;
    const { spec } = makeBox(dir.path, chatter(lines), {
      log: { maxBytes: 100_000n, maxFiles: 3 },
    });
    const { stdout } = await run(spec);
    const files = readdirSync(dir.path).filter((name) => name.startsWith('log'));
    expect(files).toHaveLength(3);
    for (const name of files)
      expect(statSync(`${dir.path}/${name}`).size).toBeLessThanOrEqual(100_000);
    expect(expected(lines, 1).endsWith(stdout.slice(-1000))).toBe(true);
  });

  test('goes on where it was when the container is started again', async () => {
    await using dir = await tempDir();
    const { spec } = makeBox(dir.path, ['sh', '-c', 'echo run']);
    await run(spec);
    await run(spec);
    expect((await readOutput(spec.log.path)).stdout).toBe('run\nrun\n');
  });

  test('of nobody: output without a log goes nowhere', async () => {
    await using dir = await tempDir();
    const { spec } = makeBox(dir.path, ['sh', '-c', 'echo run; readlink /proc/self/fd/1'], {
      log: { path: '' },
    });
    const shim = await start(spec);
    expect(await shim.exited).toMatchObject({ code: 0 });
    await shim.gone;
    expect(readdirSync(dir.path)).not.toContain('log');
  });

  test('has the last line also when it is not finished', async () => {
    await using dir = await tempDir();
    const { spec } = makeBox(dir.path, ['sh', '-c', 'printf unfinished; exit 4']);
    const { exit, stdout } = await run(spec);
    expect(exit.code).toBe(4);
    expect(stdout).toBe('unfinished');
  });
});
