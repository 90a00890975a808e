import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { closeFd, openTrusted } from '../../../native/index.ts';
import { connectShim, readExitFile, ShimError, startShim } from '../../../engine/runtime/shim.ts';
import { eventually } from '../../lib/eventually.ts';
import { tempDir, type TempDir } from '../../lib/temp-dir.ts';
import { kill9, startInEngine } from './engine-process.ts';
import { makeBox, readOutput, run, start, type SpecChange } from './support.ts';

const made: string[] = [];

async function ownDir(): Promise<TempDir> {
  const dir = await tempDir();
  made.push(dir.path);
  return dir;
}

/** Processes of ours, zombies too, and mounts in this mount namespace. */
function leftovers(): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return [...children(), ...mounts.filter((line) => made.some((path) => line.includes(path)))];
}

function children(): string[] {
  // Each thread has its own, and shims are started by those of the pool.
  return readdirSync('/proc/self/task')
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '))
    .filter((pid) => pid !== '')
    .map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    .filter((stat) => stat.includes('(tscompose-shim)') || stat.includes(') Z '));
}

afterEach(() => {
  expect(leftovers()).toEqual([]);
});

const addressOf = (spec: { paths: { control: string; exit: string } }) => ({
  controlPath: spec.paths.control,
  exitPath: spec.paths.exit,
});

describe('the end of a program', () => {
  test.each<[string, string[], SpecChange, { code: number; signal: number | null }]>([
    ['an exit code', ['sh', '-c', 'exit 3'], {}, { code: 3, signal: null }],
    ['success', ['true'], {}, { code: 0, signal: null }],
    [
      'a code under init',
      ['sh', '-c', 'exit 7'],
      { process: { hasInit: true } },
      { code: 7, signal: null },
    ],
    [
      'a signal to itself',
      ['perl', '-e', 'kill 11, $$; sleep 9'],
      { process: { hasInit: true } },
      { code: 139, signal: null },
    ],
  ])('%s is reported and recorded', async (...[, args, change, expected]) => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, args, change);
    const { exit } = await run(spec);
    expect(exit).toMatchObject({ ...expected, isOomKilled: false, failure: null, isLost: false });
    expect(readExitFile(spec.paths.exit)).toEqual(exit);
    expect(Number(exit.finishedAtNs / 1_000_000n) - Date.now()).toBeLessThanOrEqual(0);
    expect(existsSync(spec.paths.control)).toBe(false);
  });

  test('SIGKILL is 137, and known at once', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, ['sleep', '1000']);
    const shim = await start(spec);
    await shim.signal(9);
    expect(await shim.exited).toMatchObject({ code: 137, signal: 9 });
    await shim.gone;
    await expect(shim.signal(15)).rejects.toMatchObject({ errno: 'ESRCH' });
  });

  test('a signal reaches the program, through init as well', async () => {
    for (const hasInit of [false, true]) {
      await using dir = await ownDir();
      const script = 'trap "echo got; exit 5" USR1; echo ready; while :; do sleep 0.02; done';
      const { spec } = makeBox(dir.path, ['sh', '-c', script], { process: { hasInit } });
      const shim = await start(spec);
      await eventually(async () => {
        expect((await readOutput(spec.log.path)).stdout).toBe('ready\n');
      });
      await shim.signal(10);
      expect(await shim.exited).toMatchObject({ code: 5 });
      await shim.gone;
      expect((await readOutput(spec.log.path)).stdout).toBe('ready\ngot\n');
    }
  });

  test('orphans are reaped by init, and all processes end with the first one', async () => {
    await using dir = await ownDir();
    const script =
      'for i in 1 2 3; do (sh -c "sleep 0.01 & exit" &) ; done; sleep 0.2; ls -d /proc/[0-9]* | wc -l; sleep 1000 & exit 0';
    const { spec } = makeBox(dir.path, ['sh', '-c', script], { process: { hasInit: true } });
    const { stdout } = await run(spec);
    // init, sh, ls, wc
    expect(stdout.trim()).toBe('4');
  });

  test('without a pid namespace what the program leaves behind ends with it', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, ['sh', '-c', 'setsid sleep 1234567 & echo $!; exit 0']);
    const { stdout } = await run({ ...spec, namespaces: spec.namespaces & ~0x20000000 });
    expect(existsSync(`/proc/${stdout.trim()}`)).toBe(false);
  });
});

