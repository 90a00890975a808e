/** Every limit that can be asked for, where the kernel of a machine with cgroup v2 alone keeps it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ContainerStats, ContainerTop } from '../../engine/api/index.ts';
import { engineCgroup, missingForMicrovm, useGuest } from './guest.ts';

const names = missingForMicrovm.join() || 'nothing';
const mebibyte = 1 << 20;

type Row = readonly [name: string, file: string, value: string];

/** One container with all of them that do not contradict each other, so that it is made once. */
const options = [
  ...['--memory', '64m', '--memory-swap', '96m', '--memory-reservation', '32m'],
  ...['--cpu-quota', '20000', '--cpu-period', '50000', '--cpu-shares', '512'],
  ...['--cpuset-cpus', '1', '--cpuset-mems', '0', '--pids-limit', '20'],
  ...['--blkio-weight', '300'],
  ...['--device-read-bps', '/dev/vda:1mb', '--device-write-bps', '/dev/vda:2mb'],
  ...['--device-read-iops', '/dev/vda:300', '--device-write-iops', '/dev/vda:400'],
  ...['--oom-score-adj', '321', '--shm-size', '8m'],
  ...['--ulimit', 'nofile=100:200', '--ulimit', 'core=0', '--ulimit', 'rtprio=7'],
];

const rows: readonly Row[] = [
  ['the limit of memory', 'memory.max', String(64 * mebibyte)],
  ['swap, without the memory', 'memory.swap.max', String(32 * mebibyte)],
  ['the reservation of memory', 'memory.low', String(32 * mebibyte)],
  ['killing one process only, as docker', 'memory.oom.group', '0'],
  ['quota and period', 'cpu.max', '20000 50000'],
  ['shares as weight', 'cpu.weight', '20'],
  ['the set of CPUs', 'cpuset.cpus', '1'],
  ['the set of memory nodes', 'cpuset.mems', '0'],
  ['the number of processes', 'pids.max', '20'],
  ['rates of a block device', 'io.max', 'DISK rbps=1048576 wbps=2097152 riops=300 wiops=400'],
];

