/** Questions to a container with nothing asked for, and what the table of reliability-security.md §2 says to them. */
import { existsSync } from 'node:fs';

import type { DockerEngine } from '../../lib/docker-engine.ts';

export type Probe = readonly [name: string, script: string, expected: string | RegExp];

const EROFS = /Read-only file system/;
const EPERM = /Operation not permitted|ermission denied/;

function masked(path: string): Probe {
  const script = `if [ ! -e ${path} ]; then echo absent; elif [ -d ${path} ]; then echo "$(ls -A ${path} | wc -l) entries"; else echo "$(wc -c < ${path}) bytes"; fi`;
  return [`${path} is hidden`, script, existsSync(path) ? /^0 (entries|bytes)$/ : 'absent'];
}

function readonly(path: string): Probe {
  const script = `if [ -e ${path} ]; then echo 1 >> ${path}; else echo Read-only file system; fi`;
  return [`${path} cannot be written`, script, EROFS];
}

function device(type: 'b' | 'c', numbers: string, isOpen: boolean): Probe {
  const [major = '', minor = ''] = numbers.split(':');
  const node = `/tmp/${type}${major}-${minor}`;
  const script = `mkdir -p /tmp; mknod ${node} ${type} ${major} ${minor} && head -c 0 ${node} && echo open; true`;
  // What is let through may still have nothing behind it.
  return [
    `${type} ${numbers} ${isOpen ? 'opens' : 'stays closed'}`,
    script,
    isOpen ? /^(?!.*not permitted)/ : EPERM,
  ];
}

function mountOf(target: string, expected: string): Probe {
  return [
    `the mount at ${target}`,
    `awk '$2=="${target}"{print $3, $4}' /proc/mounts | tail -n 1`,
    new RegExp(`^${expected}(,|$)`),
  ];
}

function status(field: string, expected: string): Probe {
  return [
    `the status has ${field} ${expected}`,
    `awk '/^${field}:/{print $2}' /proc/self/status`,
    expected,
  ];
}

function refused(what: string, script: string, reason: RegExp = EPERM): Probe {
  return [`${what} is refused`, script, reason];
}

const hidden = [
  ...['acpi', 'asound', 'interrupts', 'kcore', 'keys', 'latency_stats', 'sched_debug', 'scsi'].map(
    (name) => `/proc/${name}`,
  ),
  ...['/proc/timer_list', '/proc/timer_stats', '/sys/devices/virtual/powercap', '/sys/firmware'],
  '/sys/devices/system/cpu/cpu0/thermal_throttle',
];
const unwritable = [
  ...[
    'sysrq-trigger',
    'irq/default_smp_affinity',
    'sys/kernel/core_pattern',
    'sys/kernel/hostname',
  ].map((name) => `/proc/${name}`),
  ...[
    'kernel/modprobe',
    'kernel/panic',
    'kernel/randomize_va_space',
    'vm/drop_caches',
    'vm/overcommit_memory',
    'fs/file-max',
    'fs/binfmt_misc/register',
    'kernel/shmmax',
    'net/ipv4/ip_forward',
    'net/core/somaxconn',
    'kernel/ns_last_pid',
    'kernel/keys/maxkeys',
    'fs/suid_dumpable',
  ].map((name) => `/proc/sys/${name}`),
  ...[
    'kernel/mm/transparent_hugepage/enabled',
    'kernel/uevent_helper',
    'power/state',
    'kernel/profiling',
    'module/kernel/parameters/panic',
    'fs/cgroup/memory/memory.limit_in_bytes',
    'fs/cgroup/memory/cgroup.procs',
    'fs/cgroup/cgroup.procs',
    'class/net/lo/mtu',
  ].map((name) => `/sys/${name}`),
];
const openDevices = ['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:2'];
const closedCharDevices = [
  '1:1',
  '1:2',
  '1:4',
  '1:6',
  '1:11',
  '4:0',
  '4:64',
  '5:1',
  '7:0',
  '10:1',
  '10:63',
  '10:200',
  '10:229',
  '10:232',
  '10:237',
  '21:0',
  '29:0',
  '89:0',
  '108:0',
  '226:0',
  '237:0',
];
const closedBlockDevices = ['1:0', '7:0', '8:0', '252:0', '253:0', '254:0', '259:0'];

