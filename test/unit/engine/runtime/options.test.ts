import { describe, expect, test } from 'vitest';
import {
  defaultDeviceRules,
  printDeviceRule,
  readDevice,
  splitNumber,
} from '../../../../engine/runtime/devices.ts';
import {
  parseEffectiveCapabilities,
  parseHardNofile,
} from '../../../../engine/runtime/host-facts.ts';
import { printMountFlags } from '../../../../engine/runtime/mount-flags.ts';
import { chooseRlimits, resourceName } from '../../../../engine/runtime/rlimits.ts';
import { parseSecurityOptions } from '../../../../engine/runtime/security-options.ts';
import { chooseSysctls } from '../../../../engine/runtime/sysctls.ts';
import type { SysctlScope } from '../../../../engine/runtime/sysctls.ts';

describe('chooseRlimits', () => {
  const print = (...[ulimits, hard]: Parameters<typeof chooseRlimits>): string =>
    chooseRlimits(ulimits, hard)
      .map(([resource, soft, most]) => `${resourceName(resource)}=${soft}:${most}`)
      .join(' ');

  test.each([
    ['nothing asked', [], 1_048_576n, 'nofile=1024:524288'],
    ['an engine with less', [], 4096n, 'nofile=1024:4096'],
    ['an engine with very little', [], 256n, 'nofile=256:256'],
    ['open files asked', [{ name: 'nofile', soft: 10, hard: 20 }], 4096n, 'nofile=10:20'],
    [
      'unlimited',
      [{ name: 'core', soft: 0, hard: -1 }],
      4096n,
      'core=0:18446744073709551615 nofile=1024:4096',
    ],
  ])('%s', (...[, ulimits, hard, expected]) => {
    expect(print(ulimits, hard)).toBe(expected);
  });

  test.each([
    [{ name: 'files', soft: 1, hard: 1 }, 'invalid ulimit type: "files"'],
    [{ name: 'toString', soft: 1, hard: 1 }, 'invalid ulimit type: "toString"'],
    [
      { name: 'nofile', soft: 2, hard: 1 },
      'ulimit soft limit must be less than or equal to hard limit',
    ],
    [
      { name: 'nofile', soft: -1, hard: 1 },
      'ulimit soft limit must be less than or equal to hard limit',
    ],
    [{ name: 'nofile', soft: -2, hard: 1 }, 'ulimit nofile cannot be -2'],
    [{ name: 'nofile', soft: 0.5, hard: 1 }, 'ulimit nofile cannot be 0.5'],
  ])('%j must be refused', (ulimit, message) => {
    expect(() => chooseRlimits([ulimit], 1n)).toThrow(message);
  });
});

