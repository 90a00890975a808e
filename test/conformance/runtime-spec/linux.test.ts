/** config-linux.md: namespaces, names, sysctls, seccomp, control groups. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import {
  createContainer,
  family,
  group,
  makeConfig,
  obligation,
  probe,
  runBundle,
  startContainer,
  unless,
} from './support.ts';
import type { Config, Container } from './support.ts';

const links = {
  pid: 'pid',
  network: 'net',
  ipc: 'ipc',
  uts: 'uts',
  mount: 'mnt',
  cgroup: 'cgroup',
  time: 'time',
} as const;
type Type = keyof typeof links;

const types = (...names: readonly string[]): Config => ({
  hostname: undefined,
  linux: { namespaces: ['mount', ...names].map((type) => ({ type })) },
});

const inContainer = async (type: Type, change: Config): Promise<string> =>
  (await probe(`readlink /proc/self/ns/${links[type]}`, change)).trim();
const ofThis = (type: Type): string => readlinkSync(`/proc/self/ns/${links[type]}`);

family('namespaces', () => {
  for (const type of ['pid', 'network', 'ipc', 'uts', 'cgroup', 'time'] as const) {
    obligation(`a new ${type} namespace is the container's own`, async () => {
      expect(await inContainer(type, types(type))).not.toBe(ofThis(type));
    });

    obligation(`without one the ${type} namespace is the creator's`, async () => {
      expect(await inContainer(type, types())).toBe(ofThis(type));
    });
  }

  for (const [type, option] of [
    ['network', '--net'],
    ['ipc', '--ipc'],
    ['uts', '--uts'],
    ['cgroup', '--cgroup'],
    ['pid', '--pid'],
  ] as const) {
    obligation(`a ${type} namespace is joined by its path`, async () => {
      const other = spawn('unshare', [option, '--fork', 'sleep', '1000'], { stdio: 'ignore' });
      const file = type === 'pid' ? 'pid_for_children' : links[type];
      const path = `/proc/${other.pid ?? 0}/ns/${file}`;
      try {
        await eventually(() => {
          expect(readlinkSync(path)).not.toBe(ofThis(type));
        });
        const wanted = readlinkSync(path);
        const change = {
          hostname: undefined,
          linux: { namespaces: [{ type: 'mount' }, { type, path }] },
        };
        expect(await inContainer(type, change)).toBe(wanted.replace('pid_for_children', 'pid'));
      } finally {
        const pids = [...childrenOf(other.pid ?? 0), other.pid ?? 0];
        for (const pid of pids) process.kill(pid, 'SIGKILL');
      }
    });
  }

  obligation('a path of another kind of namespace is refused', async () => {
    const change = {
      hostname: undefined,
      linux: { namespaces: [{ type: 'mount' }, { type: 'ipc', path: '/proc/self/ns/uts' }] },
    };
    expect((await runBundle(makeConfig(['true'], change))).code).not.toBe(0);
  });

  obligation('the program is the first process of a new pid namespace', async () => {
    expect((await runBundle(makeConfig(['sh', '-c', 'echo $$']))).stdout).toBe('1\n');
  });

  obligation('the loopback of a new network is up', async () => {
    expect(await probe('ifconfig lo')).toContain('UP LOOPBACK');
  });

  obligation('host name and domain name are those that are given', async () => {
    const change = { hostname: 'some-host', domainname: 'some.domain' };
    expect(await probe('hostname; cat /proc/sys/kernel/domainname', change)).toBe(
      'some-host\nsome.domain\n',
    );
  });

  for (const [name, value] of [
    ['net.ipv4.ip_forward', '1'],
    ['net.core.somaxconn', '77'],
    ['kernel.shm_rmid_forced', '1'],
    ['kernel.msgmax', '4096'],
    ['fs.mqueue.msg_max', '17'],
  ] as const) {
    obligation(`the parameter ${name} is what is given`, async () => {
      const found = await probe(`cat /proc/sys/${name.replaceAll('.', '/')}`, {
        linux: { sysctl: { [name]: value } },
      });
      expect(found).toBe(`${value}\n`);
    });
  }
});

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text
      .split(' ')
      .filter((word) => word.trim() !== '')
      .map(Number);
  } catch {
    return [];
  }
}

const filter = (syscalls: readonly Config[], more: Config = {}): Config => ({
  linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls, ...more } },
});
const mkdirs = { names: ['mkdir', 'mkdirat'] };
const refusal = async (change: Config): Promise<string> =>
  await probe(
    'mkdir /tmp/by-seccomp 2>&1 || true; test -d /tmp/by-seccomp && echo made; true',
    change,
  );

family('seccomp', () => {
  obligation('a call that is refused gets EPERM', async () => {
    expect(await refusal(filter([{ ...mkdirs, action: 'SCMP_ACT_ERRNO' }]))).toContain(
      'not permitted',
    );
  });

  for (const [errno, words] of [
    [28, 'No space left on device'],
    [38, 'Function not implemented'],
    [13, 'Permission denied'],
  ] as const) {
    obligation(`a call that is refused gets the ${errno} that is given`, async () => {
      const rule = { ...mkdirs, action: 'SCMP_ACT_ERRNO', errnoRet: errno };
      expect(await refusal(filter([rule]))).toContain(words);
    });
  }

  obligation('SCMP_ACT_TRACE without a tracer is ENOSYS', async () => {
    expect(await refusal(filter([{ ...mkdirs, action: 'SCMP_ACT_TRACE' }]))).toContain(
      'not implemented',
    );
  });

  for (const [action, signal] of [
    ['SCMP_ACT_KILL', 31],
    ['SCMP_ACT_KILL_THREAD', 31],
    ['SCMP_ACT_KILL_PROCESS', 31],
    ['SCMP_ACT_TRAP', 31],
  ] as const) {
    obligation(`${action} ends the program by SIGSYS`, async () => {
      const script = 'mkdir /tmp/killed; echo "ended $?"';
      expect(await probe(script, filter([{ ...mkdirs, action }]))).toContain(
        `ended ${128 + signal}`,
      );
    });
  }

  obligation('SCMP_ACT_LOG lets the call pass', async () => {
    const change = filter([{ ...mkdirs, action: 'SCMP_ACT_LOG' }]);
    expect(await probe('mkdir /tmp/logged && echo passed', change)).toBe('passed\n');
  });

  obligation('calls that no rule names get the default, with its number', async () => {
    const others = `read write open openat close stat fstat lstat newfstatat poll lseek mmap mprotect munmap brk
      rt_sigaction rt_sigprocmask rt_sigreturn ioctl pread64 access faccessat faccessat2 pipe pipe2 dup dup2 dup3
      getpid clone fork vfork execve exit exit_group wait4 fcntl getcwd chdir readlink readlinkat getuid getgid geteuid
      getegid getppid getpgrp setpgid arch_prctl set_tid_address set_robust_list prlimit64 getrandom rseq futex uname
      umask unlink unlinkat rmdir statx prctl getdents64 close_range capset setuid setgid setgroups`;
    const change = filter([{ names: others.split(/\s+/), action: 'SCMP_ACT_ALLOW' }], {
      ...{ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 28 },
    });
    expect(await refusal(change)).toContain('No space left');
  });

  obligation('names that no kernel has are passed over', async () => {
    const rule = { names: ['no_such_call', 'mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' };
    expect(await refusal(filter([rule]))).toContain('not permitted');
  });

  const mode = (op: string, value: number, valueTwo = 0): Config =>
    filter([
      {
        ...{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
        args: [{ index: 1, value, valueTwo, op }],
      },
    ]);
  for (const [op, value, two, refused] of [
    ['SCMP_CMP_EQ', 0o777, 0, true],
    ['SCMP_CMP_EQ', 0o700, 0, false],
    ['SCMP_CMP_NE', 0o777, 0, false],
    ['SCMP_CMP_NE', 0o700, 0, true],
    ['SCMP_CMP_LT', 0o777, 0, false],
    ['SCMP_CMP_LE', 0o777, 0, true],
    ['SCMP_CMP_GE', 0o777, 0, true],
    ['SCMP_CMP_GT', 0o777, 0, false],
    ['SCMP_CMP_MASKED_EQ', 0o70, 0o70, true],
    ['SCMP_CMP_MASKED_EQ', 0o70, 0o10, false],
  ] as const) {
    const what = `an argument is compared: ${op} ${value} ${two} ${refused ? 'holds' : 'does not hold'} for 511`;
    unless(arch() === 'x64' ? null : 'mkdir is a call of x86_64', what, async () => {
      const found = await probe(
        'mkdir /tmp/compared 2>&1 && echo made; rmdir /tmp/compared 2>/dev/null; true',
        mode(op, value, two),
      );
      expect(found.includes('No space left')).toBe(refused);
    });
  }

  obligation(
    'a filter holds for a program that may gain privileges and for one that may not',
    async () => {
      for (const noNewPrivileges of [true, false]) {
        const change = {
          ...filter([{ ...mkdirs, action: 'SCMP_ACT_ERRNO' }]),
          process: { noNewPrivileges },
        };
        expect(
          await probe('grep -w Seccomp: /proc/self/status; mkdir /tmp/x 2>&1 || true', change),
        ).toMatch(/Seccomp:\s+2[^]*not permitted/);
      }
    },
  );

  obligation('flags of the filter are taken', async () => {
    const flags = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'];
    expect(await refusal(filter([{ ...mkdirs, action: 'SCMP_ACT_ERRNO' }], { flags }))).toContain(
      'not permitted',
    );
  });

  obligation("the architectures that are listed are filtered, and the machine's own", async () => {
    const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'];
    const change = filter([{ ...mkdirs, action: 'SCMP_ACT_ERRNO' }], { architectures });
    expect(await refusal(change)).toContain('not permitted');
  });
});

const isV1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');
const needsV1 = isV1 ? null : 'cgroup v1 is not here';

function removeEmpty(name: string): void {
  for (const hierarchy of ['.', ...readdirSync('/sys/fs/cgroup')]) {
    const path = join('/sys/fs/cgroup', hierarchy, name);
    if (existsSync(path)) rmdirSync(path);
  }
}

/** The root of a hierarchy lacks some files that every group in it has: so a group is asked, which is made for that. */
function hasControl(file: string): string | null {
  if (!isV1) return needsV1;
  // Then the whole family is left out.
  if (process.getuid?.() !== 0) return null;
  const group = `/sys/fs/cgroup/${file.split('.')[0] ?? ''}/tscompose-oci-probe-${process.pid}`;
  mkdirSync(group);
  try {
    return existsSync(join(group, file)) ? null : `this kernel has no ${file}`;
  } finally {
    rmdirSync(group);
  }
}