export const probes: readonly Probe[] = [
  ...hidden.map(masked),
  ...unwritable.map(readonly),
  ...['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'].map(
    (path): Probe => [
      `${path} is a mount that is read-only`,
      `[ -e ${path} ] && awk '$2=="${path}"{print $4}' /proc/mounts || echo ro,`,
      /^ro,/,
    ],
  ),
  ...openDevices.map((numbers) => device('c', numbers, true)),
  ...closedCharDevices.map((numbers) => device('c', numbers, false)),
  ...closedBlockDevices.map((numbers) => device('b', numbers, false)),
  mountOf('/proc', 'proc rw,nosuid,nodev,noexec,relatime'),
  mountOf('/dev', 'tmpfs rw,nosuid,size=65536k,mode=755'),
  mountOf('/dev/pts', 'devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666'),
  mountOf('/sys', 'sysfs ro,nosuid,nodev,noexec,relatime'),
  mountOf('/dev/mqueue', 'mqueue rw,nosuid,nodev,noexec,relatime'),
  mountOf('/dev/shm', 'tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k'),
  mountOf('/sys/fs/cgroup', '(tmpfs|cgroup2?) ro,nosuid,nodev,noexec'),
  [
    '/dev holds these',
    'echo $(ls /dev)',
    'core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero',
  ],
  ['/dev/ptmx leads into its own', 'readlink /dev/ptmx', 'pts/ptmx'],
  status('CapInh', '0000000000000000'),
  status('CapPrm', '00000000a80425fb'),
  status('CapEff', '00000000a80425fb'),
  status('CapBnd', '00000000a80425fb'),
  status('CapAmb', '0000000000000000'),
  status('NoNewPrivs', '0'),
  status('Seccomp', '2'),
  status('Seccomp_filters', '1'),
  ['its first process is pid 1', 'cat /proc/1/comm', 'busybox'],
  ['nobody of the host is there', 'cat /proc/[0-9]*/comm | grep -cE "node|tscompose|systemd"', '0'],
  ['the umask', 'umask', '0022'],
  ['open files, soft', 'ulimit -Sn', '1024'],
  ['core files', 'ulimit -Hc', /^(unlimited|\d+)$/],
  ['pings are for every group', 'cat /proc/sys/net/ipv4/ping_group_range', /^0\s+2147483647$/],
  ['ports begin at zero', 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start', '0'],
  ['IPv6 is off where the network has none', 'cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6', '1'],
  [
    'the environment',
    'tr "\\0" "\\n" < /proc/1/environ | cut -d= -f1 | sort | tr "\\n" " "',
    'HOME HOSTNAME PATH',
  ],
  ['descriptors of the first process', 'ls /proc/1/fd | tr "\\n" " "', '0 1 2'],
  ['the working directory', 'readlink /proc/1/cwd', '/'],
  ['the root', 'readlink /proc/1/root', '/'],
  ['nothing of the host among the mounts', 'grep -c " /var/lib\\| /run " /proc/mounts', '0'],
  refused('mounting a tmpfs', 'mkdir -p /m; mount -t tmpfs x /m'),
  refused('mounting proc', 'mkdir -p /m; mount -t proc x /m'),
  refused('mounting cgroups', 'mkdir -p /m; mount -t cgroup -o memory x /m'),
  refused('binding', 'mkdir -p /m; mount --bind /etc /m'),
  refused('a root that is mounted again', 'mount -o remount,rw /sys'),
  refused('uncovering what is hidden', 'umount /proc/kcore 2>&1 || true; umount /proc/keys'),
  refused('uncovering what is read-only', 'umount /proc/sys'),
  refused('a new namespace', 'unshare -m true'),
  refused('a new user namespace', 'unshare -U true'),
  refused('another’s namespace', 'nsenter -t 1 -m true'),
  refused('another host name', 'hostname other'),
  refused('another time', 'date -s 2000-01-01'),
  refused('the kernel’s log', 'dmesg'),
  refused('a link', 'ip link add d0 type dummy'),
  refused('an address', 'ip addr add 10.99.0.1/24 dev eth0'),
  refused('a route', 'ip route add 10.98.0.0/16 dev lo'),
  refused('a higher priority', 'renice -n -5 $$'),
  refused('swapping', 'swapoff /none', /not permitted|denied|No such file/),
  refused('a module', 'echo x > /tmp/m.ko; insmod /tmp/m.ko'),
  refused('tracing outside', 'readlink /proc/0/exe || echo Permission denied'),
];

export interface Answers {
  readonly id: string;
  /** In the order of the probes. */
  readonly answers: readonly string[];
}

/** Of a container that is started with these options, and stays. */
export async function ask(tools: DockerEngine, options: readonly string[]): Promise<Answers> {
  const id = await tools.docker.ok('run', '-d', ...options, 'app', 'sleep', '1000');
  const asked = probes.map(([, script], index) => {
    const quoted = script.replaceAll("'", `'\\''`);
    return `printf '@${index} '; sh -c '${quoted}' 2>&1 </dev/null | tr '\\n' ' '; echo`;
  });
  const output = await tools.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', asked.join('\n'));
  const answers: string[] = [];
  for (const line of output.split('\n')) {
    const [, index = '', answer = ''] = /^@(\d+) (.*)$/.exec(line) ?? [];
    if (index !== '') answers[Number(index)] = answer.trim();
  }
  return { id, answers };
}

export function isAsExpected(expected: string | RegExp, answer: string | undefined): boolean {
  return typeof expected === 'string' ? answer === expected : expected.test(answer ?? '');
}
