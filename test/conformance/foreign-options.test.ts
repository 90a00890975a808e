/** What can be asked of a container works as well where crun makes its sandbox; and which runtimes there are. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

const absent = [...absentForDocker, ...missing('crun', 'runc')];
const title = `options with other runtimes (missing: ${absent.join() || 'nothing'})`;
const busybox = '/bin/busybox';

describe.skipIf(absent.length > 0)(title, () => {
  const tools = useDockerEngine();

  function stateOf(runtime: string): readonly string[] {
    const directory = join(tools.engine.runRoot, 'oci', runtime);
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  async function inspect(id: string, format: string): Promise<string> {
    return await tools.docker.ok('inspect', '--format', format, id);
  }

  test.each<[string, readonly string[], string, string]>([
    ['an init', ['--init'], 'cat /proc/1/comm; exit 0', 'docker-init'],
    [
      'a domain',
      ['--domainname', 'example.org', '--hostname', 'h'],
      'hostname; cat /proc/sys/kernel/domainname',
      'h\nexample.org',
    ],
    ['a user with groups', ['-u', '1000:1001', '--group-add', '7'], 'id -u; id -G', '1000\n1001 7'],
    [
      'limits',
      ['--ulimit', 'nofile=77:88', '-m', '64m', '--pids-limit', '50'],
      'ulimit -Sn; ulimit -Hn',
      '77\n88',
    ],
    [
      'a read-only root with a tmpfs',
      ['--read-only', '--tmpfs', '/t:size=1m,mode=750'],
      'touch /t/x; stat -c %a /t; touch /x 2>&1',
      '750\ntouch: /x: Read-only file system',
    ],
    ['a volume', ['-v', 'vol:/vol:ro'], 'grep -c " /vol .* ro," /proc/mounts', '1'],
    ['a sysctl', ['--sysctl', 'net.core.somaxconn=321'], 'cat /proc/sys/net/core/somaxconn', '321'],
    ['a device', ['--device', '/dev/null:/dev/mine:r'], 'ls -l /dev/mine | cut -c1', 'c'],
    ['an oom score', ['--oom-score-adj', '500'], 'cat /proc/self/oom_score_adj', '500'],
    [
      'no new privileges',
      ['--security-opt', 'no-new-privileges'],
      "awk '/^NoNewPrivs/{print $2}' /proc/self/status",
      '1',
    ],
    [
      'no filter',
      ['--security-opt', 'seccomp=unconfined'],
      "awk '/^Seccomp:/{print $2}' /proc/self/status",
      '0',
    ],
    [
      'all privileges',
      ['--privileged'],
      'mkdir /m; mount -t tmpfs x /m && echo mounted; ls /dev/full /dev/loop-control',
      'mounted\n/dev/full\n/dev/loop-control',
    ],
    ['the network of the host', ['--network', 'host'], 'test -e /proc/net/dev && echo ok', 'ok'],
    ['names of others', ['--add-host', 'x:192.0.2.7'], 'grep -c 192.0.2.7 /etc/hosts', '1'],
  ])('with crun: %s', async (_name, options, script, expected) => {
    const { stdout, stderr } = await tools.attempt(
      ['--runtime', 'crun', ...options],
      ...['sh', '-c', script],
    );
    expect([stdout, stderr]).toEqual([`${expected}\n`, expect.anything()]);
  });

  test('a profile of one’s own must hold, for an exec as well', async () => {
    const path = join(tools.engine.root, 'no-mkdir.json');
    const call = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 };
    writeFileSync(path, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [call] }));
    const options = ['--runtime', 'crun', '--security-opt', `seccomp=${path}`];
    const id = await tools.docker.ok('run', '-d', ...options, 'app', 'sleep', '1000');
    const { stderr } = await tools.docker.run('exec', id, busybox, 'mkdir', '/y');
    expect(stderr).toContain('No space left on device');
  });

  test('limits, counters and processes must be the container’s, and annotations the runtime’s', async () => {
    const options = ['--runtime', 'crun', '-m', '64m', '--annotation', 'org.example=x'];
    const id = await tools.docker.ok('run', '-d', ...options, 'app', 'sleep', '1000');
    const stats = await tools.docker.ok(
      'stats',
      '--no-stream',
      '--format',
      '{{.MemUsage}} {{.PIDs}}',
      id,
    );
    expect(stats).toMatch(/ \/ 64MiB 1$/);
    expect(await tools.docker.ok('top', id)).toContain('sleep 1000');
    await tools.docker.ok('update', '-m', '32m', '--memory-swap', '64m', id);
    expect(await tools.docker.ok('stats', '--no-stream', '--format', '{{.MemUsage}}', id)).toMatch(
      /32MiB$/,
    );
    await tools.docker.ok('cp', '/etc/hostname', `${id}:/copied`);
    expect(await tools.docker.ok('exec', id, busybox, 'ls', '/copied')).toBe('/copied');
    const config = readFileSync(
      join(tools.engine.runRoot, 'b', id.slice(0, 32), 'config.json'),
      'utf8',
    );
    expect((JSON.parse(config) as { annotations: unknown }).annotations).toEqual({
      'org.example': 'x',
    });
  });

  test('a health check and a restart policy must work on it', async () => {
    const health = ['--health-cmd', `${busybox} true`, '--health-interval', '1s'];
    const options = ['--runtime', 'crun', '--restart', 'on-failure:1', ...health];
    const id = await tools.docker.ok(
      'run',
      '-d',
      ...options,
      'app',
      'sh',
      '-c',
      `ln -s ${busybox} /bin/sh; sleep 1000`,
    );
    await eventually(
      async () => {
        expect(await inspect(id, '{{.State.Health.Status}}')).toBe('healthy');
      },
      { timeoutMs: 15_000 },
    );
    process.kill(Number(await inspect(id, '{{.State.Pid}}')), 'SIGKILL');
    await eventually(
      async () => {
        expect(await inspect(id, '{{.State.Status}} {{.RestartCount}}')).toBe('running 1');
      },
      { timeoutMs: 15_000 },
    );
  });

  test('what only our own mounts can do must be refused', async () => {
    await tools.output(['-v', 'vol:/m'], 'mkdir', '-p', '/m/a');
    const mount = 'type=volume,source=vol,target=/m,volume-subpath=a';
    const { code, stderr } = await tools.attempt(['--runtime', 'crun', '--mount', mount], 'true');
    expect([code, stderr]).toEqual([
      125,
      expect.stringContaining('a subpath of "/m" works with the runtime tscompose only'),
    ]);
  });

  test('a name that is none must be refused, and info must list those that are', async () => {
    const { code, stderr } = await tools.attempt(['--runtime', 'kata'], 'true');
    expect([code, stderr]).toEqual([
      125,
      expect.stringContaining('Error response from daemon: unknown or invalid runtime name: kata'),
    ]);
    const runtimes = await tools.docker.ok('info', '--format', '{{json .Runtimes}}');
    expect(JSON.parse(runtimes)).toMatchObject({
      crun: { path: '/usr/bin/crun' },
      runc: { path: expect.stringMatching(/^\/usr\/s?bin\/runc$/) as string },
      tscompose: { path: 'tscompose-shim' },
    });
  });

  test('one of the configuration must be used with its arguments, and a wrong configuration be told', async () => {
    const path = join(tools.engine.stateRoot, 'engine.json');
    const runtimes = { mine: { path: '/usr/bin/crun', runtimeArgs: ['--debug'] } };
    await tools.engine.stop();
    writeFileSync(path, JSON.stringify({ runtimes }));
    await tools.engine.start();
    expect(await tools.output(['--runtime', 'mine'], 'echo', 'made')).toBe('made');
    expect(await tools.docker.ok('info', '--format', '{{json .Runtimes.mine}}')).toBe(
      JSON.stringify(runtimes.mine),
    );
    await tools.engine.stop();
    writeFileSync(path, '{"runtime": {}}');
    await expect(tools.engine.start()).rejects.toThrow('unknown setting');
    writeFileSync(path, '{}');
    await tools.engine.start();
  });

  test('compose must name it', async () => {
    const file = join(tools.engine.root, 'project', 'compose.yaml');
    writeFileSync(
      file,
      'services:\n  a:\n    image: app\n    runtime: crun\n    command: ["sleep", "1000"]\n',
    );
    await tools.engine.mustCli(['up', '-d']);
    expect(await inspect('project-a-1', '{{.HostConfig.Runtime}} {{.State.Status}}')).toBe(
      'crun running',
    );
    expect(stateOf('crun')).toHaveLength(1);
    await tools.engine.mustCli(['down', '-t', '0']);
    expect(stateOf('crun')).toEqual([]);
  });
});
