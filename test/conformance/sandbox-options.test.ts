/** Options of a sandbox, as the real `docker` command asks for them, judged from inside. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine, type DockerEngine } from '../lib/docker-engine.ts';

const title = `sandbox options (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  const { attempt, output } = tools;

  /** Of create, over the API, where the command has checks of its own. */
  function createByApi(host: object): string {
    const body = JSON.stringify({ Image: 'app', Cmd: ['true'], HostConfig: host });
    const url = 'http://localhost/v1.51/containers/create';
    const header = 'Content-Type: application/json';
    const args = ['-s', '--unix-socket', tools.engine.socket, '-H', header, '-d', body, url];
    return execFileSync('curl', args, { encoding: 'utf8' });
  }

  describe('volumes of others', () => {
    const mounts = 'grep -oE " /(data|vol|own) [a-z0-9]+ r[ow]" /proc/mounts | sort';

    test('must be mounted as there, or read-only', async () => {
      const own = ['-v', '/data', '-v', 'vol:/vol:ro'];
      await tools.docker.ok('create', '--name', 'donor', ...own, 'app', 'true');
      const seen = (await output(['--volumes-from', 'donor'], 'sh', '-c', mounts)).split('\n');
      expect(seen.map((line) => line.replace(/ \w+ (r\w)$/, ' $1'))).toEqual([
        ' /data rw',
        ' /vol ro',
      ]);
      const other = (await output(['--volumes-from', 'donor:ro'], 'sh', '-c', mounts)).split('\n');
      expect(other.map((line) => line.replace(/ \w+ (r\w)$/, ' $1'))).toEqual([
        ' /data ro',
        ' /vol ro',
      ]);
    });

    test('must hold the same files, and outlive the donor while they are used', async () => {
      await tools.docker.ok(
        'run',
        '--name',
        'donor',
        '-v',
        '/data',
        'app',
        'sh',
        '-c',
        'echo kept > /data/x',
      );
      const heir = await tools.docker.ok(
        'create',
        '--volumes-from',
        'donor',
        'app',
        'cat',
        '/data/x',
      );
      await tools.docker.ok('rm', '-f', '-v', 'donor');
      expect(await tools.docker.ok('start', '-a', heir)).toBe('kept');
    });

    test('a mount of one’s own must win', async () => {
      await tools.docker.ok('create', '--name', 'donor', '-v', '/data', 'app', 'true');
      const id = await tools.docker.ok(
        'create',
        '--volumes-from',
        'donor',
        '-v',
        'own:/data',
        'app',
        'true',
      );
      const format = '{{range .Mounts}}{{.Name}} {{.Destination}}{{end}}';
      expect(await tools.docker.ok('inspect', '--format', format, id)).toBe('own /data');
    });

    test.each([
      ['nobody', 'No such container: nobody'],
      ['donor:zz', 'invalid mode: zz'],
    ])('%s must be refused', async (source, message) => {
      await tools.docker.ok('create', '--name', 'donor', '-v', '/data', 'app', 'true');
      const { stderr } = await tools.docker.run('create', '--volumes-from', source, 'app', 'true');
      expect(stderr).toContain(`Error response from daemon: ${message}`);
    });
  });

  describe('what cannot be', () => {
    test.each([
      [['--gpus', 'all'], 'could not select device driver "" with capabilities: [[gpu]]'],
      [
        ['--device', 'vendor.com/class=foo'],
        'CDI device injection failed: unresolvable CDI devices vendor.com/class=foo',
      ],
      [['--runtime', 'kata'], 'unknown or invalid runtime name: kata'],
      [
        ['--security-opt', 'apparmor=mine'],
        'AppArmor profile "mine" cannot be applied: AppArmor is not active in this kernel',
      ],
      [
        ['--storage-opt', 'size=1G'],
        "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
      ],
      [['--storage-opt', 'foo=1'], 'Unknown option foo'],
      [['--isolation', 'hyperv'], "invalid isolation (hyperv): linux only supports 'default'"],
      [['--oom-score-adj', '2000'], 'Invalid value 2000, range for oom score adj is [-1000, 1000]'],
      [['--cap-add', 'foo'], 'invalid CapAdd: unknown capability: "CAP_FOO"'],
      [['--stop-signal', 'FOO'], 'invalid signal: FOO'],
      [['--security-opt', 'foo=bar'], 'invalid --security-opt 2: "foo=bar"'],
      [
        ['--security-opt', 'no-new-privileges:maybe'],
        'invalid --security-opt 2: "no-new-privileges:maybe"',
      ],
      [['--user', 'nobody'], 'unable to find user nobody: no matching entries in passwd file'],
      [['--user', '4294967296'], 'uids and gids must be in range 0-2147483647'],
      [['--user', '2147483648'], 'uids and gids must be in range 0-2147483647'],
      [['--user', '-1'], 'uids and gids must be in range 0-2147483647'],
      [['--group-add', 'nope'], 'unable to find group nope: no matching entries in group file'],
      [['-w', 'rel'], "the working directory 'rel' is invalid, it needs to be an absolute path"],
      [['--tmpfs', '/x:foo'], 'invalid tmpfs option "foo"'],
      [['--link', 'nobody'], 'could not get container for nobody: No such container: nobody'],
    ])('%j must be refused in docker’s words', async (options, message) => {
      const { code, stderr } = await attempt(options, 'true');
      expect([code, stderr]).toEqual([125, expect.stringContaining(message)]);
    });

    test.each([
      [{ UTSMode: 'foo' }, 'invalid UTS mode: foo'],
      [{ PidMode: 'container:' }, 'invalid PID mode: container:'],
      [{ CgroupnsMode: 'foo' }, 'invalid cgroup namespace mode: foo'],
      [{ SecurityOpt: ['label'] }, 'invalid --security-opt 1: \\"label\\"'],
      [{ Annotations: { '': 'x' } }, 'invalid Annotations: the empty string is not permitted'],
      [{ ShmSize: -1 }, 'SHM size can not be less than 0'],
    ])('%j must be refused over the API', (host, message) => {
      expect(createByApi(host)).toContain(message);
    });
  });

  describe('seccomp', () => {
    test('a profile of one’s own must hold, for an exec as well', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'tscompose-seccomp-'));
      try {
        const path = join(directory, 'no-mkdir.json');
        const call = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 };
        writeFileSync(path, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [call] }));
        const options = ['--security-opt', `seccomp=${path}`];
        const { stderr } = await attempt(options, 'mkdir', '/x');
        expect(stderr).toContain("can't create directory '/x': No space left on device");
        const id = await tools.docker.ok('run', '-d', ...options, 'app', 'sleep', '1000');
        const exec = await tools.docker.run('exec', id, '/bin/busybox', 'mkdir', '/y');
        expect(exec.stderr).toContain('No space left on device');
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test.each([
      [[], '2'],
      [['--security-opt', 'seccomp=builtin'], '2'],
      [['--security-opt', 'seccomp=unconfined'], '0'],
      [['--privileged'], '0'],
    ])('%j must be mode %s', async (options, mode) => {
      expect(
        await output(options, 'sh', '-c', "awk '/^Seccomp:/{print $2}' /proc/self/status"),
      ).toBe(mode);
    });
  });

  describeAccepted(tools);
});

