import { randomBytes } from 'node:crypto';
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createId } from '../../../engine/lib/index.ts';
import {
  buildSandboxSpec,
  Cgroups,
  defaultDeviceRules,
  everyDeviceRule,
  privateNamespaces,
  readHostFacts,
} from '../../../engine/runtime/index.ts';
import type { SandboxRequest, SandboxSpec } from '../../../engine/runtime/index.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import type { TempDir } from '../../lib/temp-dir.ts';
import { makeBox, mount, run } from './support.ts';
import type { Ran } from './support.ts';

const absent = missing('root');
const MS_BIND = 0x1000;
const host = readHostFacts();

let dir: TempDir;
let cgroups: Cgroups;
let id: string;

beforeEach(async () => {
  dir = await tempDir();
  cgroups = Cgroups.discover({ instance: `tsc-test-${randomBytes(3).toString('hex')}` });
  id = createId();
});

afterEach(async () => {
  await cgroups.remove(id);
  cgroups.removeEmptyInstance();
  expect(cgroups.list()).toEqual([]);
  await dir[Symbol.asyncDispose]();
});

type Change = Partial<Omit<SandboxRequest, 'security' | 'process'>> & {
  readonly security?: Partial<SandboxRequest['security']>;
  readonly process?: Partial<SandboxRequest['process']>;
};

function requestOf(
  args: readonly string[],
  { security, process, ...change }: Change,
): SandboxRequest {
  const box = makeBox(dir.path, args).spec;
  const files = { hosts: 'hosts', hostname: 'hostname', resolvConf: 'resolv.conf' };
  for (const name of Object.values(files))
    writeFileSync(join(dir.path, name), `${name} of the engine\n`);
  return {
    id,
    hostname: 'web',
    domainname: '',
    namespaces: privateNamespaces,
    networkNamespace: null,
    joins: [],
    cgroup: cgroups.placement(id),
    rootMounts: box.mounts.filter(({ target }) => target === '/' || target === '/usr'),
    mounts: [],
    files: {
      hosts: join(dir.path, files.hosts),
      hostname: join(dir.path, files.hostname),
      resolvConf: join(dir.path, files.resolvConf),
    },
    devices: [],
    sysctls: {},
    ulimits: [],
    shmSizeBytes: 0,
    log: box.log,
    paths: box.paths,
    ...change,
    process: {
      args,
      env: ['PATH=/usr/bin:/bin'],
      cwd: '',
      uid: 0,
      gid: 0,
      groups: [0],
      hasInit: false,
      terminal: null,
      hasInput: false,
      oomScoreAdj: null,
      ...process,
    },
    security: {
      isPrivileged: false,
      capAdd: [],
      capDrop: [],
      options: [],
      isRootReadonly: false,
      wantsCoreScheduling: false,
      appArmorProfile: null,
      labels: null,
      maskedPaths: null,
      readonlyPaths: null,
      ...security,
    },
  };
}

/** What a shell script prints inside, line by line. */
async function inside(script: string, change: Change = {}): Promise<readonly string[]> {
  const isPrivileged = change.security?.isPrivileged === true;
  cgroups.create(id, {
    devices: isPrivileged ? [everyDeviceRule] : defaultDeviceRules,
    limits: {},
  });
  const request = requestOf(['/bin/sh', '-c', script], change);
  const ran: Ran = await run(buildSandboxSpec(request, host));
  expect(ran.stderr).toBe('');
  expect(ran.exit.code).toBe(0);
  return ran.stdout.trimEnd().split('\n');
}

const status = 'grep -E "^(Cap|NoNewPrivs|Seccomp:|Groups)" /proc/self/status | tr "\\t" " "';

