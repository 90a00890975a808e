import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createId } from '../../../engine/lib/index.ts';
import { Cgroups, defaultDeviceRules } from '../../../engine/runtime/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { makeBox, readOutput, run, start } from './support.ts';

const top = '/sys/fs/cgroup';
const hasUnified = existsSync(`${top}/unified/cgroup.procs`);

/** Directories of a test's own in hierarchies of this machine, gone at the end of the block. */
async function groups(
  ...hierarchies: readonly string[]
): Promise<AsyncDisposable & { paths: string[] }> {
  await using dir = await tempDir();
  const name = dir.path.split('/').at(-1) ?? '';
  const paths = hierarchies.map((hierarchy) => `${top}/${hierarchy}/${name}`);
  for (const path of paths) mkdirSync(path);
  return {
    paths,
    async [Symbol.asyncDispose]() {
      // The last process is gone from a cgroup a moment after it was reaped.
      await eventually(() => {
        for (const path of paths) if (existsSync(path)) rmdirSync(path);
      });
    },
  };
}

const rounds = Number(process.env['JOIN_ROUNDS'] ?? 25);

describe('the groups of an engine’s first container', () => {
  // Every round has an instance of its own, so that the directories above the container's are made anew as well.
  test(`are joined in every hierarchy, ${rounds} times of ${rounds}`, async () => {
    await using dir = await tempDir();
    const name = dir.path.split('/').at(-1) ?? '';
    const found: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const cgroups = Cgroups.discover({ instance: `${name}-${round}` });
      const id = createId();
      const { directories } = cgroups.create(id, { devices: defaultDeviceRules, limits: {} });
      const { spec } = makeBox(mkdtempSync(join(dir.path, 'box-')), ['sleep', '1000'], {
        cgroups: directories,
        hasCgroup2: cgroups.version !== 'v1',
      });
      const shim = await start(spec);
      const lines = readFileSync(`/proc/${shim.containerPid}/cgroup`, 'utf8').trim().split('\n');
      const joined = lines.filter((line) => line.endsWith(`/${name}-${round}/${id}`));
      if (joined.length !== directories.length) found.push(`${round}: ${lines.join(' ')}`);
      await shim.signal(9, { all: true });
      await shim.gone;
      await cgroups.remove(id);
    }
    expect(found).toEqual([]);
  });
});

describe.skipIf(!existsSync(`${top}/memory/tasks`))('control groups of version 1', () => {
  test('are joined by the program, and it sees itself at their top', async () => {
    await using dir = await tempDir();
    await using made = await groups('memory', 'pids');
    const { spec } = makeBox(
      dir.path,
      ['sh', '-c', 'grep -E ":(memory|pids):" /proc/self/cgroup; exec sleep 1000'],
      {
        cgroups: made.paths,
      },
    );
    const shim = await start(spec);
    await eventually(async () => {
      const { stdout } = await readOutput(spec.log.path);
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.split(':').slice(1).join(':'))
          .sort(),
      ).toEqual(['memory:/', 'pids:/']);
    });
    for (const path of made.paths) {
      expect(readFileSync(`${path}/cgroup.procs`, 'utf8')).toBe(`${shim.containerPid}\n`);
    }
    await shim.signal(9, { all: true });
    expect(await shim.exited).toMatchObject({ code: 137, isOomKilled: false });
    await shim.gone;
  });

  test('a kill for memory is told', async () => {
    await using dir = await tempDir();
    await using made = await groups('memory');
    writeFileSync(`${made.paths[0]}/memory.limit_in_bytes`, String(24 * 1024 * 1024));
    const { spec } = makeBox(dir.path, ['perl', '-e', 'my @a; push @a, "x" x 1048576 while 1'], {
      cgroups: made.paths,
    });
    const { exit } = await run(spec);
    expect(exit).toMatchObject({ code: 137, signal: 9, isOomKilled: true });
    // The group still counts that kill; the next run is not blamed for it.
    const again = await run({ ...spec, process: { ...spec.process, args: ['true'] } });
    expect(again.exit).toMatchObject({ code: 0, isOomKilled: false });
  });

  test('a signal for all reaches every process', async () => {
    await using dir = await tempDir();
    await using made = await groups('pids');
    const child = 'trap "echo child; exit" USR1; echo up; while :; do sleep 0.01; done';
    const script = `sh -c '${child}' & sh -c '${child}' & trap "wait; echo first; exit 8" USR1; wait; wait`;
    const { spec } = makeBox(dir.path, ['sh', '-c', script], { cgroups: made.paths });
    const shim = await start(spec);
    await eventually(async () => {
      expect((await readOutput(spec.log.path)).stdout).toBe('up\nup\n');
    });
    await shim.signal(10, { all: true });
    expect(await shim.exited).toMatchObject({ code: 8 });
    await shim.gone;
    expect((await readOutput(spec.log.path)).stdout).toBe('up\nup\nchild\nchild\nfirst\n');
  });
});

describe.skipIf(!hasUnified)('the unified control group', () => {
  test('is where the program is made', async () => {
    await using dir = await tempDir();
    await using made = await groups('unified');
    const { spec } = makeBox(
      dir.path,
      ['sh', '-c', 'grep ^0: /proc/self/cgroup; exec sleep 1000'],
      {
        cgroups: made.paths,
        hasCgroup2: true,
      },
    );
    const shim = await start(spec);
    await eventually(async () => {
      expect((await readOutput(spec.log.path)).stdout).toBe('0::/\n');
      // The shell's own child is in it as well until it has ended.
      expect(readFileSync(`${made.paths[0]}/cgroup.procs`, 'utf8')).toBe(`${shim.containerPid}\n`);
    });
    await shim.signal(9, { all: true });
    expect(await shim.exited).toMatchObject({ code: 137 });
    await shim.gone;
  });
});
