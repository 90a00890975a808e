import { describe, expect, test } from 'vitest';
import { capabilityNames, capabilitySet } from '../../../../engine/runtime/capabilities.ts';
import { mountOf } from '../../../../engine/runtime/default-mounts.ts';
import {
  buildSandboxSpec,
  printSandboxSpec,
  privateNamespaces,
} from '../../../../engine/runtime/index.ts';
import type { HostFacts, SandboxRequest } from '../../../../engine/runtime/index.ts';

const host: HostFacts = {
  architecture: 'x86_64',
  capabilities: capabilitySet(capabilityNames),
  hasTimeNamespace: true,
  coreScheduling: 'not-built',
  hasAppArmor: false,
  hasSelinux: false,
  containerLabels: null,
  kernel: '6.1.0-13-amd64',
  hardNofile: 20_000n,
  thermalPaths: ['/sys/devices/system/cpu/cpu0/thermal_throttle'],
};

const request: SandboxRequest = {
  id: 'c1',
  hostname: 'web',
  domainname: '',
  process: {
    args: ['node', 'server.js'],
    env: ['PATH=/bin', 'NAME=a "b"'],
    cwd: '',
    uid: 0,
    gid: 0,
    groups: [0],
    hasInit: false,
    terminal: null,
    hasInput: false,
    oomScoreAdj: null,
  },
  namespaces: privateNamespaces,
  networkNamespace: '/run/t/netns/c1',
  joins: [],
  cgroup: {
    directories: ['/sys/fs/cgroup/unified/t/c1', '/sys/fs/cgroup/memory/t/c1'],
    hasCgroup2: true,
    hasDeviceControl: true,
    view: [
      mountOf('tmpfs', '/sys/fs/cgroup', { flags: 14, data: 'mode=755' }),
      mountOf('bind', '/sys/fs/cgroup/memory', {
        source: '/sys/fs/cgroup/memory/t/c1',
        flags: 0x100f,
      }),
    ],
  },
  rootMounts: [
    mountOf('overlay', '/', { lowerDirs: ['/l2', '/l1'], upperDir: '/u', workDir: '/w' }),
  ],
  mounts: [
    mountOf('bind', '/data/nested', { source: '/v/nested', flags: 0x1000 }),
    mountOf('bind', '/data', { source: '/v/data', flags: 0x1000 }),
  ],
  files: { hosts: '/s/hosts', hostname: '/s/hostname', resolvConf: '/s/resolv.conf' },
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
  },
  devices: [],
  sysctls: {},
  ulimits: [],
  shmSizeBytes: 0,
  log: { path: '/s/log', maxBytes: 0n, maxFiles: 1 },
  paths: { control: '/run/t/s/c1', exit: '/s/exit' },
};

const standard =
  'CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP';

function print(
  change: Partial<SandboxRequest> = {},
  facts: Partial<HostFacts> = {},
): readonly string[] {
  return printSandboxSpec(buildSandboxSpec({ ...request, ...change }, { ...host, ...facts })).split(
    '\n',
  );
}

function security(change: Partial<SandboxRequest['security']>): Partial<SandboxRequest> {
  return { security: { ...request.security, ...change } };
}

/** Lines that a change adds ("+") and takes away ("-"). */
function difference(
  change: Partial<SandboxRequest>,
  facts: Partial<HostFacts> = {},
): readonly string[] {
  const before = print();
  const after = print(change, facts);
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
}