describe('a program that cannot be started', () => {
  test.each<[string, string[], SpecChange, { stage: string; errno: string; path: string }]>([
    [
      'not in PATH',
      ['no-such-program'],
      {},
      { stage: 'exec', errno: 'ENOENT', path: 'no-such-program' },
    ],
    ['no such file', ['/nowhere/x'], {}, { stage: 'exec', errno: 'ENOENT', path: '/nowhere/x' }],
    ['a directory', ['/etc'], {}, { stage: 'exec', errno: 'EACCES', path: '/etc' }],
    ['not executable', ['/etc/plain'], {}, { stage: 'exec', errno: 'EACCES', path: '/etc/plain' }],
    [
      'not a program',
      ['/etc/garbage'],
      {},
      { stage: 'exec', errno: 'ENOEXEC', path: '/etc/garbage' },
    ],
    [
      'the same under init',
      ['nope'],
      { process: { hasInit: true } },
      { stage: 'exec', errno: 'ENOENT', path: 'nope' },
    ],
    [
      'a file as working directory',
      ['true'],
      { process: { cwd: '/etc/plain' } },
      { stage: 'working-directory', errno: 'ENOTDIR', path: '/etc/plain' },
    ],
    [
      'no such sysctl',
      ['true'],
      { sysctls: [['kernel/nope', '1']] },
      { stage: 'sysctl', errno: 'ENOENT', path: 'kernel/nope' },
    ],
    [
      'no such network namespace',
      ['true'],
      { networkNamespace: '/nowhere/ns' },
      { stage: 'network-namespace', errno: 'ENOENT', path: '/nowhere/ns' },
    ],
    [
      'no such cgroup',
      ['true'],
      { cgroups: ['/sys/fs/cgroup/pids/nowhere'] },
      { stage: 'cgroup', errno: 'ENOENT', path: '/sys/fs/cgroup/pids/nowhere' },
    ],
    [
      'no place for the log',
      ['true'],
      { log: { path: '/nowhere/log' } },
      { stage: 'log', errno: 'ENOENT', path: '/nowhere/log' },
    ],
    [
      'a specification that is refused',
      ['true'],
      { namespaces: 0 },
      { stage: 'specification', errno: 'EINVAL', path: 'namespaces' },
    ],
  ])(
    '%s: the stage, the reason and the path are told and nothing is left',
    async (...[, args, change, expected]) => {
      await using dir = await ownDir();
      const { spec, lower } = makeBox(dir.path, args, change);
      writeFileSync(join(lower, 'etc/plain'), 'text', { mode: 0o644 });
      writeFileSync(join(lower, 'etc/garbage'), '\x01\x02\x03', { mode: 0o755 });
      const error = await start(spec).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(ShimError);
      expect(error).toMatchObject(expected);
      expect(existsSync(spec.paths.control)).toBe(false);
      expect(existsSync(spec.paths.exit)).toBe(false);
    },
  );
});

