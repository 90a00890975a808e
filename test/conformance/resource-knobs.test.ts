/** Every resource option of `docker run` that the other files do not have, judged by the kernel or by Docker's own words. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { eventually } from '../lib/eventually.ts';

const top = '/sys/fs/cgroup';
const isLegacy = existsSync(`${top}/memory/tasks`);
const hasRealtime = existsSync(`${top}/cpu/cpu.rt_runtime_us`);
const disk = readdirSync('/sys/block').find((name) => /^(vd|sd|nvme)/.test(name)) ?? '';
const number = disk === '' ? '' : readFileSync(`/sys/block/${disk}/dev`, 'utf8').trim();

describe.skipIf(absentForDocker.length > 0)(
  `resource options (missing: ${absentForDocker.join() || 'nothing'})`,
  () => {
    const used = useDockerEngine();

    describe.skipIf(!isLegacy)('on cgroup v1', () => {
      /** What the kernel has for a container with these options. */
      async function control(options: readonly string[], path: string): Promise<string> {
        const id = await used.docker.ok('run', '-d', '--init', ...options, 'app', 'sleep', '1000');
        const [controller = '', file = ''] = path.split('/');
        return readFileSync(
          `${top}/${controller}/${used.engine.instance}/${id}/${file}`,
          'utf8',
        ).trim();
      }

      test.each([
        [
          ['--memory', '64m', '--memory-swap', '96m'],
          'memory/memory.memsw.limit_in_bytes',
          '100663296',
        ],
        [['--memory', '64m'], 'memory/memory.memsw.limit_in_bytes', '134217728'],
        [['--memory-swappiness', '10'], 'memory/memory.swappiness', '10'],
        [['--cpus', '0.5'], 'cpu/cpu.cfs_quota_us', '50000'],
        [['--cpu-quota', '20000', '--cpu-period', '50000'], 'cpu/cpu.cfs_period_us', '50000'],
        [['--cpuset-mems', '0'], 'cpuset/cpuset.mems', '0'],
        [['--pids-limit', '-1'], 'pids/pids.max', 'max'],
      ])('%j must be in %s as %s', async (options, path, value) => {
        expect(await control(options, path)).toBe(value);
      });

      test('a container that may not be killed for memory must wait', async () => {
        const options = ['--memory', '16m', '--oom-kill-disable'];
        const text = await control(options, 'memory/memory.oom_control');
        expect(text).toContain('oom_kill_disable 1');
      });

      test('the same without a limit must be warned of', async () => {
        const { stderr } = await used.docker.run('create', '--oom-kill-disable', 'app', 'true');
        expect(stderr).toContain('OOM killer is disabled for the container, but no memory limit');
      });

      test.skipIf(!hasRealtime)('real-time must be lent by the groups above', async () => {
        const options = ['--cpu-rt-period', '1000000', '--cpu-rt-runtime', '5000'];
        expect(await control(options, 'cpu/cpu.rt_runtime_us')).toBe('5000');
      });

      test.skipIf(disk === '')(
        'rates of a block device must be where the kernel has them',
        async () => {
          const options = [
            '--device-read-bps',
            `/dev/${disk}:1mb`,
            '--device-write-iops',
            `/dev/${disk}:7`,
          ];
          const file = 'blkio/blkio.throttle.read_bps_device';
          expect(await control(options, file)).toBe(`${number} 1048576`);
        },
      );

      test('an update of which one value is refused must leave all of them', async () => {
        const path = 'memory/memory.limit_in_bytes';
        expect(await control(['--memory', '64m', '--name', 'kept'], path)).toBe('67108864');
        const id = await used.docker.ok('inspect', '-f', '{{.Id}}', 'kept');
        const limits = ['--memory', '32m', '--memory-swap', '32m', '--cpu-shares', '99'];
        const { code } = await used.docker.run(
          'update',
          ...limits,
          '--pids-limit',
          '99999999',
          'kept',
        );
        const read = (file: string): string =>
          readFileSync(
            `${top}/${file.replace('/', `/${used.engine.instance}/${id}/`)}`,
            'utf8',
          ).trim();
        expect([
          code,
          read(path),
          read('memory/memory.memsw.limit_in_bytes'),
          read('cpu/cpu.shares'),
        ]).toEqual([1, '67108864', '134217728', '1024']);
      });
    });

    test.skipIf(!isLegacy)('a weight must be set, or left out with Docker’s warning', async () => {
      const options = ['--name', 'weighed', '--blkio-weight', '300'];
      const { stderr } = await used.docker.run('run', '-d', ...options, 'app', 'sleep', '1000');
      const id = await used.docker.ok('inspect', '-f', '{{.Id}}', 'weighed');
      const files = ['blkio.weight', 'blkio.bfq.weight']
        .map((name) => `${top}/blkio/${used.engine.instance}/${id}/${name}`)
        .filter((path) => existsSync(path));
      expect(files.map((path) => readFileSync(path, 'utf8').trim())).toEqual(
        files.map(() => '300'),
      );
      expect(stderr.includes('does not support Block I/O weight')).toBe(files.length === 0);
    });

    test.each([
      [['--cpus', '1000'], 'range of CPUs is from 0.01 to'],
      [
        ['--cpuset-cpus', '0-4095'],
        'Requested CPUs are not available - requested 0-4095, available: 0',
      ],
      [['--cpuset-cpus', '0-4294967295'], 'Invalid value 0-4294967295 for cpuset cpus'],
      [['--cpuset-mems', '77'], 'Requested memory nodes are not available - requested 77'],
      [['--memory-reservation', '5m'], 'Minimum memory reservation allowed is 6MB'],
      [
        ['--memory-swap', '64m'],
        'You should always set the Memory limit when using Memoryswap limit',
      ],
      [['--cpu-rt-period', '10', '--cpu-rt-runtime', '20'], 'cpu real-time'],
      [['--oom-score-adj', '2000'], 'range for oom score adj is [-1000, 1000]'],
      [['--blkio-weight', '5'], 'Range of blkio weight is from 10 to 1000'],
    ])('%j must be refused in Docker’s words', async (options, message) => {
      const { code, stderr } = await used.docker.run('create', ...options, 'app', 'true');
      expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
    });

    test('a kill for memory must be told by an event before the end', async () => {
      const limits = ['--memory', '16m', '--memory-swap', '16m'];
      const events = used.docker.start(
        'events',
        '--filter',
        'container=eater',
        '--format',
        '{{.Action}}',
      );
      await used.docker.run('run', ...limits, '--name', 'eater', 'app', 'tail', '/dev/zero');
      await eventually(() => {
        expect(events.stdout().trim().split('\n').slice(-2)).toEqual(['oom', 'die']);
      });
      await events[Symbol.asyncDispose]();
    });

    test('info must say which limits there are', async () => {
      const format = '{{.MemoryLimit}} {{.PidsLimit}} {{.CPUSet}} {{.OomKillDisable}}';
      expect(await used.docker.ok('info', '--format', format)).toBe(`true true true ${isLegacy}`);
    });
  },
);
