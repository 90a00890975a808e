import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readShimLog } from '../../../engine/runtime/shim-log.ts';
import { eventually } from '../../lib/eventually.ts';
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
      for (const { stream, source, start, end } of records)
        text[stream] += source.toString('utf8', start, end);
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

  test('on a full disk tells how much is missing, and holds nobody up', async () => {
    await using dir = await tempDir();
    const disk = join(dir.path, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const filler = join(disk, 'filler');
      writeFileSync(filler, Buffer.alloc(700_000));
      // More than the disk and the pipe can hold.
      const script = 'seq 1 600000; touch /tmp/full; until test -e /tmp/go; do sleep 0.02; done';
      const { spec } = makeBox(dir.path, ['sh', '-c', `${script}; echo after`], {
        log: { path: join(disk, 'log') },
      });
      const shim = await start(spec);
      const root = `/proc/${shim.containerPid}/root/tmp`;
      await eventually(() => {
        expect(readdirSync(root)).toContain('full');
      });
      rmSync(filler);
      writeFileSync(join(root, 'go'), '');
      const exit = await shim.exited;
      await shim.gone;
      const { stdout, stderr } = await readOutput(spec.log.path);
      expect(exit.code).toBe(0);
      const lost = Number(exit.lostLogBytes);
      expect(lost).toBeGreaterThan(100_000);
      // A marker is small: it may fit where a chunk does not, and then there are several.
      const markers = stderr.trimEnd().split('\n');
      const counts = markers.map(
        (marker) => /^\[tscompose\] (\d+) bytes of output/.exec(marker)?.[1],
      );
      expect(counts.reduce((sum, count) => sum + Number(count), 0)).toBe(lost);
      const all = `${Array.from({ length: 600_000 }, (_, i) => i + 1).join('\n')}\nafter\n`;
      expect(stdout.endsWith('\nafter\n')).toBe(true);
      expect(all.startsWith(stdout.slice(0, 100_000))).toBe(true);
      // Lines that were cut got an end of their own.
      const ends = stdout.length + lost - all.length;
      expect(ends).toBeGreaterThanOrEqual(0);
      expect(ends).toBeLessThanOrEqual(markers.length);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  test('has the last line also when it is not finished', async () => {
    await using dir = await tempDir();
    const { spec } = makeBox(dir.path, ['sh', '-c', 'printf unfinished; exit 4']);
    const { exit, stdout } = await run(spec);
    expect(exit.code).toBe(4);
    expect(stdout).toBe('unfinished');
  });
});
