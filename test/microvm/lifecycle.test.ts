/** What the engine does with the cgroups of its containers while they live, on a machine with cgroup v2 alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, inject, test } from 'vitest';

import type { ContainerStats } from '../../engine/api/index.ts';
import { cliPath, command } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { tempPrefix } from '../lib/temp-dir.ts';
import { engineCgroup, missingForMicrovm, useGuest } from './guest.ts';

const names = missingForMicrovm.join() || 'nothing';
const mebibyte = 1 << 20;

describe.skipIf(missingForMicrovm.length > 0)(`cgroup v2 (missing: ${names})`, () => {
  const guest = useGuest();
  afterEach(guest.removeContainers);
  const sh = (id: string, script: string): Promise<string> =>
    guest.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', script);

  test('a container must see itself as the top, read-only, and an exec must be in it', async () => {
    const id = await guest.running();
    expect(await sh(id, 'cat /proc/self/cgroup /proc/1/cgroup')).toBe('0::/\n0::/');
    const made = sh(id, 'mkdir /sys/fs/cgroup/below 2>&1; true');
    expect(await made).toContain('Read-only file system');
    const seen = await guest.ok(
      `for pid in $(cat ${engineCgroup}/${id}/cgroup.procs); do cat /proc/$pid/cgroup; done`,
    );
    expect(new Set(seen.split('\n'))).toEqual(new Set([`0::/tscompose/${id}`]));
    const exec = guest.docker.start('exec', id, '/bin/busybox', 'sleep', '77');
    await eventually(async () => {
      expect((await guest.read(id, 'cgroup.procs')).split('\n')).toHaveLength(3);
    });
    await guest.docker.ok('rm', '-f', id);
    await exec.ended;
  });

  test('a container must have a time of its own, and an exec be in it', async () => {
    const id = await guest.running();
    const exec = await sh(id, 'readlink /proc/self/ns/time');
    const own = await guest.ok(
      `readlink /proc/$(head -n 1 ${engineCgroup}/${id}/cgroup.procs)/ns/time`,
    );
    expect(exec).toBe(own);
    expect(own).not.toBe(await guest.ok('readlink /proc/self/ns/time'));
    await guest.docker.ok('rm', '-f', id);
  });

  test('a container that shares the host’s view must see where it is', async () => {
    const text = await guest.output(['--cgroupns', 'host'], 'cat', '/proc/self/cgroup');
    expect(text).toMatch(/^0::\/tscompose\/[0-9a-f]{64}$/);
  });

  test('a privileged container must be able to confine what it starts itself', async () => {
    const script = `cd /sys/fs/cgroup && mkdir leaf child && echo 0 >leaf/cgroup.procs &&
      echo 1 >leaf/cgroup.procs; echo +memory +pids +cpu +cpuset +io >cgroup.subtree_control &&
      echo 7 >child/pids.max && cat child/pids.max child/memory.max`;
    expect(await guest.output(['--privileged'], 'sh', '-c', script)).toBe('7\nmax');
  });

  test('a paused container must be frozen and reached by a kill', async () => {
    const id = await guest.running();
    await guest.docker.ok('pause', id);
    expect(await guest.read(id, 'cgroup.events')).toContain('frozen 1');
    await guest.docker.ok('unpause', id);
    expect(await guest.read(id, 'cgroup.events')).toContain('frozen 0');
    await guest.docker.ok('pause', id);
    await guest.docker.ok('kill', id);
    expect(await guest.docker.ok('wait', id)).toBe('137');
    await guest.docker.ok('rm', id);
  });

  test('nothing may stay of a container in the host’s pid namespace', async () => {
    const script = 'busybox sleep 4711 & busybox sleep 4711 & exit 0';
    await guest.output(['--pid', 'host'], 'sh', '-c', script);
    expect(await guest.ok('ps | grep "[s]leep 4711"; true')).toBe('');
  });

  test('an update must reach every control of a running container', async () => {
    const id = await guest.running('--memory', '32m', '--cpu-quota', '10000');
    const options = [
      ...['--memory', '64m', '--memory-swap', '80m', '--memory-reservation', '16m'],
      ...['--cpu-quota', '30000', '--cpu-period', '60000', '--cpu-shares', '2048'],
      ...['--cpuset-cpus', '0', '--cpuset-mems', '0', '--pids-limit', '33'],
    ];
    await guest.docker.ok('update', ...options, id);
    const files = ['memory.max', 'memory.swap.max', 'memory.low', 'cpu.max', 'cpu.weight'];
    files.push('cpuset.cpus', 'pids.max');
    const values = await guest.ok(`cd ${engineCgroup}/${id}; cat ${files.join(' ')}`);
    expect(values.split('\n')).toEqual([
      ...[String(64 * mebibyte), String(16 * mebibyte), String(16 * mebibyte)],
      ...['30000 60000', '79', '0', '33'],
    ]);
    await guest.docker.ok('rm', '-f', id);
  });

  test('an update of which one value is refused must leave all of them', async () => {
    const id = await guest.running('--memory', '64m', '--cpu-shares', '512');
    const before = await guest.ok(
      `cd ${engineCgroup}/${id}; grep . memory.max cpu.* pids.max cpuset.cpus`,
    );
    // Beyond what the kernel counts; the engine does not know.
    const options = ['--memory', '32m', '--memory-swap', '32m', '--cpu-shares', '1024'];
    const { code, stderr } = await guest.docker.run(
      'update',
      ...options,
      '--pids-limit',
      '99999999',
      id,
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining('the kernel refused "99999999"')]);
    const strip = (text: string): string => text.replaceAll(/cpu\.(stat|pressure).*\n?/g, '');
    const after = await guest.ok(
      `cd ${engineCgroup}/${id}; grep . memory.max cpu.* pids.max cpuset.cpus`,
    );
    expect(strip(after)).toBe(strip(before));
    expect(await guest.docker.ok('inspect', '-f', '{{.HostConfig.CpuShares}}', id)).toBe('512');
    await guest.docker.ok('rm', '-f', id);
  });

  test('an update below what is in use must be refused, not kill', async () => {
    const fill = 'busybox head -c 30m /dev/zero >/dev/shm/held; echo full; busybox sleep 1000';
    const id = await guest.docker.ok('run', '-d', '--memory', '128m', 'app', 'sh', '-c', fill);
    await eventually(
      async () => {
        expect(await guest.docker.ok('logs', id)).toBe('full');
      },
      { timeoutMs: 60_000 },
    );
    const limits = ['--memory', '8m', '--memory-swap', '8m'];
    const { code, stderr } = await guest.docker.run('update', ...limits, id);
    expect([code, stderr]).toEqual([1, expect.stringContaining('bytes of memory')]);
    expect(await guest.read(id, 'memory.max')).toBe(String(128 * mebibyte));
    expect(await guest.docker.ok('inspect', '-f', '{{.State.Status}}', id)).toBe('running');
    await guest.docker.ok('rm', '-f', id);
  });

  test('a parent that is there already must hand down every controller', async () => {
    await guest.ok('mkdir /sys/fs/cgroup/mine');
    const options = ['--cgroup-parent', '/mine/below', '--memory', '32m', '--cpus', '1'];
    const id = await guest.running(...options);
    const files = ['memory.max', 'cpu.max'].map(
      (file) => `/sys/fs/cgroup/mine/below/${id}/${file}`,
    );
    expect(await guest.ok(`cat ${files.join(' ')}`)).toBe(`${32 * mebibyte}\n100000 100000`);
    await guest.docker.ok('rm', '-f', id);
    expect(await guest.ok('rmdir /sys/fs/cgroup/mine/below /sys/fs/cgroup/mine && echo gone')).toBe(
      'gone',
    );
  });

  test('an engine that starts again must find the cgroups of its containers', async () => {
    const paused = await guest.running('--memory', '32m');
    const killed = await guest.running();
    await guest.docker.ok('pause', paused);
    await guest.killEngine();
    // The end of the first one ends the others, which are then not there to be killed.
    await guest.ok(
      `for pid in $(cat ${engineCgroup}/${killed}/cgroup.procs); do kill -9 $pid || true; done`,
    );
    // With this module weights of blocks have another control and another scale.
    await guest.startEngine('cd / && modprobe bfq && exec');
    const states = await guest.docker.ok('inspect', '-f', '{{.State.Status}}', paused, killed);
    expect(states).toBe('paused\nexited');
    await guest.docker.ok('unpause', paused);
    const weights = ['--blkio-weight', '500'];
    await guest.docker.ok('update', '--pids-limit', '44', ...weights, paused);
    expect(await guest.read(paused, 'pids.max')).toBe('44');
    expect(await guest.read(paused, 'io.bfq.weight')).toBe('default 500');
    const stats = await guest.get<ContainerStats>(
      `/containers/${paused}/stats?stream=false&one-shot=true`,
    );
    expect([stats.pids_stats.current, stats.memory_stats.limit]).toEqual([2, 32 * mebibyte]);
    await guest.docker.ok('rm', '-f', paused, killed);
  });

  test('an engine below a delegated root must make room in it, and its containers outlive it there', async () => {
    await guest.killEngine();
    // As in a unit with Delegate=yes, or in a container: what is the root there has processes in it.
    const root = '/sys/fs/cgroup/user.slice/delegated';
    const enter = `mkdir -p ${root} && echo '+cpu +cpuset +io +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control &&
      echo '+cpu +cpuset +io +memory +pids' >/sys/fs/cgroup/user.slice/cgroup.subtree_control && echo 0 >${root}/cgroup.procs`;
    const inside = 'umount /sys/fs/cgroup && mount -t cgroup2 cgroup /sys/fs/cgroup && exec "$@"';
    await guest.startEngine(`cd / && ${enter} && exec /usr/bin/unshare -C -m sh -c '${inside}' sh`);
    const id = await guest.running('--memory', '32m');
    expect(await guest.ok(`cat ${root}/tscompose/${id}/memory.max`)).toBe(String(32 * mebibyte));
    expect(await guest.ok(`wc -l <${root}/tscompose-init/cgroup.procs`)).not.toBe('0');
    expect(await sh(id, 'cat /proc/self/cgroup')).toBe('0::/');
    await guest.docker.ok('rm', '-f', id);
    await guest.killEngine();
    await guest.startEngine();
    await guest.ok(`while [ -n "$(cat ${root}/tscompose-init/cgroup.procs)" ]; do for pid in $(cat ${root}/tscompose-init/cgroup.procs); do echo $pid >/sys/fs/cgroup/cgroup.procs; done; done
      rmdir ${root}/tscompose ${root}/tscompose-init ${root} /sys/fs/cgroup/user.slice`);
  });

  test('up must place the limits of a project, and down leave no cgroup', async () => {
    const project = mkdtempSync(join(tmpdir(), tempPrefix));
    try {
      const service = `services:
  web:
    image: app
    command: sleep 1000
    stop_grace_period: 0s
    deploy: { resources: { limits: { cpus: '0.25', memory: 24M, pids: 9 }, reservations: { memory: 12M } } }
    cpuset: '1'
    blkio_config: { weight: 100, device_read_bps: [{ path: /dev/vda, rate: 1mb }] }
`;
      writeFileSync(join(project, 'compose.yaml'), service);
      const host = `tcp://127.0.0.1:${inject('microvm')?.engine ?? 0}`;
      const compose = async (...args: readonly string[]): Promise<void> => {
        const env = { ...process.env, DOCKER_HOST: host, NO_COLOR: '1' };
        const done = await command(process.execPath, [cliPath, '-p', 'limits', ...args], {
          cwd: project,
          env,
        });
        expect([done.code, done.stderr]).toEqual([0, expect.anything()]);
      };
      await compose('up', '-d');
      const files = ['cpu.max', 'memory.max', 'memory.low', 'pids.max', 'cpuset.cpus'];
      const values = await guest.ok(
        `cd ${engineCgroup}/*/; cat ${files.join(' ')}; cut -d' ' -f2- io.max`,
      );
      expect(values.split('\n')).toEqual([
        ...['25000 100000', String(24 * mebibyte), String(12 * mebibyte), '9', '1'],
        'rbps=1048576 wbps=max riops=max wiops=max',
      ]);
      await compose('down');
      expect(await guest.ok(`ls -d ${engineCgroup}/*/ 2>/dev/null; true`)).toBe('');
    } finally {
      rmSync(project, { recursive: true });
    }
  });
});