describe('a shim', () => {
  test('waits for the word to start when told so', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, ['echo', 'ran']);
    const shim = await startShim({ spec, held: [], waitsForStart: true });
    expect(readFileSync(`/proc/${shim.containerPid}/comm`, 'utf8')).toBe('tscompose-shim\n');
    await shim.start();
    expect(await shim.exited).toMatchObject({ code: 0 });
    await shim.gone;
    expect((await readOutput(spec.log.path)).stdout).toBe('ran\n');
  });

  test('outlives its engine, is found again, and tells the exit code', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, [
      'sh',
      '-c',
      'trap "exit 42" TERM; echo up; while :; do sleep 0.02; done',
    ]);
    const engine = await startInEngine(dir.path, { spec, waitsForStart: false });
    await kill9(engine);
    const shim = await connectShim(addressOf(spec));
    expect(shim?.containerPid).toBe(engine.containerPid);
    const stat = readFileSync(`/proc/${engine.containerPid}/stat`, 'utf8');
    expect(String(shim?.containerStartTime)).toBe(
      stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19],
    );
    const second = await connectShim(addressOf(spec));
    await eventually(async () => {
      expect((await readOutput(spec.log.path)).stdout).toBe('up\n');
    });
    await second?.signal(15);
    expect(await shim?.exited).toMatchObject({ code: 42 });
    expect(await second?.exited).toMatchObject({ code: 42 });
    await shim?.gone;
    expect(await connectShim(addressOf(spec))).toBeNull();
  });

  test('is found by another engine from the moment it was spawned', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, ['sleep', '1000']);
    const starting = startShim({ spec, held: [] });
    const other = await connectShim(addressOf(spec));
    const shim = await starting;
    expect(other?.containerPid).toBe(shim.containerPid);
    await other?.signal(9);
    expect(await other?.exited).toMatchObject({ code: 137 });
    await shim.gone;
  });

  test('records an exit that happened while no engine was there', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, [
      'sh',
      '-c',
      'while [ ! -e /tmp/go ]; do sleep 0.02; done; echo bye; exit 9',
    ]);
    const engine = await startInEngine(dir.path, { spec, waitsForStart: false });
    await kill9(engine);
    mkdirSync(`/proc/${engine.containerPid}/root/tmp/go`);
    await eventually(() => {
      expect(existsSync(spec.paths.control)).toBe(false);
    });
    expect(await connectShim(addressOf(spec))).toBeNull();
    expect(readExitFile(spec.paths.exit)).toMatchObject({ code: 9, isLost: false });
    expect((await readOutput(spec.log.path)).stdout).toBe('bye\n');
  });

  test('takes its sandbox down when the engine is gone before the start', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, ['echo', 'never']);
    const engine = await startInEngine(dir.path, { spec, waitsForStart: true });
    await kill9(engine);
    await eventually(() => {
      expect(readExitFile(spec.paths.exit)).toMatchObject({
        code: 128,
        failure: { stage: 'start', errno: 'ECONNRESET' },
      });
      expect(existsSync(`/proc/${engine.containerPid}`)).toBe(false);
    });
    expect((await readOutput(spec.log.path)).stdout).toBe('');
  });

  test('that is killed takes the container along', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, ['sleep', '1000']);
    const shim = await start(spec);
    process.kill(shim.pid, 'SIGTERM');
    process.kill(shim.pid, 'SIGHUP');
    // It still answers. A signal that pid 1 has no handler for is dropped (pid_namespaces(7)).
    await shim.signal(15);
    await shim.signal(9);
    expect(await shim.exited).toMatchObject({ signal: 9, isLost: false });
    await shim.gone;
    await using other = await ownDir();
    const box = makeBox(other.path, ['sleep', '1000']);
    const killed = await start(box.spec);
    process.kill(killed.pid, 'SIGKILL');
    expect(await killed.exited).toMatchObject({ code: 137, signal: 9, isLost: true });
    await killed.gone;
    await eventually(() => {
      expect(existsSync(`/proc/${killed.containerPid}`)).toBe(false);
    });
    expect(await connectShim(addressOf(box.spec))).toBeNull();
    // What it left does not keep the container from being started again.
    const again = await start(box.spec);
    await again.signal(9);
    await again.gone;
  });

  test('serves a few engines at once and no more', async () => {
    await using dir = await ownDir();
    const { spec } = makeBox(dir.path, ['sleep', '1000']);
    const shim = await start(spec);
    const more = [];
    for (let i = 0; i < 8; i++) more.push(await connectShim(addressOf(spec)));
    expect(more.every((one) => one !== null)).toBe(true);
    // It is not gone, it has no time: the next place is for who waits.
    const late = await connectShim(addressOf(spec), { limitMs: 50 });
    expect([late?.isResponsive, late?.containerPid]).toEqual([false, 0]);
    more[0]?.close();
    expect(await late?.answers).toBe(true);
    expect(late?.containerPid).toBe(shim.containerPid);
    late?.close();
    await shim.signal(9);
    for (const one of more.slice(1)) await one?.exited;
    await shim.gone;
  });

  test('reaches a control path that is longer than a socket address', async () => {
    await using dir = await ownDir();
    const deep = join(dir.path, 'x'.repeat(100), 'y'.repeat(100));
    mkdirSync(deep, { recursive: true });
    const { spec } = makeBox(dir.path, ['sleep', '1000']);
    const paths = { ...spec.paths, control: join(deep, 'shim.sock') };
    const shim = await start({ ...spec, paths });
    const other = await connectShim({ controlPath: paths.control, exitPath: paths.exit });
    await other?.signal(9);
    expect(await shim.exited).toMatchObject({ code: 137 });
    await shim.gone;
  });

  test.each([false, true])(
    'holds descriptors and gives none to the program (init: %s)',
    async (hasInit) => {
      await using dir = await ownDir();
      const { spec } = makeBox(dir.path, ['sleep', '1000'], { process: { hasInit } });
      const held = openTrusted('/etc/hostname', 0);
      const shim = await startShim({ spec, held: [held] });
      closeFd(held);
      expect(descriptorsOf(shim.pid)).toContain('/etc/hostname');
      const own = ['/dev/null', 'pipe', 'pipe'];
      // The report that it runs is one of those that exec closes, in the order of their numbers: those behind it go
      // after it, before the program's first instruction.
      await eventually(() => {
        if (hasInit) {
          expect(descriptorsOf(shim.containerPid)).toEqual(['/dev/null', '/dev/null', '/dev/null']);
          expect(descriptorsOf(firstChildOf(shim.containerPid))).toEqual(own);
        } else {
          expect(descriptorsOf(shim.containerPid)).toEqual(own);
        }
      });
      await shim.signal(9);
      await shim.gone;
    },
  );
});

function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) =>
    readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, ''),
  );
}

function firstChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
}