function describeAccepted(tools: DockerEngine): void {
  const { attempt, output } = tools;

  describe('what is accepted', () => {
    test.each<[string, readonly string[], string, string]>([
      [
        'system paths',
        ['--security-opt', 'systempaths=unconfined'],
        'grep -c " /proc/" /proc/mounts; true',
        '0',
      ],
      [
        'no new privileges',
        ['--security-opt', 'no-new-privileges'],
        "awk '/^NoNewPrivs/{print $2}' /proc/self/status",
        '1',
      ],
      [
        'labels that nothing reads',
        ['--security-opt', 'label=disable', '--security-opt', 'apparmor=unconfined'],
        'echo ok',
        'ok',
      ],
      ['a working directory that is not there', ['-w', '/a/b/c'], 'pwd', '/a/b/c'],
      ['a read-only root', ['--read-only'], 'touch /x 2>&1', 'touch: /x: Read-only file system'],
      [
        'a read-only root with a tmpfs',
        ['--read-only', '--tmpfs', '/run:size=1m,mode=750'],
        'touch /run/x; stat -c %a /run',
        '750',
      ],
      [
        'tmpfs flags',
        ['--tmpfs', '/t'],
        'grep -o " /t tmpfs rw,nosuid,nodev,noexec" /proc/mounts',
        ' /t tmpfs rw,nosuid,nodev,noexec',
      ],
      ['tmpfs that executes', ['--tmpfs', '/t:exec'], 'grep -c " /t .*noexec" /proc/mounts', '0'],
      ['shared memory', ['--shm-size', '8m'], "df -m /dev/shm | awk 'NR==2{print $2}'", '8'],
      ['oom score', ['--oom-score-adj', '500'], 'cat /proc/self/oom_score_adj', '500'],
      ['an init', ['--init'], 'echo $$; cat /proc/1/comm', '7'],
      [
        'a domain',
        ['--domainname', 'example.org', '--hostname', 'h'],
        'cat /proc/sys/kernel/domainname',
        'example.org',
      ],
      [
        'limits',
        ['--ulimit', 'nofile=77:88', '--ulimit', 'core=0'],
        'ulimit -Sn; ulimit -Hn; ulimit -c',
        '77\n88\n0',
      ],
      [
        'groups by number',
        ['--user', '1000:1001', '--group-add', '7', '--group-add', '8'],
        'id -G',
        '1001 7 8',
      ],
      [
        'a sysctl of the network',
        ['--sysctl', 'net.core.somaxconn=321'],
        'cat /proc/sys/net/core/somaxconn',
        '321',
      ],
      [
        'a sysctl of ipc',
        ['--sysctl', 'kernel.shmmax=4321'],
        'cat /proc/sys/kernel/shmmax',
        '4321',
      ],
      ['annotations', ['--annotation', 'a.b=c'], 'echo ok', 'ok'],
      ['runtime runc', ['--runtime', 'runc'], 'echo ok', 'ok'],
      [
        'user namespace of the host',
        ['--userns', 'host'],
        'cat /proc/self/uid_map | tr -s " "',
        ' 0 0 4294967295',
      ],
      ['isolation', ['--isolation', 'default'], 'echo ok', 'ok'],
    ])('%s', async (_name, options, script, expected) => {
      const { stdout } = await attempt(options, 'sh', '-c', script);
      if (expected === '7') expect(stdout).toMatch(/^[2-9]\d*\ndocker-init\n$/);
      else expect(stdout).toBe(`${expected}\n`);
    });

    test.each([
      ['SIGUSR1', 10],
      ['USR2', 12],
      ['15', 15],
      ['SIGRTMIN+3', 37],
    ])('stop signal %s', async (signal, number) => {
      const script = `trap 'echo got ${number}; exit 0' ${number}; echo up; while :; do sleep 0.02; done`;
      const id = await tools.docker.ok(
        'run',
        '-d',
        '--stop-signal',
        signal,
        'app',
        'sh',
        '-c',
        script,
      );
      await tools.docker.ok('exec', id, '/bin/busybox', 'true');
      await tools.docker.ok('stop', '-t', '20', id);
      expect(await tools.docker.ok('logs', id)).toContain(`got ${number}`);
    });

    test('links on the default bridge must be lines of the hosts file', async () => {
      await tools.docker.ok('run', '-d', '--name', 'donor', 'app', 'sleep', '1000');
      const format = '{{.NetworkSettings.IPAddress}}';
      const address = await tools.docker.ok('inspect', '--format', format, 'donor');
      const hosts = await output(['--link', 'donor:db'], 'cat', '/etc/hosts');
      expect(hosts).toContain(`${address}\tdb`);
      await tools.docker.ok('kill', 'donor');
      await tools.docker.ok('wait', 'donor');
      const { stderr } = await attempt(['--name', 'heir', '--link', 'donor:db'], 'true');
      expect(stderr).toContain('Cannot link to a non running container: /donor AS /heir/db');
    });
  });
}