describe('a container with nothing asked for', () => {
  test('it must have Docker’s defaults', () => {
    expect(print().join('\n')).toBe(`id c1
hostname web
namespaces cgroup ipc mount pid time uts
network /run/t/netns/c1
cgroup2 /sys/fs/cgroup/unified/t/c1
cgroup /sys/fs/cgroup/memory/t/c1
mount overlay / lower /l2:/l1 upper /u work /w
mount proc /proc nosuid,nodev,noexec
mount tmpfs /dev nosuid,strictatime "mode=755,size=65536k"
mount devpts /dev/pts nosuid,noexec "newinstance,ptmxmode=0666,mode=0620,gid=5"
mount sysfs /sys ro,nosuid,nodev,noexec
mount tmpfs /sys/fs/cgroup nosuid,nodev,noexec "mode=755"
mount bind /sys/fs/cgroup/memory from /sys/fs/cgroup/memory/t/c1 ro,nosuid,nodev,noexec,bind
mount mqueue /dev/mqueue nosuid,nodev,noexec
mount tmpfs /dev/shm nosuid,nodev,noexec "mode=1777,size=67108864"
mount bind /etc/resolv.conf from /s/resolv.conf bind,rec create file
mount bind /etc/hostname from /s/hostname bind,rec create file
mount bind /etc/hosts from /s/hosts bind,rec create file
mount bind /data from /v/data bind
mount bind /data/nested from /v/nested bind
device /dev/null char 1:3 0666 0:0
device /dev/zero char 1:5 0666 0:0
device /dev/full char 1:7 0666 0:0
device /dev/random char 1:8 0666 0:0
device /dev/urandom char 1:9 0666 0:0
device /dev/tty char 5:0 0666 0:0
link /dev/ptmx -> pts/ptmx
link /dev/fd -> /proc/self/fd
link /dev/stdin -> /proc/self/fd/0
link /dev/stdout -> /proc/self/fd/1
link /dev/stderr -> /proc/self/fd/2
link /dev/core -> /proc/kcore
masked /proc/acpi
masked /proc/asound
masked /proc/interrupts
masked /proc/kcore
masked /proc/keys
masked /proc/latency_stats
masked /proc/sched_debug
masked /proc/scsi
masked /proc/timer_list
masked /proc/timer_stats
masked /sys/devices/virtual/powercap
masked /sys/firmware
masked /sys/devices/system/cpu/cpu0/thermal_throttle
readonly /proc/bus
readonly /proc/fs
readonly /proc/irq
readonly /proc/sys
readonly /proc/sysrq-trigger
readonly /sys/fs/cgroup
sysctl net/ipv4/ip_unprivileged_port_start = 0
sysctl net/ipv4/ping_group_range = 0 2147483647
args ["node","server.js"]
env "PATH=/bin"
env "NAME=a \\"b\\""
cwd /
user 0:0 groups 0
bounding ${standard}
effective ${standard}
permitted ${standard}
inheritable -
ambient -
no_new_privs false
umask 0022
rlimit nofile 1024 20000
seccomp 168 instructions
oom_score_adj inherited
init false
log /s/log 0 x 1
paths control /run/t/s/c1, exit /s/exit
`);
  });
});

describe('what an option changes', () => {
  const withoutChroot = standard.replace('SYS_CHROOT ', '');

  test.each<[string, Partial<SandboxRequest>, readonly string[]]>([
    [
      'another user holds nothing',
      { process: { ...request.process, uid: 1000, gid: 1000, groups: [1000, 5], cwd: '/app' } },
      [
        '- cwd /',
        '- user 0:0 groups 0',
        `- effective ${standard}`,
        `- permitted ${standard}`,
        '+ cwd /app',
        '+ user 1000:1000 groups 1000 5',
        '+ effective -',
        '+ permitted -',
      ],
    ],
    [
      'no new privileges',
      security({ options: ['no-new-privileges'] }),
      ['- no_new_privs false', '+ no_new_privs true'],
    ],
    [
      'seccomp unconfined',
      security({ options: ['seccomp=unconfined'] }),
      ['- seccomp 168 instructions', '+ seccomp unconfined'],
    ],
    [
      'a dropped capability changes the filter',
      security({ capDrop: ['SYS_CHROOT'] }),
      [
        `- bounding ${standard}`,
        `- effective ${standard}`,
        `- permitted ${standard}`,
        '- seccomp 168 instructions',
        `+ bounding ${withoutChroot}`,
        `+ effective ${withoutChroot}`,
        `+ permitted ${withoutChroot}`,
        '+ seccomp 169 instructions',
      ],
    ],
    ['a read-only root', security({ isRootReadonly: true }), ['+ readonly /']],
    [
      'paths of the user’s own',
      security({ maskedPaths: [], readonlyPaths: ['/proc/sys'] }),
      [
        ...print().filter((line) => line.startsWith('masked ')),
        ...print().filter((line) => /^readonly \/proc\/(bus|fs|irq|sysrq)/.test(line)),
      ].map((line) => `- ${line}`),
    ],
    [
      'the host’s network keeps its parameters',
      { networkNamespace: null },
      [
        '- network /run/t/netns/c1',
        '- sysctl net/ipv4/ip_unprivileged_port_start = 0',
        '- sysctl net/ipv4/ping_group_range = 0 2147483647',
        '+ network host',
      ],
    ],
    [
      'no shared memory',
      { namespaces: { ...privateNamespaces, ipc: 'none' } },
      ['- mount tmpfs /dev/shm nosuid,nodev,noexec "mode=1777,size=67108864"'],
    ],
    [
      'the host’s shared memory',
      { namespaces: { ...privateNamespaces, ipc: 'host' } },
      [
        '- namespaces cgroup ipc mount pid time uts',
        '- mount tmpfs /dev/shm nosuid,nodev,noexec "mode=1777,size=67108864"',
        '+ namespaces cgroup mount pid time uts',
        '+ mount bind /dev/shm from /dev/shm nosuid,nodev,noexec,bind,rec',
      ],
    ],
    [
      'the host’s processes, names and cgroups',
      { namespaces: { pid: 'host', uts: 'host', cgroup: 'host', ipc: 'private' } },
      ['- namespaces cgroup ipc mount pid time uts', '+ namespaces ipc mount time'],
    ],
    [
      'more shared memory',
      { shmSizeBytes: 1 << 30 },
      [
        '- mount tmpfs /dev/shm nosuid,nodev,noexec "mode=1777,size=67108864"',
        '+ mount tmpfs /dev/shm nosuid,nodev,noexec "mode=1777,size=1073741824"',
      ],
    ],
    [
      'a volume in the place of a default mount',
      { mounts: [...request.mounts, mountOf('tmpfs', '/dev/shm', { data: 'size=1m' })] },
      [
        '- mount tmpfs /dev/shm nosuid,nodev,noexec "mode=1777,size=67108864"',
        '+ mount tmpfs /dev/shm "size=1m"',
      ],
    ],
    [
      'a volume in the place of /etc/hosts',
      {
        mounts: [
          ...request.mounts,
          mountOf('bind', '/etc/hosts', { source: '/mine', create: 'file' }),
        ],
      },
      [
        '- mount bind /etc/hosts from /s/hosts bind,rec create file',
        '+ mount bind /etc/hosts from /mine create file',
      ],
    ],
    [
      'a /dev of the user’s own gets nothing of ours',
      { mounts: [...request.mounts, mountOf('bind', '/dev', { source: '/dev' })] },
      [
        ...print()
          .filter((line) => /^(mount \S+ \/dev|device|link)/.test(line))
          .map((line) => `- ${line}`),
        '+ mount bind /dev from /dev',
      ],
    ],
    [
      'no files below /etc',
      { files: null },
      print()
        .filter((line) => line.includes(' /etc/'))
        .map((line) => `- ${line}`),
    ],
  ])('%s', (_, change, expected) => {
    expect(difference(change)).toEqual(expected);
  });
});

