/** Namespaces of other containers and of the host, asked for by the real `docker` command and seen from inside. */
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

import { describe, expect, test } from 'vitest';

import type { DockerCli } from '../lib/docker-cli.ts';
import { absentForDocker, useDockerEngine, type DockerEngine } from '../lib/docker-engine.ts';
import { eventually } from '../lib/eventually.ts';

const title = `namespaces (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  const { output } = tools;

  /** A container that stays until it is killed. */
  async function donor(...options: readonly string[]): Promise<string> {
    return await tools.docker.ok(
      'run',
      '-d',
      '--name',
      'donor',
      ...options,
      'app',
      'sleep',
      '1000',
    );
  }

  /** Which namespaces two have in common. */
  async function common(a: string, b: string): Promise<readonly string[]> {
    const [left, right] = [
      await namespacesOf(tools.docker, a),
      await namespacesOf(tools.docker, b),
    ];
    return Object.keys(left).filter((kind) => left[kind] === right[kind]);
  }

  describe('of another container', () => {
    test.each([
      [['--network', 'container:donor'], ['net']],
      [['--pid', 'container:donor'], ['pid']],
      [['--ipc', 'container:donor'], ['ipc']],
      [
        ['--network', 'container:donor', '--pid', 'container:donor', '--ipc', 'container:donor'],
        ['ipc', 'net', 'pid'],
      ],
    ])('%j must be what the two have in common', async (options, kinds) => {
      await donor('--ipc', 'shareable', '--cgroupns', 'private');
      const own = ['--cgroupns', 'private', ...options];
      const id = await tools.docker.ok('run', '-d', ...own, 'app', 'sleep', '1000');
      expect(await common('donor', id)).toEqual(kinds);
      const paths = kinds.map((kind) => `/proc/self/ns/${kind}`);
      const script = `for path in ${paths.join(' ')}; do readlink $path; done`;
      const inside = await tools.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', script);
      const { [kinds[0] ?? '']: first } = await namespacesOf(tools.docker, id);
      expect(inside.split('\n')[0]).toBe(first);
    });

    test('a network must come with its addresses, name and files', async () => {
      const id = await donor('--hostname', 'hh', '--add-host', 'db:10.9.9.9', '--dns', '10.1.1.1');
      const script =
        'hostname; echo $HOSTNAME; ip -o -4 addr show eth0; cat /etc/resolv.conf /etc/hosts';
      const seen = await output(['--network', 'container:donor'], 'sh', '-c', script);
      expect(seen).toBe(await tools.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', script));
      expect(seen).toMatch(/^hh\nhh\n\d+: eth0 +inet /);
      expect(seen).toContain('10.9.9.9\tdb');
    });

    test('what listens on a shared network must be reached on its loopback', async () => {
      await donor('--hostname', 'hh');
      const serve = ['httpd', '-f', '-p', '7000', '-h', '/etc'];
      await tools.docker.ok('run', '-d', '--network', 'container:donor', 'app', ...serve);
      const ask = ['/bin/busybox', 'wget', '-qO-', 'http://127.0.0.1:7000/hostname'];
      await eventually(async () => {
        expect((await tools.docker.run('exec', 'donor', ...ask)).stdout).toBe('hh\n');
      });
    });

    test('a name must be kept as the id, and shown so', async () => {
      const id = await donor('--ipc', 'shareable');
      const modes = ['--network', '--pid', '--ipc'].flatMap((mode) => [mode, 'container:donor']);
      const other = await tools.docker.ok('create', ...modes, 'app', 'true');
      await tools.docker.ok('rename', 'donor', 'renamed');
      const format = '{{.HostConfig.NetworkMode}} {{.HostConfig.PidMode}} {{.HostConfig.IpcMode}}';
      expect((await tools.docker.ok('inspect', '--format', format, other)).split(' ')).toEqual(
        Array.from({ length: 3 }, () => `container:${id}`),
      );
      await tools.docker.ok('start', '-a', other);
    });

    test('processes and shared memory must be seen by both', async () => {
      await donor('--ipc', 'shareable');
      await tools.docker.ok(
        'exec',
        'donor',
        '/bin/busybox',
        'sh',
        '-c',
        'echo shared > /dev/shm/x',
      );
      const options = ['--ipc', 'container:donor', '--pid', 'container:donor'];
      const script =
        'cat /dev/shm/x; echo back > /dev/shm/y; ps -o args; grep shm /proc/self/mounts';
      const seen = await output(options, 'sh', '-c', script);
      expect(seen).toMatch(/^shared\n/);
      expect(seen).toContain('/bin/busybox sleep 1000');
      expect(seen).toMatch(/ \/dev\/shm tmpfs rw,nosuid,nodev,noexec/);
      expect(await tools.docker.ok('exec', 'donor', '/bin/busybox', 'cat', '/dev/shm/y')).toBe(
        'back',
      );
    });

    test('a guest’s descendants must end with it, the host’s with neither', async () => {
      await donor();
      const options = ['--pid', 'container:donor'];
      expect(await output(options, 'sh', '-c', '(setsid sleep 2222 &); echo done')).toBe('done');
      const rows = await tools.docker.ok('exec', 'donor', '/bin/busybox', 'ps', '-o', 'args');
      expect(rows).toContain('sleep 1000');
      expect(rows).not.toContain('2222');
    });

    test('an end of the first process of a pid namespace must end its guests', async () => {
      await donor();
      const guest = await tools.docker.ok(
        'run',
        '-d',
        '--pid',
        'container:donor',
        'app',
        'sleep',
        '1000',
      );
      await tools.docker.ok('restart', '-t', '0', 'donor');
      expect(await tools.docker.ok('wait', guest)).toBe('137');
      await tools.docker.ok('start', guest);
      expect(await common('donor', guest)).toContain('pid');
    });

    test('a guest must outlive the network it is on, and find the new one when it starts again', async () => {
      await donor();
      const options = ['-d', '--network', 'container:donor'];
      const guest = await tools.docker.ok('run', ...options, 'app', 'sleep', '1000');
      await tools.docker.ok('restart', '-t', '0', 'donor');
      expect(await common('donor', guest)).not.toContain('net');
      expect(await tools.docker.ok('inspect', '--format', '{{.State.Status}}', guest)).toBe(
        'running',
      );
      const links = ['exec', guest, '/bin/busybox', 'ls', '/sys/class/net'];
      expect(await tools.docker.ok(...links)).toBe('lo');
      await tools.docker.ok('restart', '-t', '0', guest);
      expect(await tools.docker.ok(...links)).toBe('eth0\nlo');
    });

    test('an engine that starts again must find guests as they were', async () => {
      await donor('--ipc', 'shareable');
      const options = ['--network', '--pid', '--ipc'].flatMap((mode) => [mode, 'container:donor']);
      const guest = await tools.docker.ok('run', '-d', ...options, 'app', 'sleep', '1000');
      await tools.engine.kill();
      await tools.engine.start();
      expect(await common('donor', guest)).toEqual(expect.arrayContaining(['ipc', 'net', 'pid']));
      expect(await tools.docker.ok('exec', guest, '/bin/busybox', 'echo', 'in')).toBe('in');
      await tools.docker.ok('stop', '-t', '0', guest);
    });

    test.each([
      [
        ['--network'],
        /cannot join network namespace of a non running container: container donor is created/,
      ],
      [['--pid'], /failed to join PID namespace: container [0-9a-f]{64} is not running/],
      [['--ipc'], /failed to join IPC namespace: container [0-9a-f]{64} is not running/],
    ])('%j of a container that does not run must be refused', async ([mode = ''], message) => {
      await tools.docker.ok('create', '--name', 'donor', '--ipc', 'shareable', 'app', 'true');
      const { code, stderr } = await tools.docker.run(
        'run',
        mode,
        'container:donor',
        'app',
        'true',
      );
      expect([code, stderr]).toEqual([125, expect.stringMatching(message)]);
    });

    test.each([
      [[], 'non-shareable IPC (hint: use IpcMode:shareable for the donor container)'],
      [
        ['--ipc', 'none'],
        'non-shareable IPC (hint: use IpcMode:shareable for the donor container)',
      ],
    ])('shared memory of a donor with %j must be refused', async (options, message) => {
      await donor(...options);
      const { code, stderr } = await tools.docker.run(
        'run',
        '--ipc',
        'container:donor',
        'app',
        'true',
      );
      expect([code, stderr]).toEqual([125, expect.stringContaining(message)]);
    });

    test.each([
      [['-p', '80:80'], 'port publishing and the container type network mode'],
      [['-P'], 'port publishing and the container type network mode'],
      [['--expose', '80'], 'port exposing and the container type network mode'],
      [['--hostname', 'foo'], 'hostname and the network mode'],
      [['--dns', '1.1.1.1'], 'dns and the network mode'],
      [['--add-host', 'a:1.1.1.1'], 'custom host-to-IP mapping and the network mode'],
      [['--link', 'donor'], "container type network can't be used with links."],
    ])('%j must not go with the network of another', async (options, message) => {
      const args = ['create', '--network', 'container:donor', ...options, 'app', 'true'];
      const { stderr } = await tools.docker.run(...args);
      expect(stderr).toContain(`Error response from daemon: conflicting options: ${message}`);
    });

    test.each(['--pid', '--ipc', '--network'])('%s of nobody must be refused', async (mode) => {
      const { stderr } = await tools.docker.run('create', mode, 'container:nobody', 'app', 'true');
      expect(stderr).toContain('No such container: nobody');
    });
  });

  describeHost(tools);
});

function describeHost(tools: DockerEngine): void {
  const { output } = tools;
  describe('of the host', () => {
    test.each([
      [['--pid', 'host'], ['pid']],
      [['--ipc', 'host'], ['ipc']],
      [['--uts', 'host'], ['uts']],
      [['--cgroupns', 'host'], ['cgroup']],
      [['--userns', 'host'], []],
    ])('%j must be the engine’s', async (options, kinds) => {
      const own = ['--cgroupns', 'private', ...options];
      const id = await tools.docker.ok('run', '-d', ...own, 'app', 'sleep', '1000');
      const seen = await namespacesOf(tools.docker, id);
      const shared = Object.keys(seen).filter(
        (kind) => seen[kind] === readlinkSync(`/proc/self/ns/${kind}`),
      );
      expect(shared).toEqual(kinds);
    });

    test('pids must be the machine’s, and descendants end with their container', async () => {
      const script = '(setsid sleep 3333 &); ps -o pid,args | grep -c "vitest" ; echo $$';
      const [found = '', pid = ''] = (await output(['--pid', 'host'], 'sh', '-c', script)).split(
        '\n',
      );
      expect(Number(found)).toBeGreaterThan(0);
      expect(Number(pid)).toBeGreaterThan(1);
      const rows = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
      expect(rows).not.toMatch(/^.*busybox sleep 3333$/m);
    });

    test('the host’s names must be the container’s', async () => {
      expect(await output(['--network', 'host'], 'sh', '-c', 'hostname; echo $HOSTNAME')).toBe(
        `${hostname()}\n${hostname()}`,
      );
      expect(await output(['--uts', 'host'], 'hostname')).toBe(hostname());
      const hosts = await output(
        ['--network', 'host', '--add-host', 'db:10.9.9.9'],
        'cat',
        '/etc/hosts',
      );
      expect(hosts).toMatch(/^10\.9\.9\.9\tdb$/m);
    });

    test('what would change the host must be refused', async () => {
      const sysctl = async (...options: readonly string[]): Promise<string> =>
        (await tools.docker.run('run', ...options, 'app', 'true')).stderr;
      expect(await sysctl('--network', 'host', '--sysctl', 'net.ipv4.ip_forward=1')).toContain(
        'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
      );
      expect(await sysctl('--ipc', 'host', '--sysctl', 'kernel.shmmax=1')).toContain(
        'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace',
      );
    });
  });

  describe('modes that are none', () => {
    test.each([
      [['--uts', 'host', '--hostname', 'x'], 'conflicting options: hostname and the UTS mode'],
      [['--ipc', 'foo'], 'invalid IPC mode: foo'],
      [['--network', 'container:'], 'invalid container format container:<name|id>'],
    ])('%j must be refused', async (options, message) => {
      const { stderr } = await tools.docker.run('create', ...options, 'app', 'true');
      expect(stderr).toContain(message);
    });
  });
}

async function namespacesOf(
  docker: DockerCli,
  ref: string,
): Promise<Readonly<Record<string, string>>> {
  const pid = await docker.ok('inspect', '--format', '{{.State.Pid}}', ref);
  const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];
  return Object.fromEntries(kinds.map((kind) => [kind, readlinkSync(`/proc/${pid}/ns/${kind}`)]));
}