describe.skipIf(absent.length > 0)('a container with nothing asked for', () => {
  test('root must hold Docker’s fourteen capabilities, filtered', async () => {
    expect(await inside(status)).toEqual([
      'Groups: 0 ',
      'CapInh: 0000000000000000',
      'CapPrm: 00000000a80425fb',
      'CapEff: 00000000a80425fb',
      'CapBnd: 00000000a80425fb',
      'CapAmb: 0000000000000000',
      'NoNewPrivs: 0',
      'Seccomp: 2',
    ]);
  });

  test('another user must hold none', async () => {
    const lines = await inside(`id -u; id -g; id -G; ${status}`, {
      process: { uid: 1000, gid: 1001, groups: [1001, 5] },
    });
    expect(lines).toEqual([
      '1000',
      '1001',
      '1001 5',
      'Groups: 5 1001 ',
      'CapInh: 0000000000000000',
      'CapPrm: 0000000000000000',
      'CapEff: 0000000000000000',
      'CapBnd: 00000000a80425fb',
      'CapAmb: 0000000000000000',
      'NoNewPrivs: 0',
      'Seccomp: 2',
    ]);
  });

  test('every namespace but the network one must be its own', async () => {
    const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'uts'];
    const script = kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join('; ');
    const lines = await inside(script);
    const shared = kinds.filter(
      (kind, index) => readlinkSync(`/proc/self/ns/${kind}`) === lines[index],
    );
    expect(shared).toEqual(['net']);
  });

  test('its /dev must hold these and nothing else', async () => {
    const lines = await inside('cd /dev; for name in *; do stat -c "%n %F %t:%T %a" "$name"; done');
    expect(lines).toEqual([
      'core symbolic link 0:0 777',
      'fd symbolic link 0:0 777',
      'full character special file 1:7 666',
      'mqueue directory 0:0 1777',
      'null character special file 1:3 666',
      'ptmx symbolic link 0:0 777',
      'pts directory 0:0 755',
      'random character special file 1:8 666',
      'shm directory 0:0 1777',
      'stderr symbolic link 0:0 777',
      'stdin symbolic link 0:0 777',
      'stdout symbolic link 0:0 777',
      'tty character special file 5:0 666',
      'urandom character special file 1:9 666',
      'zero character special file 1:5 666',
    ]);
  });

  test('it must have these mounts with these options', async () => {
    const lines = (await inside('cat /proc/self/mountinfo')).map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const [, , , , target = '', options = ''] = left.split(' ');
      return `${target} ${options} ${right.split(' ')[0] ?? ''}`;
    });
    // Masked and read-only paths and the test's own /usr are looked at elsewhere.
    const visible = lines.filter(
      (line) => !/^\/(usr|proc\/|sys\/(devices|firmware|fs))/.test(line),
    );
    const fileSystem = lines.find((line) => line.startsWith('/etc/hosts '))?.split(' ')[2] ?? '';
    // In the order of mount ids, which a bind gets before it is attached.
    expect(visible.toSorted()).toEqual([
      '/ rw,relatime overlay',
      '/dev rw,nosuid tmpfs',
      '/dev/mqueue rw,nosuid,nodev,noexec,relatime mqueue',
      '/dev/pts rw,nosuid,noexec,relatime devpts',
      '/dev/shm rw,nosuid,nodev,noexec,relatime tmpfs',
      `/etc/hostname rw,relatime ${fileSystem}`,
      `/etc/hosts rw,relatime ${fileSystem}`,
      `/etc/resolv.conf rw,relatime ${fileSystem}`,
      '/proc rw,nosuid,nodev,noexec,relatime proc',
      '/sys ro,nosuid,nodev,noexec,relatime sysfs',
    ]);
  });

  test('it must not write what is not its own', async () => {
    const paths = [
      '/proc/sys/kernel/hostname',
      '/proc/sys/vm/swappiness',
      '/proc/sysrq-trigger',
      '/sys/kernel/mm/transparent_hugepage/enabled',
      '/proc/irq/default_smp_affinity',
    ];
    const script = paths.map((path) => `(echo 1 > ${path}) 2>/dev/null && echo ${path}`).join('; ');
    expect(await inside(`${script}; echo end`)).toEqual(['end']);
  });

  test('it must read nothing of masked files', async () => {
    const paths = [
      '/proc/kcore',
      '/proc/keys',
      '/proc/timer_list',
      '/proc/interrupts',
      '/sys/firmware',
      '/proc/acpi',
    ];
    const script = `for path in ${paths.join(' ')}; do
      if [ -d $path ]; then ls -A $path; elif [ -e $path ]; then head -c 1 $path | wc -c; fi; done | sort -u; echo end`;
    expect((await inside(script)).filter((line) => line !== '0')).toEqual(['end']);
  });

  test('it must see its own cgroups, read-only', async () => {
    const script = `cat /proc/self/cgroup | cut -d: -f3 | sort -u
      for file in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do [ -e $file ] && grep -c . $file; done | sort -u
      mkdir /sys/fs/cgroup/x 2>/dev/null && echo made
      for directory in /sys/fs/cgroup/*/; do mkdir $directory/x 2>/dev/null && echo made; done; echo end`;
    const lines = await inside(script);
    // Hierarchies that a container does not join show the engine's own place in them.
    expect(lines[0]).toBe('/');
    expect(lines.slice(-1)).toEqual(['end']);
    expect(lines).not.toContain('made');
  });

  test('the files of /etc must be the engine’s', async () => {
    expect(await inside('cat /etc/hosts /etc/hostname /etc/resolv.conf; hostname')).toEqual([
      'hosts of the engine',
      'hostname of the engine',
      'resolv.conf of the engine',
      'web',
    ]);
  });

  test('it must have Docker’s limits of open files, no descriptor and the environment it was given', async () => {
    const hard = Math.min(524_288, Number(host.hardNofile));
    expect(
      await inside('ulimit -Sn; ulimit -Hn; ls /proc/self/fd; env | sort; pwd; umask'),
    ).toEqual([
      ...['1024', String(hard)],
      // 3 is the directory that ls reads.
      ...['0', '1', '2', '3'],
      ...['PATH=/usr/bin:/bin', 'PWD=/', '/', '0022'],
    ]);
  });

  test('calls that the filter refuses must fail', async () => {
    const script = `unshare -U true 2>&1 | grep -o "not permitted"
      mount -t tmpfs none /tmp 2>&1 | grep -o "permission denied"
      (: < /dev/null) && echo open
      mknod /tmp/disk b 8 0 && (: < /tmp/disk) 2>&1 | grep -o "not permitted"`;
    expect(await inside(script)).toEqual([
      'not permitted',
      'permission denied',
      'open',
      'not permitted',
    ]);
  });
});