const limitCases: readonly (readonly [resources: Config, file: string, value: string])[] = [
  [{ memory: { limit: 67108864 } }, 'memory.limit_in_bytes', '67108864'],
  [{ memory: { reservation: 33554432 } }, 'memory.soft_limit_in_bytes', '33554432'],
  [{ memory: { limit: 67108864, swap: 134217728 } }, 'memory.memsw.limit_in_bytes', '134217728'],
  [{ memory: { swappiness: 17 } }, 'memory.swappiness', '17'],
  [{ cpu: { shares: 333 } }, 'cpu.shares', '333'],
  [{ cpu: { quota: 20000, period: 50000 } }, 'cpu.cfs_quota_us', '20000'],
  [{ cpu: { quota: 20000, period: 50000 } }, 'cpu.cfs_period_us', '50000'],
  [{ cpu: { quota: -1 } }, 'cpu.cfs_quota_us', '-1'],
  [{ cpu: { cpus: '0' } }, 'cpuset.cpus', '0'],
  [{ cpu: { mems: '0' } }, 'cpuset.mems', '0'],
  [{ pids: { limit: 33 } }, 'pids.max', '33'],
  [{ pids: { limit: -1 } }, 'pids.max', 'max'],
];

family('control groups', () => {
  for (const [resources, file, value] of limitCases) {
    unless(hasControl(file), `${JSON.stringify(resources)} makes ${file} ${value}`, async () => {
      const config = makeConfig(['sleep', '1000'], { linux: { resources } });
      await using container = await createContainer(config);
      expect(container.created).toMatchObject({ code: 0 });
      expect(groupFile(container, config, file)).toBe(value);
    });
  }

  obligation('an absolute path is where the container is', async () => {
    const cgroupsPath = `/${group}/deeper/inside`;
    await using container = await createContainer(
      makeConfig(['sleep', '1000'], { linux: { cgroupsPath } }),
    );
    const { pid = 0 } = await container.state();
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(`${cgroupsPath}\n`);
    await container[Symbol.asyncDispose]();
    // What is above it is not the runtime's to take away.
    removeEmpty(`${group}/deeper`);
  });

  obligation('a relative path is the same place each time', async () => {
    const cgroupsPath = `${group}-relative`;
    const places: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      await using container = await createContainer(
        makeConfig(['sleep', '1000'], { linux: { cgroupsPath } }),
      );
      const { pid = 0 } = await container.state();
      places.push(/:memory:(.*)/.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '');
    }
    expect(places[0]).toContain(`/${cgroupsPath}`);
    expect(places[1]).toBe(places[0]);
  });

  obligation('without a path it has a group of its own all the same', async () => {
    const linux = { cgroupsPath: undefined };
    await using container = await createContainer(makeConfig(['sleep', '1000'], { linux }));
    const { pid = 0 } = await container.state();
    const own = readFileSync('/proc/self/cgroup', 'utf8');
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).not.toBe(own);
  });

  obligation('a container that takes too much memory is ended', async () => {
    const resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
    const config = makeConfig(['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=64M count=1'], {
      linux: { resources },
    });
    expect((await runBundle(config)).code).toBe(137);
  });

  obligation('a container cannot have more processes than it may', async () => {
    const resources = { pids: { limit: 3 } };
    const script = 'for i in 1 2 3 4 5; do sleep 1 & done; wait';
    const { stderr } = await runBundle(makeConfig(['sh', '-c', script], { linux: { resources } }));
    expect(stderr).toContain("can't fork");
  });

  unless(needsV1, 'update changes the limits of one that runs', async () => {
    const config = makeConfig(['sleep', '1000'], { linux: { resources: { pids: { limit: 50 } } } });
    await using container = await startContainer(config);
    const { code } = await container.call('update', '--pids-limit=20', '--memory=100663296');
    expect(code).toBe(0);
    expect(groupFile(container, config, 'pids.max')).toBe('20');
    expect(groupFile(container, config, 'memory.limit_in_bytes')).toBe('100663296');
  });

  unless(needsV1, 'the container sees its own groups where they are mounted', async () => {
    const mounts = [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/sys', type: 'sysfs', source: 'sysfs' },
      {
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['ro', 'nosuid'],
      },
    ];
    const linux = { resources: { pids: { limit: 44 } } };
    const script =
      'cat /sys/fs/cgroup/pids/pids.max; echo 1 > /sys/fs/cgroup/pids/pids.max || echo refused';
    expect(await probe(script, { mounts, linux })).toBe('44\nrefused\n');
  });
});

/** By the path that the configuration names. */
function groupFile(_container: Container, config: Config, file: string): string {
  const { cgroupsPath } = config['linux'] as { cgroupsPath: string };
  const controller = file.split('.')[0] ?? '';
  return readFileSync(`/sys/fs/cgroup/${controller}${cgroupsPath}/${file}`, 'utf8').trim();
}
