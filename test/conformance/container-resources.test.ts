/** Pausing, limits, statistics and processes, asked for by the real `docker` command and judged inside the container. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ContainerStats } from '../../engine/api/index.ts';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { dockerCli, type DockerCli } from '../lib/docker-cli.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

/** One sample without a first to compare with. */
function oneShot(socket: string, id: string): ContainerStats {
  const url = `http://localhost/v1.51/containers/${id}/stats?stream=false&one-shot=true`;
  const answer = execFileSync('curl', ['-s', '--unix-socket', socket, url], { encoding: 'utf8' });
  return JSON.parse(answer) as ContainerStats;
}

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

describe.skipIf(absent.length > 0)(`resources (missing: ${absent.join() || 'nothing'})`, () => {
  let engine: TestEngine;
  let docker: DockerCli;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await engine.start();
    docker = dockerCli({
      address: `unix://${engine.socket}`,
      configDirectory: join(engine.root, 'docker'),
    });
    const archive = execFileSync('tar', ['-C', '/', '-c', 'bin/busybox'], { maxBuffer: 64 << 20 });
    await docker.runWithInput(
      archive,
      ...['import', '--change', 'ENTRYPOINT ["/bin/busybox"]', '-', 'app'],
    );
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await expectNoLeaks(before, engine.scope);
  });

  async function running(...options: readonly string[]): Promise<AsyncDisposable & { id: string }> {
    const script = 'trap "exit 0" TERM; while :; do echo tick; sleep 0.02; done';
    const id = await docker.ok('create', ...options, 'app', 'sh', '-c', script);
    await docker.ok('start', id);
    return {
      id,
      [Symbol.asyncDispose]: async () => {
        await docker.run('rm', '-f', id);
      },
    };
  }

  async function stateOf(id: string): Promise<string> {
    return await docker.ok('inspect', '--format', '{{.State.Status}} {{.State.Paused}}', id);
  }

  async function ticks(id: string): Promise<number> {
    return (await docker.ok('logs', id)).length;
  }

  describe('pause', () => {
    test('a paused container must stand still until it is unpaused', async () => {
      await using container = await running();
      const { id } = container;
      await eventually(async () => {
        expect(await ticks(id)).toBeGreaterThan(0);
      });
      await docker.ok('pause', id);
      expect(await stateOf(id)).toBe('paused true');
      const before = await ticks(id);
      // 25 turns of the loop fit into this answer of ps, and none may have happened.
      await docker.ok('stats', '--no-stream', id);
      expect(await ticks(id)).toBe(before);
      expect(await docker.ok('ps', '--format', '{{.Status}}', '--filter', `id=${id}`)).toMatch(
        /^Up .*\(Paused\)$/,
      );
      await docker.ok('unpause', id);
      expect(await stateOf(id)).toBe('running false');
      await eventually(async () => {
        expect(await ticks(id)).toBeGreaterThan(before);
      });
    });

    test('pausing twice, unpausing what runs and pausing what does not must be conflicts', async () => {
      await using container = await running();
      const { id } = container;
      expect((await docker.run('unpause', id)).stderr).toContain(`${id} is not paused`);
      await docker.ok('pause', id);
      expect((await docker.run('pause', id)).stderr).toContain(`${id} is already paused`);
      expect((await docker.run('rm', id)).stderr).toContain('is paused and must be unpaused first');
      await docker.ok('kill', id);
      await docker.ok('wait', id);
      expect((await docker.run('pause', id)).stderr).toContain(`${id} is not running`);
    });

    test.each([
      ['stop', 'exited'],
      ['kill', 'exited'],
      ['restart', 'running'],
    ])('%s must reach a paused container', async (verb, status) => {
      await using container = await running();
      await docker.ok('pause', container.id);
      await docker.ok(verb, container.id);
      await docker.run(...(status === 'exited' ? ['wait', container.id] : ['version']));
      expect(await stateOf(container.id)).toBe(`${status} false`);
    });

    test('an engine that starts again must find a container paused', async () => {
      await using container = await running();
      await docker.ok('pause', container.id);
      await engine.kill();
      await engine.start();
      expect(await stateOf(container.id)).toBe('paused true');
      await docker.ok('unpause', container.id);
      expect(await stateOf(container.id)).toBe('running false');
    });
  });

  describe('update', () => {
    const limit = [
      ...['sh', '-c'],
      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null',
    ];

    test('limits must change where the kernel reads them, up and down', async () => {
      await using container = await running('--memory', '32m', '--cpus', '0.5');
      const { id } = container;
      for (const megabytes of [64, 16]) {
        const size = `${megabytes}m`;
        await docker.ok('update', '--memory', size, '--memory-swap', size, '--cpus', '1.5', id);
        const { memory_stats, pids_stats } = oneShot(engine.socket, id);
        expect(memory_stats.limit).toBe(megabytes << 20);
        expect(pids_stats.limit).toBeUndefined();
      }
      await docker.ok('update', '--pids-limit', '50', id);
      expect(oneShot(engine.socket, id).pids_stats.limit).toBe(50);
      expect(await docker.ok('inspect', '--format', '{{.HostConfig.Memory}}', id)).toBe('16777216');
    });

    test('what is in use already must be refused, and everything stay as it was', async () => {
      const hold = 'x=$(head -c 30m /dev/zero | tr "\\0" x); echo full; sleep 1000; true';
      const id = await docker.ok('create', '--memory', '128m', 'app', 'sh', '-c', hold);
      await docker.ok('start', id);
      await eventually(async () => {
        expect(await docker.ok('logs', id)).toBe('full');
      });
      const refused = await docker.run('update', '--memory', '6m', '--memory-swap', '6m', id);
      const { limit: now } = oneShot(engine.socket, id).memory_stats;
      expect([refused.code, now]).toEqual([1, 128 << 20]);
      await docker.ok('rm', '-f', id);
    });

    test('a limit above the swap that is set must be refused in docker’s words', async () => {
      await using container = await running('--memory', '32m', '--memory-swap', '32m');
      const { stderr } = await docker.run('update', '--memory', '64m', container.id);
      expect(stderr).toContain('smaller than already set memoryswap limit');
    });

    test('a restart policy must hold from then on', async () => {
      const id = await docker.ok('create', 'app', 'sh', '-c', 'exit 3');
      await docker.ok('update', '--restart', 'on-failure:2', id);
      await docker.ok('start', id);
      await eventually(async () => {
        expect(
          await docker.ok('inspect', '--format', '{{.RestartCount}} {{.State.Status}}', id),
        ).toBe('2 exited');
      });
      await docker.ok('rm', '-f', id);
    });

    test('a container must see its limit in its own cgroup', async () => {
      const output = await docker.ok('create', '--memory', '48m', 'app', ...limit);
      await docker.ok('start', output);
      await docker.ok('wait', output);
      expect(await docker.ok('logs', output)).toBe(String(48 << 20));
      await docker.ok('rm', output);
    });
  });

  describe('what is used', () => {
    test('stats must show in the real docker what the container does', async () => {
      const id = await docker.ok(
        'create',
        '--memory',
        '64m',
        'app',
        'sh',
        '-c',
        'while :; do :; done',
      );
      await docker.ok('start', id);
      const format = '{{.CPUPerc}} {{.MemUsage}} {{.PIDs}} {{.NetIO}}';
      const before = oneShot(engine.socket, id).cpu_stats.cpu_usage.total_usage;
      const [cpu = '', , , total = '', pids = ''] = (
        await docker.ok('stats', '--no-stream', '--format', format, id)
      ).split(' ');
      const used = oneShot(engine.socket, id).cpu_stats.cpu_usage.total_usage - before;
      // Of the second between two samples, and no more than it has had meanwhile: others may have had the rest.
      const shown = (Number.parseFloat(cpu) / 100) * 1e9;
      expect(shown).toBeGreaterThan(0);
      expect(shown).toBeLessThan(1.5 * used);
      expect([total, pids]).toEqual(['64MiB', '1']);
      await docker.ok('rm', '-f', id);
    });

    test('of a container that does not run, stats must be empty, not an error', async () => {
      const id = await docker.ok('create', 'app', 'true');
      const { cpu_stats, memory_stats, pids_stats, name } = oneShot(engine.socket, id);
      expect([cpu_stats.cpu_usage.total_usage, memory_stats, pids_stats]).toEqual([0, {}, {}]);
      expect(name).toMatch(/^\/\w+/);
      await docker.ok('rm', id);
    });

    test('top must list every process with its command', async () => {
      const id = await docker.ok('create', 'app', 'sh', '-c', 'sleep 1111 & sleep 2222; true');
      await docker.ok('start', id);
      await eventually(async () => {
        const [titles = '', ...rows] = (await docker.ok('top', id)).split('\n');
        expect(titles.split(/ +/)).toEqual('UID PID PPID C STIME TTY TIME CMD'.split(' '));
        expect(rows.map((row) => row.replace(/^(\S+).* (\d\d:\d\d:\d\d) +/, '$1 '))).toEqual([
          expect.stringMatching(/^root .*sh -c sleep 1111/),
          expect.stringMatching(/^root .*sleep (1111|2222)$/),
          expect.stringMatching(/^root .*sleep (1111|2222)$/),
        ]);
      });
      const own = (await docker.ok('top', id, '-o', 'pid,args')).split('\n');
      expect(own[0]).toMatch(/^PID +COMMAND$/);
      expect(own).toHaveLength(4);
      expect((await docker.run('top', id, '-o', 'args')).stderr).toContain(
        "Couldn't find PID field",
      );
      expect((await docker.run('top', id, '--nonsense')).stderr).toContain('ps --nonsense');
      await docker.ok('rm', '-f', id);
    });
  });

  describe('limits that are asked for at creation', () => {
    test.each([
      [['--cpuset-cpus', '0'], 'cpuset.cpus', '0'],
      [['--cpu-shares', '512'], 'cpu.shares', '512'],
      [['--memory-reservation', '20m'], 'memory.soft_limit_in_bytes', String(20 << 20)],
    ])('%j must be where the kernel reads it', async (options, file, value) => {
      await using container = await running(...options);
      const found = execFileSync(
        'sh',
        [
          '-c',
          `cat /sys/fs/cgroup/*/*/${container.id}/${file} /sys/fs/cgroup/*/${container.id}/${file} 2>/dev/null; true`,
        ],
        { encoding: 'utf8' },
      );
      expect(found.trim()).toBe(value);
    });

    test('a rule for a device must open it, and a parent for cgroups be used', async () => {
      const script = 'mknod /tmp/fuse c 10 229 && head -c 0 /tmp/fuse && echo open';
      const options = [
        '--device-cgroup-rule',
        'c 10:229 rw',
        '--cgroup-parent',
        '/tsc-test-parent',
      ];
      const id = await docker.ok(
        'create',
        ...options,
        'app',
        'sh',
        '-c',
        `mkdir -p /tmp; ${script}`,
      );
      await docker.ok('start', id);
      await docker.ok('wait', id);
      expect(await docker.ok('logs', id)).toBe('open');
      await docker.ok('rm', id);
      execFileSync('sh', ['-c', 'rmdir /sys/fs/cgroup/*/tsc-test-parent']);
    });

    test.each([
      [['--cpuset-cpus', '1-'], 'for cpuset cpus'],
      [['--device-cgroup-rule', 'x 1:3 r'], 'invalid'],
      [['--memory', '5m'], 'Minimum memory limit allowed is 6MB'],
      [['--device-read-bps', '/dev/null:1mb'], '"/dev/null" is not a block device'],
    ])('%j must be refused', async (options, message) => {
      const { code, stderr } = await docker.run('create', ...options, 'app', 'true');
      expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
    });
  });
});