describe('sixty names of sysctls (CVE-2022-0811)', () => {
  const network = [
    ...[
      'net.core.somaxconn',
      'net.core.rmem_max',
      'net.ipv4.ip_forward',
      'net.ipv4.tcp_syncookies',
    ],
    ...[
      'net.ipv4.tcp_rmem',
      'net.ipv4.tcp_wmem',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_fin_timeout',
    ],
    ...[
      'net.ipv4.tcp_keepalive_time',
      'net.ipv4.conf.all.rp_filter',
      'net.ipv4.conf.eth0.rp_filter',
    ],
    ...[
      'net.ipv4.icmp_echo_ignore_all',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
    ...[
      'net.ipv6.conf.all.disable_ipv6',
      'net.ipv6.conf.all.forwarding',
      'net.netfilter.nf_conntrack_max',
    ],
    ...['net.unix.max_dgram_qlen', 'net.mptcp.enabled', 'net/ipv4/conf/eth0.5/rp_filter'],
  ];
  const ipc = [
    ...[
      'kernel.msgmax',
      'kernel.msgmnb',
      'kernel.msgmni',
      'kernel.sem',
      'kernel.shmall',
      'kernel.shmmax',
    ],
    ...['kernel.shmmni', 'kernel.shm_rmid_forced', 'fs.mqueue.queues_max', 'fs.mqueue.msg_max'],
  ];
  const host = [
    ...[
      'kernel.core_pattern',
      'kernel.modprobe',
      'kernel.hotplug',
      'kernel.panic',
      'kernel.sysrq',
      'kernel.pid_max',
    ],
    ...[
      'kernel.hostname',
      'kernel.domainname',
      'kernel.yama.ptrace_scope',
      'kernel.randomize_va_space',
    ],
    ...[
      'kernel.unprivileged_bpf_disabled',
      'kernel.keys.maxkeys',
      'kernel.ns_last_pid',
      'kernel.shmmax2',
    ],
    ...[
      'kernel.threads-max',
      'kernel.perf_event_paranoid',
      'vm.swappiness',
      'vm.overcommit_memory',
    ],
    ...['vm.drop_caches', 'vm.max_map_count', 'vm.panic_on_oom', 'fs.file-max', 'fs.suid_dumpable'],
    ...[
      'fs.protected_symlinks',
      'fs.inotify.max_user_watches',
      'fs.binfmt_misc.register',
      'fs.mqueuex.a',
    ],
    ...[
      'dev.tty.ldisc_autoload',
      'user.max_user_namespaces',
      'abi.vsyscall32',
      'sunrpc.tcp_slot_table_entries',
    ],
    ...[
      'kernel',
      'net',
      'net.ipv4.../../kernel.core_pattern',
      'kernel.shm_rmid_forced+kernel.core_pattern',
      '',
    ],
  ];
  const scope = (isHost: boolean): SysctlScope => ({
    network: isHost ? 'host' : 'own',
    hasOwnIpc: !isHost,
  });
  const isTaken = (name: string, isHost: boolean): boolean => {
    try {
      chooseSysctls({ [name]: '1' }, scope(isHost));
      return true;
    } catch (error) {
      expect(error).toMatchObject({ kind: 'invalid-argument' });
      return false;
    }
  };

  test('there must be sixty', () => {
    expect(new Set([...network, ...ipc, ...host]).size).toBeGreaterThanOrEqual(60);
  });

  test.each([...network, ...ipc])(
    '%s must be the container’s own, and never the host’s',
    (name) => {
      expect([isTaken(name, false), isTaken(name, true)]).toEqual([true, false]);
    },
  );

  test.each(host)('"%s" must be refused wherever', (name) => {
    expect([isTaken(name, false), isTaken(name, true)]).toEqual([false, false]);
  });
});

describe('chooseSysctls', () => {
  const own: SysctlScope = { network: 'own', hasOwnIpc: true };
  const none: SysctlScope = { network: 'host', hasOwnIpc: false };

  test('an own network must let every user ping and listen anywhere', () => {
    expect(chooseSysctls({}, own)).toEqual([
      ['net/ipv4/ip_unprivileged_port_start', '0'],
      ['net/ipv4/ping_group_range', '0 2147483647'],
    ]);
    expect(chooseSysctls({}, none)).toEqual([]);
  });

  test('what was asked for must win', () => {
    expect(chooseSysctls({ 'net.ipv4.ip_unprivileged_port_start': '1024' }, own)[0]).toEqual([
      'net/ipv4/ip_unprivileged_port_start',
      '1024',
    ]);
  });

  test.each([
    ['net.core.somaxconn', 'net/core/somaxconn'],
    ['net/core/somaxconn', 'net/core/somaxconn'],
    ['net/ipv4/conf/eth0.5/rp_filter', 'net/ipv4/conf/eth0.5/rp_filter'],
    ['net.ipv4.conf.eth0/5.rp_filter', 'net/ipv4/conf/eth0.5/rp_filter'],
    ['kernel.msgmax', 'kernel/msgmax'],
    ['kernel.shm_rmid_forced', 'kernel/shm_rmid_forced'],
    ['fs.mqueue.msg_max', 'fs/mqueue/msg_max'],
  ])('%s is /proc/sys/%s', (name, path) => {
    expect(chooseSysctls({ [name]: '1' }, own)).toContainEqual([path, '1']);
  });

  test.each([
    'kernel.core_pattern',
    'kernel.hostname',
    'kernel.shmmax2',
    'vm.swappiness',
    'fs.file-max',
    'net',
    '',
    '.net.core',
    'net..core',
    'net.core.',
    'net/../kernel/core_pattern',
    'net.ipv4./.kernel',
    '../net/core',
    '/net/core/somaxconn',
    'net.core.somaxconn\n',
    'net.core.so maxconn',
    'net.core.x\0y',
  ])('%j must be refused', (name) => {
    expect(() => chooseSysctls({ [name]: '1' }, own)).toThrow(/^(invalid )?sysctl/);
  });

  test.each(['1\n2', '1\r', '1\0', '1'.repeat(5000)])('the value %j must be refused', (value) => {
    expect(() => chooseSysctls({ 'net.core.somaxconn': value }, own)).toThrow('invalid value');
  });

  test.each(['net.core.somaxconn', 'kernel.msgmax'])('%s of the host must be refused', (name) => {
    expect(() => chooseSysctls({ [name]: '1' }, none)).toThrow('not allowed');
  });
});

describe('parseSecurityOptions', () => {
  const none = {
    ...{ hasNoNewPrivileges: false, hasWritableCgroups: false },
    ...{ appArmor: null, seccomp: 'builtin', labels: [] },
  };

  test.each([
    [[], {}],
    [['no-new-privileges'], { hasNoNewPrivileges: true }],
    [['no-new-privileges:true'], { hasNoNewPrivileges: true }],
    [['no-new-privileges=1'], { hasNoNewPrivileges: true }],
    [['no-new-privileges:false'], {}],
    [['seccomp=unconfined'], { seccomp: 'unconfined' }],
    [
      ['seccomp:unconfined', 'no-new-privileges'],
      { hasNoNewPrivileges: true, seccomp: 'unconfined' },
    ],
    [['seccomp=builtin'], {}],
    [['seccomp='], {}],
    [['seccomp={"a":"b=c"}'], { seccomp: { json: '{"a":"b=c"}' } }],
    [
      ['apparmor=unconfined', 'label=disable', 'label:user:x'],
      { appArmor: 'unconfined', labels: ['disable', 'user:x'] },
    ],
    [['apparmor:'], { appArmor: '' }],
    [['writable-cgroups=true'], { hasWritableCgroups: true }],
  ])('%j', (options, expected) => {
    expect(parseSecurityOptions(options)).toEqual({ ...none, ...expected });
  });

  test.each([
    ['no-new-privileges=maybe', 'invalid --security-opt 2: "no-new-privileges=maybe"'],
    ['no-new-privileges:', 'invalid --security-opt 2: "no-new-privileges:"'],
    ['seccomp', 'invalid --security-opt 1: "seccomp"'],
    ['label', 'invalid --security-opt 1: "label"'],
    ['systempaths=unconfined', 'invalid --security-opt 2: "systempaths=unconfined"'],
    ['confined', 'invalid --security-opt 1: "confined"'],
    ['', 'invalid --security-opt 1: ""'],
  ])('%j must be refused', (option, message) => {
    expect(() => parseSecurityOptions([option])).toThrow(message);
  });
});

describe('devices', () => {
  test('the default rules must be these', () => {
    expect(defaultDeviceRules.map(printDeviceRule)).toEqual([
      'c *:* m',
      'b *:* m',
      'c 1:3 rwm',
      'c 1:5 rwm',
      'c 1:7 rwm',
      'c 1:8 rwm',
      'c 1:9 rwm',
      'c 5:0 rwm',
      'c 5:2 rwm',
      'c 136:* rwm',
    ]);
  });

  test('a node of the host must keep its numbers under its new name', () => {
    const request = { hostPath: '/dev/null', containerPath: '/dev/nil', permissions: 'rw' };
    const [{ device, rule } = { device: null, rule: null }] = readDevice(request);
    expect(device).toMatchObject({ path: '/dev/nil', type: 'char', major: 1, minor: 3 });
    expect(rule).toEqual({ type: 'char', major: 1, minor: 3, access: 'rw' });
  });

  test.each([
    ['/dev/null', 'x', 'invalid device permissions "x"'],
    ['/dev/null', 'rr', 'invalid device permissions "rr"'],
    ['/etc/passwd', '', '"/etc/passwd" is not a device node'],
    ['/dev/no-such-device', '', 'cannot use device "/dev/no-such-device"'],
  ])('%s with "%s" must be refused', (hostPath, permissions, message) => {
    expect(() => readDevice({ hostPath, containerPath: hostPath, permissions })).toThrow(message);
  });

  test.each([
    [0x103n, 1, 3],
    [0x8800n, 136, 0],
  ])('the number %i must be split', (number, major, minor) => {
    expect(splitNumber(number)).toEqual({ major, minor });
  });

  test('a minor above 8 bits must be put together', () => {
    // makedev(3): minor 0x12345 = 0x45 in the low byte, 0x123 above the major.
    expect(splitNumber(0x12300845n)).toEqual({ major: 8, minor: 0x12345 });
  });
});

describe('host facts', () => {
  test('capabilities must be read from the status', () => {
    expect(parseEffectiveCapabilities('CapPrm:\t00000\nCapEff:\t000001fffeffffff\n')).toBe(
      0x1fffeffffffn,
    );
  });

  test.each([
    ['Max open files            1024                 524288               files\n', 524_288n],
    ['Max open files            1024                 unlimited            files\n', 2n ** 64n - 1n],
  ])('%j', (text, expected) => {
    expect(parseHardNofile(text)).toBe(expected);
  });
});

test('mount flags without a name must be printed as well', () => {
  expect(printMountFlags(0x1 | 0x1000 | 0x800_0000)).toBe('ro,bind,0x8000000');
});
