/** Podman with conmon on top of our runtime: what an OCI runtime is for. Images are made here, nothing has a network. */
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import { missing } from '../../lib/requires.ts';
import { tempPrefix } from '../../lib/temp-dir.ts';

const runtime = new URL('../../../dist/bin/tscompose-oci.cjs', import.meta.url).pathname;
const group = 'tscompose-podman';
const image = 'local/box:1';
const absent = missing('root', 'busybox', 'podman');
const without = absent.length === 0 ? '' : ` (needs ${absent.join(', ')})`;

let directory = '';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function words(args: readonly string[]): readonly string[] {
  const at = (name: string): string => join(directory, name);
  return [
    ...['--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp')],
    ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'],
    ...['--runtime', at('runtime'), ...args],
  ];
}

/** What a machine gives is below what podman asks for by itself. */
const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  CONTAINERS_CONF: join(directory, 'containers.conf'),
});

async function podman(...args: readonly string[]): Promise<Outcome> {
  return await call('podman', words(args));
}

async function call(program: string, args: readonly string[]): Promise<Outcome> {
  return await new Promise((resolve) => {
    execFile(program, [...args], { env: environment() }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** It must succeed; what it prints. */
async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await podman(...args);
  if (code !== 0) throw new Error(`podman ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

const alone = ['--network', 'none', '--cgroup-parent', `/${group}`] as const;

describe.skipIf(absent.length > 0)(`podman on our runtime${without}`, () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), tempPrefix));
    writeFileSync(
      join(directory, 'containers.conf'),
      '[containers]\ndefault_ulimits = ["nofile=512:1024", "nproc=512:1024"]\n',
    );
    // Not an option of podman's: its own clean-up would not pass that on.
    const script = `#!/bin/sh\nexec ${runtime} --root ${join(directory, 'oci')} "$@"\n`;
    writeFileSync(join(directory, 'runtime'), script, { mode: 0o755 });
    const tree = join(directory, 'tree');
    for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(tree, name), { recursive: true });
    copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
    for (const applet of [
      'sh',
      'cat',
      'echo',
      'grep',
      'id',
      'sleep',
      'touch',
      'tty',
      'true',
      'ls',
    ]) {
      symlinkSync('busybox', join(tree, 'bin', applet));
    }
    writeFileSync(
      join(tree, 'etc/passwd'),
      'root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n',
    );
    execFileSync('tar', ['-C', tree, '-cf', join(directory, 'tree.tar'), '.']);
    await done('import', join(directory, 'tree.tar'), image);
  });

  afterAll(async () => {
    await podman('rm', '-af', '-t', '0');
    expect(readdirSync(join(directory, 'oci'))).toEqual([]);
    execFileSync('sh', [
      '-c',
      `for p in $(find /sys/fs/cgroup -depth -type d -path '*/${group}*'); do rmdir $p; done`,
    ]);
    rmSync(directory, { recursive: true, force: true });
  });

  test('run passes output and exit code on, and tells what could not be run as podman does', async () => {
    expect(await done('run', '--rm', ...alone, image, 'echo', 'hello')).toBe('hello\n');
    expect((await podman('run', '--rm', ...alone, image, 'sh', '-c', 'exit 7')).code).toBe(7);
    expect((await podman('run', '--rm', ...alone, image, 'no-such-program')).code).toBe(127);
    expect((await podman('run', '--rm', ...alone, image, '/etc/passwd')).code).toBe(126);
  });

  test('limits, a read-only root, tmpfs, volumes, users and capabilities are what is asked for', async () => {
    writeFileSync(join(directory, 'shared'), 'of the host\n');
    const script = `cat /shared; touch /x || echo read-only; touch /scratch/y && ls /scratch
      grep CapBnd /proc/self/status; id -u; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max`;
    const options = [
      ...['--pids-limit', '20', '--memory', '64m', '--read-only', '--tmpfs', '/scratch:mode=1777'],
      ...['-v', `${join(directory, 'shared')}:/shared:ro`, '--cap-drop', 'ALL', '--user', 'user'],
    ];
    const printed = await podman('run', '--rm', ...alone, ...options, image, 'sh', '-c', script);
    const lines = printed.stdout.split('\n');
    expect(lines.slice(0, 5)).toEqual([
      ...['of the host', 'read-only', 'y', 'CapBnd:\t0000000000000000', '1000'],
    ]);
    expect(lines).toContain('20');
  });

  test('run -it has a terminal', async () => {
    const line = ['podman', ...words(['run', '--rm', '-it', ...alone, image, 'tty'])].join(' ');
    const { stdout } = await call('script', ['-qec', line, '/dev/null']);
    expect(stdout).toContain('/dev/pts/0');
  });

  test('a container in the background: exec, logs, pause, stop, its exit code, rm', async () => {
    const loop = 'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done';
    await done('run', '-d', '--name', 'one', ...alone, image, 'sh', '-c', loop);
    await eventually(async () => {
      expect(await done('logs', 'one')).toBe('ready\n');
    });
    expect((await podman('exec', 'one', 'sh', '-c', 'exit 5')).code).toBe(5);
    const line = ['podman', ...words(['exec', '-it', 'one', 'tty'])].join(' ');
    expect((await call('script', ['-qec', line, '/dev/null'])).stdout).toContain('/dev/pts/0');
    await done('pause', 'one');
    expect(await done('inspect', 'one', '--format', '{{.State.Status}}')).toBe('paused\n');
    await done('unpause', 'one');
    await done('stop', '-t', '10', 'one');
    expect(await done('inspect', 'one', '--format', '{{.State.Status}} {{.State.ExitCode}}')).toBe(
      'exited 3\n',
    );
    await done('rm', 'one');
  });

  test('kill, a health check and a pod', async () => {
    await done('pod', 'create', '--name', 'pod', '--infra=false');
    const health = ['--health-cmd', 'echo well', '--health-interval', 'disable'];
    await done(
      'run',
      '-d',
      '--name',
      'two',
      '--pod',
      'pod',
      ...health,
      ...alone,
      image,
      'sleep',
      '1000',
    );
    expect((await podman('healthcheck', 'run', 'two')).code).toBe(0);
    await done('kill', 'two');
    expect(await done('wait', 'two')).toBe('137\n');
    await done('pod', 'rm', '-f', '-t', '0', 'pod');
  });
});