describe.skipIf(missingForMicrovm.length > 0)(`limits on cgroup v2 (missing: ${names})`, () => {
  const guest = useGuest();

  describe('all at once', () => {
    let id = '';
    let files = new Map<string, string>();

    beforeAll(async () => {
      id = await guest.running(...options);
      const script = `cd ${engineCgroup}/${id}
        disk=$(cat /sys/block/vda/dev)
        for file in *.*; do printf '\\036%s\\037' $file; cat $file 2>/dev/null | sed "s/^$disk /DISK /"; done`;
      const records = (await guest.ok(script)).split('\x1e').slice(1);
      files = new Map(
        records.map((record) => {
          const [file = '', text = ''] = record.split('\x1f');
          return [file, text.trim()];
        }),
      );
    });
    afterAll(async () => {
      await guest.docker.ok('rm', '-f', id);
    });

    test.each(rows)('%s must be in %s', (_name, file, value) => {
      expect(files.get(file)).toBe(value);
    });

    test('the weight of blocks must be in the scale of the scheduler that is loaded', () => {
      const bfq = files.get('io.bfq.weight');
      const expected = bfq === undefined ? 'default 2930' : 'default 300';
      expect(bfq ?? files.get('io.weight')).toBe(expected);
    });

    test.each([
      ['ulimits', 'ulimit -n; ulimit -Hn; ulimit -c; ulimit -r', '100\n200\n0\n7'],
      ['the score', 'cat /proc/1/oom_score_adj', '321'],
      ['the size of shared memory', 'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2', '8192'],
      ['the CPUs', 'grep Cpus_allowed_list /proc/self/status | tr -d "\\t"', 'Cpus_allowed_list:1'],
      ['its limit', 'cat /sys/fs/cgroup/memory.max', String(64 * mebibyte)],
    ])('%s must hold for what runs in it', async (_name, script, value) => {
      expect(await guest.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', script)).toBe(value);
    });

    test('stats must be what the kernel counts', async () => {
      const stats = await guest.get<ContainerStats>(
        `/containers/${id}/stats?stream=false&one-shot=true`,
      );
      expect(stats.memory_stats.limit).toBe(64 * mebibyte);
      expect(stats.pids_stats).toEqual({ current: 2, limit: 20 });
      expect(Object.keys(stats.memory_stats.stats ?? {})).toEqual(
        expect.arrayContaining(['anon', 'file', 'inactive_file', 'pgfault']),
      );
      const used = Number(await guest.read(id, 'memory.current'));
      expect(Math.abs((stats.memory_stats.usage ?? 0) - used)).toBeLessThan(mebibyte);
      const [, usec] = /^usage_usec (\d+)$/m.exec(await guest.read(id, 'cpu.stat')) ?? [];
      const counted = stats.cpu_stats.cpu_usage.total_usage / 1000;
      expect(counted).toBeGreaterThan(0);
      expect(counted).toBeLessThanOrEqual(Number(usec));
      expect(stats.cpu_stats.online_cpus).toBe(2);
    });

    test('top must list the processes of the cgroup', async () => {
      const { Titles, Processes } = await guest.get<ContainerTop>(`/containers/${id}/top`);
      const pids = (await guest.read(id, 'cgroup.procs')).split('\n').sort();
      const column = Titles.indexOf('PID');
      expect(Processes.map((row) => row[column]).sort()).toEqual(pids);
      expect(Processes.map((row) => row.at(-1)).sort()).toEqual([
        '/bin/busybox sleep 1000',
        '/sbin/docker-init -- /bin/busybox sleep 1000',
      ]);
    });
  });

  test.each<readonly [string, readonly string[], string, string]>([
    ['as much swap as memory', ['--memory', '64m'], 'memory.swap.max', String(64 * mebibyte)],
    ['no swap', ['--memory', '64m', '--memory-swap', '64m'], 'memory.swap.max', '0'],
    ['any swap', ['--memory', '64m', '--memory-swap', '-1'], 'memory.swap.max', 'max'],
    ['half a CPU', ['--cpus', '0.5'], 'cpu.max', '50000 100000'],
    ['any number of processes', ['--pids-limit', '-1'], 'pids.max', 'max'],
  ])('%s must be what %j means', async (_name, asked, file, value) => {
    expect(await guest.output(asked, 'cat', `/sys/fs/cgroup/${file}`)).toBe(value);
  });

  test('what v2 has not got must be left out, each with its warning', async () => {
    const asked = ['--memory-swappiness', '10', '--oom-kill-disable', '--memory', '64m'];
    const { code, stderr } = await guest.attempt(asked, 'true');
    expect([code, stderr.match(/\w+(?: swappiness)? discarded/g)]).toEqual([
      0,
      ['Memory swappiness discarded', 'OomKillDisable discarded'],
    ]);
  });

  test.each([
    [['--cpus', '3'], 'range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
    [['--cpuset-cpus', '0-7'], 'Requested CPUs are not available - requested 0-7, available: 0-1'],
    [
      ['--cpuset-mems', '1'],
      'Requested memory nodes are not available - requested 1, available: 0',
    ],
    [['--memory', '5m'], 'Minimum memory limit allowed is 6MB'],
    [['--cpu-rt-runtime', '5'], 'kernel does not support CPU real-time scheduler'],
  ])('%j must be refused in docker’s words', async (asked, message) => {
    const { code, stderr } = await guest.attempt(asked, 'true');
    expect([code, stderr]).toEqual([125, expect.stringContaining(message)]);
  });

  test('a container that takes too much must be killed, with exit code 137 and OOMKilled', async () => {
    const limits = ['--memory', '16m', '--memory-swap', '16m'];
    const since = await guest.ok('date +%s');
    const { code } = await guest.docker.run(
      'run',
      ...limits,
      '--name',
      'eater',
      'app',
      'tail',
      '/dev/zero',
    );
    expect(code).toBe(137);
    const state = await guest.docker.ok(
      'inspect',
      '-f',
      '{{.State.OOMKilled}} {{.State.ExitCode}}',
      'eater',
    );
    expect(state).toBe('true 137');
    const filters = [
      '--filter',
      'container=eater',
      '--filter',
      'event=oom',
      '--filter',
      'event=die',
    ];
    const until = String(Number(await guest.ok('date +%s')) + 1);
    const range = ['--since', since, '--until', until];
    expect(await guest.docker.ok('events', ...range, ...filters, '--format', '{{.Action}}')).toBe(
      'oom\ndie',
    );
    await guest.docker.ok('rm', 'eater');
  });

  test('a process that is killed for memory must not take its container along', async () => {
    const limits = ['--memory', '16m', '--memory-swap', '16m'];
    expect(
      await guest.output(limits, 'sh', '-c', '(busybox tail /dev/zero); echo "$? and alive"'),
    ).toBe('137 and alive');
  });

  test('the limit of processes must hold', async () => {
    const { stderr } = await guest.attempt(
      ['--pids-limit', '3'],
      ...['sh', '-c', 'for i in 1 2 3 4 5; do sleep 1 & done; wait'],
    );
    expect(stderr).toContain("can't fork");
  });

  test('a reservation must be handed down by the group above', async () => {
    const first = await guest.running('--memory-reservation', '16m');
    const second = await guest.running('--memory-reservation', '8m');
    const sum = async (): Promise<string> => await guest.ok(`cat ${engineCgroup}/memory.low`);
    expect(await sum()).toBe(String(24 * mebibyte));
    await guest.docker.ok('update', '--memory-reservation', '32m', second);
    expect(await sum()).toBe(String(48 * mebibyte));
    await guest.docker.ok('rm', '-f', first, second);
  });
});