describe.skipIf(absent.length > 0)('an option', () => {
  test('a read-only root must refuse writes but those to mounts', async () => {
    mkdirSync(join(dir.path, 'volume'));
    const script = `(: > /file) 2>/dev/null && echo root; (: > /etc/file) 2>/dev/null && echo etc
      : > /dev/shm/file && echo shm; : > /data/file && echo data`;
    const mounts = [mount('bind', '/data', { source: join(dir.path, 'volume'), flags: MS_BIND })];
    expect(await inside(script, { security: { isRootReadonly: true }, mounts })).toEqual([
      'shm',
      'data',
    ]);
  });

  test('no-new-privileges and dropped capabilities must be seen', async () => {
    const lines = await inside(status, {
      security: { options: ['no-new-privileges'], capDrop: ['ALL'], capAdd: ['CHOWN'] },
    });
    expect(lines.slice(2)).toEqual([
      'CapPrm: 0000000000000001',
      'CapEff: 0000000000000001',
      'CapBnd: 0000000000000001',
      'CapAmb: 0000000000000000',
      'NoNewPrivs: 1',
      'Seccomp: 2',
    ]);
  });

  test('privileged must hold what the engine holds, unfiltered, and open any device', async () => {
    const lines = await inside(
      `${status}; mknod /tmp/kmsg c 1 11 && (: < /tmp/kmsg) && echo open`,
      {
        security: { isPrivileged: true },
      },
    );
    const all = host.capabilities.toString(16).padStart(16, '0');
    expect(lines.slice(2)).toEqual([
      `CapPrm: ${all}`,
      `CapEff: ${all}`,
      `CapBnd: ${all}`,
      'CapAmb: 0000000000000000',
      'NoNewPrivs: 0',
      'Seccomp: 0',
      'open',
    ]);
  });

  test('shared memory, ulimits and sysctls must be as asked', async () => {
    const lines = await inside(
      'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2; ulimit -n; ulimit -c; cat /proc/sys/kernel/msgmax',
      {
        shmSizeBytes: 1 << 20,
        ulimits: [
          { name: 'nofile', soft: 100, hard: 200 },
          { name: 'core', soft: 0, hard: 0 },
        ],
        sysctls: { 'kernel.msgmax': '4242' },
      },
    );
    expect(lines).toEqual(['1024', '100', '0', '4242']);
  });
});

describe.skipIf(absent.length > 0)('attributes of a process', () => {
  const withAttribute = (path: string, value: string): SandboxSpec => {
    cgroups.create(id, { devices: defaultDeviceRules, limits: {} });
    const spec = buildSandboxSpec(requestOf(['/bin/cat', '/proc/self/oom_score_adj'], {}), host);
    return { ...spec, process: { ...spec.process, attributes: [[path, value]] } };
  };

  // One that every kernel has, in the place of those of a security module.
  test('must be written to the process that becomes the program', async () => {
    const ran = await run(withAttribute('oom_score_adj', '321'));
    expect([ran.exit.code, ran.stdout]).toEqual([0, '321\n']);
  });

  const active = host.hasAppArmor;
  test.skipIf(active)('that the kernel does not have must end the start', async () => {
    const failed = withAttribute('attr/apparmor/exec', 'exec tscompose-default');
    await expect(run(failed)).rejects.toMatchObject({
      ...{ stage: 'attribute', path: 'attr/apparmor/exec', errno: 'ENOENT' },
    });
  });

  const errno = { available: null, 'not-built': 'EINVAL', 'no-threads': 'ENODEV' }[
    host.coreScheduling
  ];
  test('core scheduling must be done, or end the start', async () => {
    cgroups.create(id, { devices: defaultDeviceRules, limits: {} });
    const spec = buildSandboxSpec(requestOf(['/bin/true'], {}), host);
    const ran = run({ ...spec, process: { ...spec.process, hasCoreScheduling: true } });
    if (errno === null) expect((await ran).exit.code).toBe(0);
    else await expect(ran).rejects.toMatchObject({ stage: 'scheduling', path: 'core', errno });
  });

  test.each([
    ['a link', 'exe'],
    ['what a link leads to', 'root/proc/self/oom_score_adj'],
    ['a descriptor', 'fd/0'],
  ])('%s must not be written to', async (_, path) => {
    await expect(run(withAttribute(path, '1'))).rejects.toMatchObject({
      ...{ stage: 'attribute', path, errno: 'ELOOP' },
    });
  });
});
