import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createId } from '../../../engine/lib/index.ts';
import { Cgroups, defaultDeviceRules, everyDeviceRule } from '../../../engine/runtime/index.ts';
import type { CgroupPlacement, DeviceRule } from '../../../engine/runtime/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';

const absent = missing('root');
const confined = { devices: defaultDeviceRules, limits: {} };
const isLegacy = Cgroups.discover({ instance: 'probe' }).placement('x').hasDeviceControl;

type Child = ChildProcessByStdio<Writable, Readable, null>;

let cgroups: Cgroups;
let id: string;
const children = new Set<Child>();

beforeEach(() => {
  cgroups = Cgroups.discover({ instance: `tsc-test-${randomBytes(3).toString('hex')}` });
  id = createId();
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  for (const left of cgroups.list()) await cgroups.remove(left);
  cgroups.removeEmptyInstance();
  expect(
    cgroups
      .directories('')
      .map((path) => dirname(`${path}/.`))
      .filter((path) => existsSync(path)),
  ).toEqual([]);
});

/** Runs a shell script inside the cgroups: the shell walks in before the first line. */
function runInside(
  { directories }: CgroupPlacement,
  script: string,
  ...args: readonly string[]
): Child {
  const enter = directories.map((directory) => `echo 0 > '${directory}/cgroup.procs'`).join(' && ');
  const child = spawn('sh', ['-c', `${enter} || exit 99\n${script}`, 'sh', ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  return child;
}

async function outputOf(child: Child): Promise<string> {
  const chunks: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  await once(child, 'close');
  return chunks.join('');
}

/** Reads one line per echo of the child's. */
function conversation(child: Child): { ask: (text: string) => Promise<string> } {
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    ask: async (text) => {
      child.stdin.write(`${text}\n`);
      const { value } = (await lines.next()) as { value: string };
      return value;
    },
  };
}

const echo = 'while read -r line; do echo "$line"; done';

describe.skipIf(absent.length > 0)(`cgroups (missing: ${absent.join(', ') || 'nothing'})`, () => {
  test("a container must have a directory in every hierarchy, and none after its removal; the engine's own must stay until it ends", async () => {
    const placement = cgroups.create(id, confined);
    expect(placement.directories.length).toBeGreaterThan(0);
    expect(placement.directories.every((path) => existsSync(path))).toBe(true);
    expect(cgroups.list()).toEqual([id]);
    await cgroups.remove(id);
    expect(placement.directories.some((path) => existsSync(path))).toBe(false);
    expect(placement.directories.every((path) => existsSync(dirname(path)))).toBe(true);
    await cgroups.remove(id);
    cgroups.removeEmptyInstance();
    expect(placement.directories.some((path) => existsSync(dirname(path)))).toBe(false);
  });

  test('removing one container must leave the other', async () => {
    const other = createId();
    cgroups.create(id, confined);
    const { directories } = cgroups.create(other, confined);
    await cgroups.remove(id);
    expect(directories.every((path) => existsSync(path))).toBe(true);
    expect(cgroups.list()).toEqual([other]);
  });

  test('its processes must be known, also those in groups it made itself', async () => {
    const placement = cgroups.create(id, confined);
    const [first = ''] = placement.directories;
    mkdirSync(join(first, 'inner'));
    const child = runInside(placement, echo);
    await conversation(child).ask('ready');
    expect(cgroups.pids(id)).toEqual([child.pid]);
    const inner = runInside({ ...placement, directories: [join(first, 'inner')] }, echo);
    await conversation(inner).ask('ready');
    expect(new Set(cgroups.pids(id))).toEqual(new Set([child.pid, inner.pid]));
  });

  test('what a killed engine has left under the same id must not count', async () => {
    const first = cgroups.create(id, { ...confined, limits: { pids: 7 } });
    const again = cgroups.create(id, confined);
    expect(again).toEqual(first);
    const pids =
      again.directories.map((path) => join(path, 'pids.max')).find((path) => existsSync(path)) ??
      '';
    expect(readFileSync(pids, 'utf8')).toBe('max\n');
    await cgroups.remove(id);
  });

  test('an engine killed before the last directory must leave none to the next', () => {
    const { directories } = cgroups.create(id, confined);
    for (const directory of directories) rmdirSync(directory);
    const parents = directories.map((path) => dirname(path));
    expect(parents.every((path) => existsSync(path))).toBe(true);
    expect(cgroups.list()).toEqual([]);
    cgroups.removeEmptyInstance();
    expect(parents.filter((path) => existsSync(path))).toEqual([]);
  });

  test('a limit that cannot be must leave nothing', () => {
    expect(() => cgroups.create(id, { ...confined, limits: { memoryBytes: 1 } })).toThrow(
      'Minimum memory limit allowed is 6MB',
    );
    expect(() => cgroups.create(id, { ...confined, limits: { pids: 2 ** 52 } })).toThrow(
      'the kernel refused',
    );
    expect(cgroups.list()).toEqual([]);
    for (const path of cgroups.directories(id)) expect(existsSync(path)).toBe(false);
  });

  test('a container with living processes must not be removed, and be removed once they are killed', async () => {
    const placement = cgroups.create(id, confined);
    const child = runInside(placement, echo);
    await conversation(child).ask('ready');
    await expect(cgroups.remove(id, AbortSignal.timeout(50))).rejects.toThrow(/abort/i);
    expect(cgroups.pids(id)).toEqual([child.pid]);
    child.kill('SIGKILL');
    await cgroups.remove(id);
    expect(cgroups.list()).toEqual([]);
  });

  test('a limit of processes must hold', async () => {
    const placement = cgroups.create(id, { ...confined, limits: { pids: 1 } });
    const output = await outputOf(
      runInside(placement, '(true) 2>/dev/null && echo forked; echo end'),
    );
    expect(output).toBe('');
  });

  test('a process over its memory must be killed and counted', async () => {
    const placement = cgroups.create(id, {
      ...confined,
      limits: { memoryBytes: 16 << 20, memorySwapBytes: 16 << 20 },
    });
    const output = await outputOf(
      runInside(placement, 'head -c 64m /dev/zero | tail -c 64m >/dev/null; echo "exit $?"'),
    );
    expect(output).toBe('exit 137\n');
    expect(cgroups.oomKills(id)).toBe(1);
  });

  test('limits of memory and CPU must be where the kernel reads them', () => {
    const { directories } = cgroups.create(id, {
      ...confined,
      limits: { memoryBytes: 64 << 20, nanoCpus: 500_000_000, cpuShares: 512 },
    });
    const read = (name: string): readonly string[] =>
      directories
        .map((path) => join(path, name))
        .filter((path) => existsSync(path))
        .map((path) => readFileSync(path, 'utf8').trim());
    const legacy = [read('memory.limit_in_bytes'), read('cpu.cfs_quota_us'), read('cpu.shares')];
    const unified = [read('memory.max'), read('cpu.max'), read('cpu.weight')];
    expect(isLegacy ? legacy : unified).toEqual(
      isLegacy ? [['67108864'], ['50000'], ['512']] : [['67108864'], ['50000 100000'], ['20']],
    );
  });

  test('a frozen container must not run until it is thawed', async () => {
    const child = runInside(cgroups.create(id, confined), echo);
    const { ask } = conversation(child);
    expect(await ask('before')).toBe('before');
    await cgroups.freeze(id);
    let hasAnswered = false;
    const answer = ask('while frozen').finally(() => {
      hasAnswered = true;
    });
    // One that is stopped stays where it is however long it is looked at; the kernel has just said that it is.
    await eventually(() => {
      expect(readFileSync(`/proc/${child.pid ?? 0}/wchan`, 'utf8')).toMatch(/freez|signal/);
    });
    expect(hasAnswered).toBe(false);
    cgroups.thaw(id);
    expect(await answer).toBe('while frozen');
  });

  test('a kill must reach every process, where the kernel can do it', async () => {
    const placement = cgroups.create(id, confined);
    const child = runInside(placement, `sleep 1000 & sleep 1000 & echo $!; wait`);
    await once(child.stdout, 'data');
    expect(cgroups.pids(id)).toHaveLength(3);
    if (!cgroups.kill(id)) child.kill('SIGKILL');
    else
      await eventually(() => {
        expect(cgroups.pids(id)).toEqual([]);
      });
  });
});

/** The v2 hierarchy of a hybrid host taken for the only one: it has no controllers, but all else of v2. */
const unifiedLine = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .find((line) => line.includes(' - cgroup2 '));

describe.skipIf(absent.length > 0 || unifiedLine === undefined)('v2 alone', () => {
  let alone: Cgroups;

  beforeEach(() => {
    const instance = `tsc-test-${randomBytes(3).toString('hex')}`;
    alone = Cgroups.discover({ instance, mountinfo: unifiedLine ?? '' });
  });

  afterEach(async () => {
    for (const left of alone.list()) await alone.remove(left);
    alone.removeEmptyInstance();
    expect(alone.directories('').filter((path) => existsSync(path))).toEqual([]);
  });

  test('a container must be frozen, thawed, killed and removed with what it made', async () => {
    const placement = alone.create(id, confined);
    expect([
      placement.directories.length,
      placement.hasCgroup2,
      placement.hasDeviceControl,
    ]).toEqual([1, true, true]);
    mkdirSync(join(placement.directories[0] ?? '', 'a', 'b'), { recursive: true });
    const child = runInside(placement, echo);
    await conversation(child).ask('ready');
    await alone.freeze(id, AbortSignal.timeout(5000));
    expect(readFileSync(join(placement.directories[0] ?? '', 'cgroup.events'), 'utf8')).toContain(
      'frozen 1',
    );
    alone.thaw(id);
    expect(alone.kill(id)).toBe(true);
    await alone.remove(id);
    expect(alone.list()).toEqual([]);
    expect(alone.kill(id)).toBe(false);
    expect(alone.pids(id)).toEqual([]);
  });

  test.skipIf(!isLegacy)(
    'a limit whose controller is missing must be left out with a warning',
    () => {
      const limits = { memoryBytes: 64 << 20, memorySwapBytes: -1, pids: 7 };
      expect(alone.check(limits)).toEqual([
        expect.stringContaining('does not support memory limit capabilities'),
        expect.stringContaining('does not support PIDs limit capabilities'),
      ]);
      expect(alone.create(id, { ...confined, limits }).directories).toHaveLength(1);
    },
  );
});

/** "c 1:3" → what a process in the container gets for making and for opening it. */
async function deviceMatrix(
  placement: CgroupPlacement,
  numbers: readonly string[],
): Promise<readonly string[]> {
  await using dir = await tempDir();
  const script = `
    directory=$1; shift
    for number; do
      set -- $number
      node=$directory/$1-$2-$3
      make=refused; open=refused
      mknod "$node" $1 $2 $3 2>/dev/null && make=made
      reason=$( ( : < "$node" ) 2>&1 ) && open=opened
      case $reason in *"not permitted"*) ;; ?*) open="allowed" ;; esac
      echo "$1 $2:$3 $make $open"
    done`;
  const output = await outputOf(runInside(placement, script, dir.path, ...numbers));
  return output.trim().split('\n');
}

/** Containers of either version: what a hybrid host has of v2 decides about devices as a v2 host does. */
const deviceControllers: readonly (readonly [string, () => Cgroups])[] = [
  ...(isLegacy ? [['the v1 controller', () => cgroups] as const] : []),
  ...(unifiedLine === undefined
    ? []
    : [
        [
          'a program of v2',
          () =>
            Cgroups.discover({
              instance: `tsc-test-${randomBytes(3).toString('hex')}`,
              mountinfo: unifiedLine,
            }),
        ] as const,
      ]),
];

describe.skipIf(absent.length > 0).each(deviceControllers)('devices by %s', (_name, choose) => {
  let owner: Cgroups;

  beforeEach(() => {
    owner = choose();
  });

  afterEach(async () => {
    for (const left of owner.list()) await owner.remove(left);
    owner.removeEmptyInstance();
  });

  const closed = [
    'c 1 1',
    'c 1 2',
    'c 1 4',
    'c 1 11',
    'c 4 0',
    'c 4 64',
    'c 5 1',
    'c 7 0',
    'c 10 1',
    'c 10 200',
    'c 10 229',
    'c 10 232',
    'c 10 237',
    'c 29 0',
    'c 202 0',
    'c 226 0',
    'b 7 0',
    'b 8 0',
    'b 254 0',
    'b 259 0',
  ];
  const open = ['c 1 3', 'c 1 5', 'c 1 7', 'c 1 8', 'c 1 9'];
  // Allowed, but there is no terminal and no such pseudo terminal: ENXIO, EIO.
  const withoutPeer = ['c 5 0', 'c 136 4095'];

  test('by default anything may be made, and only the harmless be opened', async () => {
    const matrix = await deviceMatrix(owner.create(id, confined), [
      ...closed,
      ...open,
      ...withoutPeer,
    ]);
    expect(matrix).toEqual([
      ...closed.map((number) => `${number.replace(/ (\d+)$/, ':$1')} made refused`),
      ...open.map((number) => `${number.replace(/ (\d+)$/, ':$1')} made opened`),
      ...withoutPeer.map((number) => `${number.replace(/ (\d+)$/, ':$1')} made allowed`),
    ]);
  });

  test('a device that was asked for must be open, and none beside it', async () => {
    const rule: DeviceRule = { type: 'char', major: 1, minor: 11, access: 'r' };
    const placement = owner.create(id, { ...confined, devices: [...defaultDeviceRules, rule] });
    const matrix = await deviceMatrix(placement, ['c 1 11', 'c 1 1']);
    expect(matrix).toEqual(['c 1:11 made opened', 'c 1:1 made refused']);
  });

  test('a privileged container must be confined by nothing', async () => {
    const placement = owner.create(id, { ...confined, devices: [everyDeviceRule] });
    expect(await deviceMatrix(placement, ['c 1 11', 'c 10 229'])).toEqual([
      'c 1:11 made opened',
      'c 10:229 made opened',
    ]);
  });

  test('no rule at all must close everything, making included', async () => {
    const placement = owner.create(id, { ...confined, devices: [] });
    expect(await deviceMatrix(placement, ['c 1 3'])).toEqual(['c 1:3 refused allowed']);
  });
});
