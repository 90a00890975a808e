import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { EarlyShim } from '../../../engine/runtime/early-shim.ts';
import { readExitFile, startShim } from '../../../engine/runtime/shim.ts';
import { closeFd, createPipe, onExit, openTrusted } from '../../../native/index.ts';
import type { Fd, ProcessExit } from '../../../native/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { makeBox } from './support.ts';

afterEach(() => {
  expect(children()).toEqual([]);
});

/** Of ours: shims, and what nobody has waited for. */
function children(): readonly string[] {
  // Each thread has its own, and shims are started by those of the pool.
  return readdirSync('/proc/self/task')
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '))
    .filter((pid) => pid !== '')
    .map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    .filter((stat) => stat.includes('(tscompose-shim)') || stat.includes(') Z '));
}

async function exitOf(pidfd: Fd): Promise<ProcessExit | null> {
  const exit = await new Promise<ProcessExit | null>((resolve) => onExit(pidfd, resolve));
  closeFd(pidfd);
  return exit;
}

function held(count: number): readonly Fd[] {
  return Array.from({ length: count }, () => openTrusted('/etc/hostname', 0));
}

describe('a shim that is started before it is known what for', () => {
  test('must end when it is not wanted any more, asked once or twice', async () => {
    const early = EarlyShim.spawn('a');
    await Promise.all([early.abandon(), early.abandon()]);
  });

  test('must end as well when somebody has stopped it', async () => {
    const early = EarlyShim.spawn('a');
    await eventually(() => {
      expect(children()).toHaveLength(1);
    });
    process.kill(Number.parseInt(children()[0] ?? '', 10), 'SIGSTOP');
    await early.abandon();
  });

  test.each([0, 1, 252, 700])(
    'must hold the %d descriptors it is given, in their order',
    async (count) => {
      await using dir = await tempDir();
      const { spec } = makeBox(dir.path, ['sleep', '1000']);
      const given = [...held(count), ...createPipe()];
      const shim = await startShim({ spec, held: given, early: EarlyShim.spawn(spec.id) });
      for (const fd of given) closeFd(fd);
      const open = readdirSync(`/proc/${shim.pid}/fd`)
        .map(Number)
        .sort((one, other) => one - other)
        .filter((fd) => fd >= 6)
        .map((fd) => readlinkSync(`/proc/${shim.pid}/fd/${fd}`));
      expect(open.slice(0, count)).toEqual(Array(count).fill('/etc/hostname'));
      expect(open[count]).toMatch(/^pipe:/);
      await shim.signal(9);
      await shim.gone;
    },
  );

  test('must refuse what is no specification, and leave nothing', async () => {
    const early = EarlyShim.spawn('a');
    const given = held(2);
    const { pidfd, socket } = await early.handOver(given);
    for (const fd of given) closeFd(fd);
    expect(await exitOf(pidfd)).toEqual({ code: 1, signal: null });
    closeFd(socket);
  });

  test('must be told as killed when it was', async () => {
    await using dir = await tempDir();
    const { spec } = makeBox(dir.path, ['true']);
    const early = EarlyShim.spawn(spec.id);
    await eventually(() => {
      expect(children()).toHaveLength(1);
    });
    process.kill(Number.parseInt(children()[0] ?? '', 10), 'SIGKILL');
    await expect(startShim({ spec, held: [], early })).rejects.toThrow('was killed');
    expect(readExitFile(spec.paths.exit)).toBeNull();
  });
});