describe('a privileged container', () => {
  test('it must hold what the engine holds, and write where others read', () => {
    const all = capabilityNames.join(' ');
    expect(difference(security({ isPrivileged: true }))).toEqual([
      '- mount sysfs /sys ro,nosuid,nodev,noexec',
      '- mount bind /sys/fs/cgroup/memory from /sys/fs/cgroup/memory/t/c1 ro,nosuid,nodev,noexec,bind',
      ...print()
        .filter((line) => /^(masked|readonly)/.test(line))
        .map((line) => `- ${line}`),
      `- bounding ${standard}`,
      `- effective ${standard}`,
      `- permitted ${standard}`,
      '- seccomp 168 instructions',
      '+ mount sysfs /sys nosuid,nodev,noexec',
      '+ mount bind /sys/fs/cgroup/memory from /sys/fs/cgroup/memory/t/c1 nosuid,nodev,noexec,bind',
      `+ bounding ${all}`,
      `+ effective ${all}`,
      `+ permitted ${all}`,
      '+ seccomp unconfined',
    ]);
  });
});

describe('where nothing confines the opening of devices', () => {
  const cgroup = { ...request.cgroup, hasDeviceControl: false };

  test('no node of an image, a volume or the container’s making may be open', () => {
    const lines = print({ cgroup, ...security({ capAdd: ['ALL'] }) });
    const openable = lines.filter((line) => line.startsWith('mount ') && !/[ ,]nodev/.test(line));
    expect(openable.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'mount tmpfs /dev',
      'mount devpts /dev/pts',
    ]);
    const bounding = lines.find((line) => line.startsWith('bounding')) ?? '';
    expect(bounding.includes('SYS_ADMIN')).toBe(true);
    expect(bounding.includes('MKNOD')).toBe(false);
  });
});

describe('a request that cannot be', () => {
  test.each<[string, Partial<SandboxRequest>]>([
    ['invalid capability: "NETADMIN"', security({ capAdd: ['NETADMIN'] })],
    ['invalid --security-opt 1: "x"', security({ options: ['x'] })],
    [
      'sysctl "vm.swappiness" is not in a separate kernel namespace',
      { sysctls: { 'vm.swappiness': '1' } },
    ],
    ['invalid ulimit type: "x"', { ulimits: [{ name: 'x', soft: 1, hard: 1 }] }],
  ])('%s', (message, change) => {
    expect(() => buildSandboxSpec({ ...request, ...change }, host)).toThrow(message);
  });
});
