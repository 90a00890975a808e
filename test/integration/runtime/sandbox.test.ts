import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SandboxSpec } from '../../../engine/runtime/sandbox-spec.ts';
import { connectShim, ShimError } from '../../../engine/runtime/shim.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { startInEngine } from './engine-process.ts';
import { dockerCapabilities, makeBox, mount, readOutput, run, start, type Ran } from './support.ts';

const shell = (script: string): string[] => ['sh', '-c', script];
const ends = (path: string): string => `${path} 2>&1 | sed "s/.*: //"`;
const readOnly = 'Read-only file system\n';

/** What the script prints in a sandbox that `change` made out of the usual one. */
async function output(
  script: string,
  change: (spec: SandboxSpec, dir: string) => SandboxSpec = (spec) => spec,
): Promise<string> {
  await using dir = await tempDir();
  const { spec } = makeBox(dir.path, shell(script));
  const { exit, stdout, stderr } = await run(change(spec, dir.path));
  expect({ code: exit.code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

const asProcess =
  (process: Partial<SandboxSpec['process']>) =>
  (spec: SandboxSpec): SandboxSpec => ({ ...spec, process: { ...spec.process, ...process } });

const withMounts =
  (...mounts: readonly SandboxSpec['mounts'][number][]) =>
  (spec: SandboxSpec): SandboxSpec => ({ ...spec, mounts: [...spec.mounts, ...mounts] });

describe('a sandbox', () => {
  test('has namespaces of its own, and the network it was given', async () => {
    const names = ['mnt', 'pid', 'uts', 'ipc', 'cgroup', 'net', 'user'];
    const text = await output(`for n in ${names.join(' ')}; do readlink /proc/self/ns/$n; done`);
    const inside = text.trim().split('\n');
    const shared = names.filter((name, i) => readlinkSync(`/proc/self/ns/${name}`) === inside[i]);
    expect(shared).toEqual(['net', 'user']);
  });

  test('runs its program as pid 1 in a session of its own, under its own host name', async () => {
    const text = await output(
      'echo $$; cat /proc/sys/kernel/hostname; cut -d" " -f5,6 /proc/1/stat',
      (spec) => ({ ...spec, hostname: 'web-1' }),
    );
    expect(text).toBe('1\nweb-1\n1 1\n');
    expect(hostname()).not.toBe('web-1');
  });

  test('sees its own mounts and nothing of the host, above them neither', async () => {
    const text = await output('cut -d" " -f5 /proc/self/mountinfo | sort; cd /..; ls; ls ..');
    const root = ['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'sbin', 'sys', 'tmp', 'usr'];
    expect(text.trim().split('\n')).toEqual([
      '/',
      '/dev',
      '/dev/mqueue',
      '/dev/pts',
      '/dev/shm',
      '/proc',
      ...['acpi', 'bus', 'fs', 'irq', 'keys', 'sys', 'timer_list']
        .map((name) => `/proc/${name}`)
        .filter((path) => existsSync(path)),
      '/sys',
      ...['/sys/firmware'].filter((path) => existsSync(path)),
      '/usr',
      ...root,
      ...root,
    ]);
  });

  test('covers masked paths and protects read-only ones', async () => {
    const text = await output(
      [
        'cat /proc/keys /proc/timer_list; ls -A /proc/acpi',
        `for f in /proc/sys/kernel/domainname /proc/keys /sys/kernel/x; do ${ends('(echo 1 > $f)')}; done`,
        ends('touch /proc/acpi/x'),
      ].join('\n'),
    );
    expect(text).toBe(readOnly.repeat(4));
  });

  test('has a read-only root when told so, with writable places on top', async () => {
    const text = await output(
      `${ends('touch /etc/x')}; touch /dev/shm/x /tmp/x && echo fine`,
      (spec) =>
        withMounts(mount('tmpfs', '/tmp', { data: 'mode=1777' }))({
          ...spec,
          isRootReadonly: true,
        }),
    );
    expect(text).toBe(`${readOnly}fine\n`);
  });

  test('keeps what is written in the upper directory only', async () => {
    await using dir = await tempDir();
    const { spec, lower, upper } = makeBox(dir.path, shell('echo data > /etc/new'));
    await run(spec);
    expect(readFileSync(join(upper, 'etc/new'), 'utf8')).toBe('data\n');
    expect(readdirSync(join(lower, 'etc'))).toEqual([]);
  });

  test('mounts binds with their flags and makes missing targets', async () => {
    const script = `cat /etc/hosts; touch /data/deep/x; ${ends('touch /frozen/y')}; stat -c %a /data; ls /frozen`;
    const text = await output(script, (spec, dir) => {
      const data = join(dir, 'data');
      mkdirSync(data);
      writeFileSync(join(dir, 'hosts'), '127.0.0.1 here\n');
      return withMounts(
        mount('bind', '/data/deep', { source: data }),
        mount('bind', '/frozen', { source: data, flags: 1 }),
        mount('bind', '/etc/hosts', { source: join(dir, 'hosts'), create: 'file' }),
      )(spec);
    });
    expect(text).toBe(`127.0.0.1 here\n${readOnly}755\nx\n`);
  });

  test('writes its own sysctls', async () => {
    const before = readFileSync('/proc/sys/kernel/shmmni', 'utf8');
    const text = await output('cat /proc/sys/kernel/shmmni', (spec) => ({
      ...spec,
      sysctls: [['kernel/shmmni', '1234']],
    }));
    expect(text).toBe('1234\n');
    expect(readFileSync('/proc/sys/kernel/shmmni', 'utf8')).toBe(before);
  });

  test('makes its working directory, and stays inside with it', async () => {
    expect(await output('pwd', asProcess({ cwd: '/made/for/it' }))).toBe('/made/for/it\n');
    for (let fd = 3; fd < 20; fd++) {
      await using dir = await tempDir();
      const { spec } = makeBox(dir.path, shell('pwd; ls'));
      const change = asProcess({ cwd: `/proc/self/fd/${fd}` });
      await expect(start(change(spec))).rejects.toBeInstanceOf(ShimError);
    }
  });

  test('takes layers whose names mount options would cut', async () => {
    await using dir = await tempDir();
    const odd = join(dir.path, 'a:b,c\\d');
    mkdirSync(odd);
    const { spec } = makeBox(odd, ['cat', '/etc/file']);
    writeFileSync(join(odd, 'lower/etc/file'), 'found\n');
    expect((await run(spec)).stdout).toBe('found\n');
  });

  test('takes layers whose paths are longer than fsconfig allows', async () => {
    await using dir = await tempDir();
    const deep = join(dir.path, 'd'.repeat(200), 'e'.repeat(200));
    mkdirSync(deep, { recursive: true });
    const { spec } = makeBox(deep, ['cat', '/etc/file']);
    writeFileSync(join(deep, 'lower/etc/file'), 'found\n');
    expect((await run(spec)).stdout).toBe('found\n');
  });

  // mount(2) is what there is before Linux 6.7, and what strace makes the shim believe here.
  test.skipIf(missing('strace').length > 0)(
    'mounts its root on older kernels as well',
    async () => {
      await using dir = await tempDir();
      const odd = join(dir.path, 'a:b,c\\d');
      mkdirSync(odd);
      const { spec, lower } = makeBox(
        odd,
        shell('grep -o " lowerdir=\\|,lowerdir=" /proc/mounts; cat /etc/file; ls /..'),
      );
      writeFileSync(join(lower, 'etc/file'), 'found\n');
      const trace = join(dir.path, 'trace');
      const inject = ['-e', 'trace=fsconfig', '-e', 'inject=fsconfig:error=EINVAL:when=2'];
      const engine = await startInEngine(dir.path, { spec, waitsForStart: true }, [
        ...['strace', '-f', '-qq', '-o', trace],
        ...inject,
      ]);
      const ended = once(engine.process, 'exit');
      const shim = await connectShim({
        controlPath: spec.paths.control,
        exitPath: spec.paths.exit,
      });
      await shim?.start();
      expect(await shim?.exited).toMatchObject({ code: 0 });
      await shim?.gone;
      await ended;
      const { stdout } = await readOutput(spec.log.path);
      expect(stdout).toBe(
        ',lowerdir=\nfound\nbin\ndev\netc\nlib\nlib64\nproc\nsbin\nsys\ntmp\nusr\n',
      );
    },
  );

  test('finds a program along its own PATH, from its own directory', async () => {
    await using dir = await tempDir();
    const { spec, lower } = makeBox(dir.path, ['hello']);
    mkdirSync(join(lower, 'opt/a/hello'), { recursive: true });
    mkdirSync(join(lower, 'opt/b'), { recursive: true });
    writeFileSync(join(lower, 'opt/b/hello'), '#!/bin/sh\necho $0 $GREETING\n', { mode: 0o755 });
    const env = ['GREETING=hi', 'PATH=/nowhere:/opt/a:/opt/b'];
    expect((await run(asProcess({ env })(spec))).stdout).toBe('/opt/b/hello hi\n');
    const relative = makeBox(join(dir.path, 'second'), ['./hello']);
    mkdirSync(join(relative.lower, 'opt/b'), { recursive: true });
    writeFileSync(join(relative.lower, 'opt/b/hello'), '#!/bin/sh\npwd\n', { mode: 0o755 });
    expect((await run(asProcess({ cwd: '/opt/b' })(relative.spec))).stdout).toBe('/opt/b\n');
  });
});

describe('credentials', () => {
  const caps = 'grep ^Cap /proc/self/status | cut -f2';
  const hex = (mask: bigint): string => mask.toString(16).padStart(16, '0');
  const sets = (...masks: readonly bigint[]): string =>
    masks.map((mask) => `${hex(mask)}\n`).join('');
  const docker = dockerCapabilities;
  const bind = 1n << 10n;

  // Inheritable, permitted, effective, bounding, ambient.
  test.each<[string, Partial<SandboxSpec['process']>, string]>([
    ['root with the defaults', {}, sets(0n, docker, docker, docker, 0n)],
    ['a user with the defaults', { uid: 1000, gid: 1000 }, sets(0n, 0n, 0n, docker, 0n)],
    ['root with init', { hasInit: true }, sets(0n, docker, docker, docker, 0n)],
    [
      'root with none',
      {
        capabilities: { bounding: 0n, effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n },
      },
      sets(0n, 0n, 0n, 0n, 0n),
    ],
    [
      'a user with an ambient one',
      {
        uid: 1000,
        gid: 1000,
        capabilities: {
          bounding: docker,
          effective: bind,
          permitted: bind,
          inheritable: bind,
          ambient: bind,
        },
      },
      sets(bind, bind, bind, docker, bind),
    ],
    ['root with a filter', { seccomp: allowAll() }, sets(0n, docker, docker, docker, 0n)],
    ['a user with a filter', { uid: 5, seccomp: allowAll() }, sets(0n, 0n, 0n, docker, 0n)],
    [
      'init with a filter',
      { hasInit: true, seccomp: allowAll() },
      sets(0n, docker, docker, docker, 0n),
    ],
  ])('capabilities of %s are exact', async (_name, change, expected) => {
    expect(await output(caps, asProcess(change))).toBe(expected);
  });

  test('init keeps no more than its program', async () => {
    const text = await output(
      'grep -E "^Cap|Seccomp:" /proc/1/status | cut -f2',
      asProcess({ hasInit: true, seccomp: allowAll() }),
    );
    expect(text).toBe(`${sets(0n, docker, docker, docker, 0n)}2\n`);
  });

  test('user, group and groups are the given ones and no others', async () => {
    const text = await output(
      'grep -E "^(Uid|Gid|Groups)" /proc/self/status; umask; echo x > /dev/stdout',
      asProcess({ uid: 1234, gid: 99, groups: [7, 4_000_000_000], umask: 0o027 }),
    );
    expect(text.replaceAll(/[\t ]+/g, ' ')).toBe(
      'Uid: 1234 1234 1234 1234\nGid: 99 99 99 99\nGroups: 7 4000000000 \n0027\nx\n',
    );
  });

  test('limits, no_new_privs and the oom score are set', async () => {
    const text = await output(
      'ulimit -Sn; ulimit -Hn; ulimit -c; grep NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj',
      asProcess({
        rlimits: [
          [7, 100n, 200n],
          [4, 0n, 0n],
        ],
        hasNoNewPrivileges: true,
        oomScoreAdj: 321,
      }),
    );
    expect(text).toBe('100\n200\n0\nNoNewPrivs:\t1\n321\n');
  });

  test.each([false, true])(
    'a seccomp filter holds (no_new_privs: %s)',
    async (hasNoNewPrivileges) => {
      const text = await output(
        ends('mkdir /tmp/x') + '; grep Seccomp: /proc/self/status',
        asProcess({ seccomp: denyMkdir(), hasNoNewPrivileges }),
      );
      expect(text).toBe('Operation not permitted\nSeccomp:\t2\n');
    },
  );

  test('the session keyring is a fresh one', async () => {
    const text = await output('cat /proc/keys; perl -e "print syscall(250, 0, -3, 0)"', (spec) => ({
      ...spec,
      maskedPaths: [],
    }));
    const serial = Number(text.trim().split('\n').at(-1));
    expect(serial).toBeGreaterThan(0);
    const own = Number(execFileSync('perl', ['-e', 'print syscall(250, 0, -3, 0)']).toString());
    expect(serial).not.toBe(own);
  });

  test('standard input is the null device of the container', async () => {
    expect(await output('cat; stat -L -c %t:%T /proc/self/fd/0; readlink /proc/self/fd/0')).toBe(
      '1:3\n/dev/null\n',
    );
  });
});

describe('an image that lies', () => {
  const places = ['dev', 'proc', 'sys', 'dev/pts', 'dev/shm', 'dev/mqueue', 'tmp/volume'];
  const cases = places.flatMap((place) => [
    [place, 'absolute'] as const,
    [place, 'relative'] as const,
    [place, 'inside'] as const,
  ]);

  test.each(cases)('with /%s as a link (%s) reaches nothing outside', async (place, kind) => {
    await using dir = await tempDir();
    const canary = join(dir.path, 'canary');
    mkdirSync(canary);
    const { spec, lower } = makeBox(join(dir.path, 'box'), shell('echo ran; touch /dev/shm/made'));
    mkdirSync(join(lower, place, '..'), { recursive: true });
    mkdirSync(join(lower, 'inside'));
    const target = {
      absolute: canary,
      relative: `${'../'.repeat(20)}${canary.slice(1)}`,
      inside: '/inside',
    };
    symlinkSync(target[kind], join(lower, place));
    const ran: Ran | ShimError = await run(withMounts(mount('tmpfs', '/tmp/volume'))(spec)).catch(
      (error: unknown) => {
        if (error instanceof ShimError) return error;
        throw error;
      },
    );
    // What leads out of the image is refused; what stays inside is followed, as the program would.
    if (kind === 'inside' || place.startsWith('dev/'))
      expect(ran).toMatchObject({ stdout: 'ran\n' });
    else expect(ran).toMatchObject({ stage: 'mount', path: `/${place}` });
    expect(readdirSync(canary)).toEqual([]);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    expect(mounts.includes(dir.path)).toBe(false);
  });

  test('with our own program as entrypoint cannot change it', async () => {
    await using dir = await tempDir();
    const { spec, lower } = makeBox(dir.path, ['/entry']);
    writeFileSync(join(lower, 'entry'), '#!/proc/self/exe\n', { mode: 0o755 });
    // The kernel runs the shim once more, as the container's user; without its descriptors it refuses.
    const { exit } = await run(spec);
    expect(exit.code).toBe(1);
    const script =
      'for i in 1 2 3; do (echo x > /proc/1/exe) 2>&1; (echo x >> /proc/1/exe) 2>&1; done | sed "s/.*: //" | sort -u';
    const init = makeBox(join(dir.path, 'init'), shell(script));
    const all = 0x1fffeffffffn;
    const capabilities = {
      bounding: all,
      effective: all,
      permitted: all,
      inheritable: 0n,
      ambient: 0n,
    };
    const change = asProcess({ hasInit: true, capabilities });
    const { stdout } = await run(change(init.spec));
    expect(['Operation not permitted\n', 'Permission denied\n', 'Text file busy\n']).toContain(
      stdout,
    );
  });
});

interface Instruction {
  readonly code: number;
  readonly jt?: number;
  readonly jf?: number;
  readonly k: number;
}

function program(...instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(8 * instructions.length);
  for (const [i, { code, jt = 0, jf = 0, k }] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * i);
    bytes.writeUInt8(jt, 8 * i + 2);
    bytes.writeUInt8(jf, 8 * i + 3);
    bytes.writeUInt32LE(k, 8 * i + 4);
  }
  return bytes;
}

const allow: Instruction = { code: 0x06, k: 0x7fff0000 };

function allowAll(): Uint8Array {
  return program(allow);
}

/** EPERM for mkdir and mkdirat by their x86_64 and arm64 numbers. */
function denyMkdir(): Uint8Array {
  const numbers = process.arch === 'x64' ? [83, 258] : [34, 34];
  return program(
    { code: 0x20, k: 0 },
    { code: 0x15, jt: 1, jf: 0, k: numbers[0] ?? 0 },
    { code: 0x15, jt: 0, jf: 1, k: numbers[1] ?? 0 },
    { code: 0x06, k: 0x00050001 },
    allow,
  );
}
