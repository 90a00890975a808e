import { describe, expect, test } from 'vitest';
import {
  capabilityBit,
  capabilitySet,
  defaultCapabilities,
} from '../../../../engine/runtime/capabilities.ts';
import { ociConfigOf, printOciJson } from '../../../../engine/runtime/index.ts';
import type {
  BundleFacts,
  OciSeccomp,
  OciSyscallArgument,
} from '../../../../engine/runtime/index.ts';
import { builtinOciSeccomp, customOciSeccomp } from '../../../../engine/runtime/oci-seccomp.ts';
import { seccompFilter } from '../../../../engine/runtime/seccomp.ts';
import { syscallNumbers } from '../../../../engine/runtime/seccomp-syscalls.ts';
import { runFilter } from './bpf-interpreter.ts';
import { fullSpec } from './shim-fixtures.ts';

const facts: BundleFacts = {
  rootPath: '/b/rootfs',
  directory: '/b',
  joinedSource: '/b/shm',
  annotations: { 'a.b': 'c' },
  cgroupsPath: '/t/c1',
  cgroupTargets: new Set(),
  deviceRules: [{ type: 'char', major: 1, minor: null, access: 'rw' }],
  joinPaths: { ipc: '/proc/7/fd/8' },
  seccomp: null,
  initPath: '/lib/shim',
};

describe('a configuration', () => {
  const config = ociConfigOf(fullSpec, facts);

  test('must say all that the specification does', () => {
    expect(config).toMatchObject({
      root: { path: '/b/rootfs', readonly: true },
      hostname: 'höst',
      annotations: { 'a.b': 'c' },
      process: {
        terminal: true,
        consoleSize: { height: 24, width: 80 },
        user: { uid: 1000, gid: 1001, umask: 0o027, additionalGids: [10, 4_000_000_000, 12] },
        args: ['/sbin/docker-init', '--', 'sh', '-c', ''],
        cwd: '/work/dir',
        noNewPrivileges: true,
        oomScoreAdj: -500,
        rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024n, hard: 0xffff_ffff_ffff_ffffn }],
      },
      linux: {
        cgroupsPath: '/t/c1',
        sysctl: { 'net.ipv4.ip_forward': '1', 'kernel.domainname': 'example.org' },
        maskedPaths: ['/proc/kcore'],
        readonlyPaths: ['/proc/sys', '/proc/bus'],
        rootfsPropagation: 'rslave',
        devices: [{ path: '/dev/sda', type: 'b', major: 8, minor: 300, fileMode: 0o660 }],
        resources: {
          devices: [
            { allow: false, access: 'rwm' },
            { allow: true, type: 'c', major: 1, access: 'rw' },
          ],
        },
      },
    });
    expect(config.process?.capabilities?.effective).toEqual(['CAP_DAC_OVERRIDE']);
    expect(config.mounts).toEqual([
      {
        destination: '/etc/hosts',
        type: 'bind',
        source: '/host/hosts',
        options: ['rbind', 'ro', 'noatime', 'rslave'],
      },
      {
        destination: '/tmp',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'nodev', 'noexec', 'strictatime'],
      },
      {
        destination: '/sbin/docker-init',
        type: 'bind',
        source: '/lib/shim',
        options: ['bind', 'ro', 'nosuid', 'nodev'],
      },
    ]);
  });

  test('must name the namespaces that are made, entered and joined', () => {
    expect(config.linux?.namespaces).toEqual([
      { type: 'mount' },
      { type: 'pid' },
      { type: 'ipc' },
      { type: 'uts' },
      { type: 'network', path: '/run/netns/x' },
      { type: 'ipc', path: '/proc/7/fd/8' },
    ]);
  });

  test('must be printed with all 64 bits of a number, and no text taken for one', () => {
    const text = printOciJson({ ...config, annotations: { x: '\\u0000123', y: '"0"' } });
    expect(text).toContain('"hard":18446744073709551615');
    const { annotations } = JSON.parse(text) as { annotations: unknown };
    expect(annotations).toEqual({ x: '\\u0000123', y: '"0"' });
    expect(() => printOciJson({ ...config, annotations: { x: '\u00001' } })).toThrow('a NUL');
  });

  test('the view of cgroups must be the runtime’s to make, and as read-only', () => {
    const [root, bind] = fullSpec.mounts;
    if (root === undefined || bind === undefined) throw new TypeError('no mounts');
    const view = { ...bind, target: '/sys/fs/cgroup', flags: 1 };
    const { mounts = [], linux } = ociConfigOf(
      {
        ...fullSpec,
        mounts: [root, view, { ...view, target: '/sys/fs/cgroup/memory' }],
        readonlyPaths: ['/proc/sys', '/sys/fs/cgroup'],
      },
      { ...facts, cgroupTargets: new Set(['/sys/fs/cgroup', '/sys/fs/cgroup/memory']) },
    );
    expect(mounts.map(({ destination, type }) => [destination, type])).toEqual([
      ['/sys/fs/cgroup', 'cgroup'],
      ['/sbin/docker-init', 'bind'],
    ]);
    expect(mounts[0]?.options).toContain('ro');
    expect(linux?.readonlyPaths).toEqual(['/proc/sys']);
  });
});

/** As libseccomp takes the rules: one without arguments is stronger, several with some are alternatives. */
function answerOf(seccomp: OciSeccomp, name: string, first: bigint): number {
  const rules = (seccomp.syscalls ?? []).filter(({ names }) => names.includes(name));
  const hit =
    rules.find(({ args = [] }) => args.length === 0) ??
    rules.find(({ args = [] }) => args.every((argument) => holds(argument, first)));
  const { action, errnoRet = 1 } = hit ?? { action: seccomp.defaultAction };
  return action === 'SCMP_ACT_ALLOW' ? 0 : errnoRet;
}

function holds({ value, valueTwo = 0n, op }: OciSyscallArgument, first: bigint): boolean {
  if (op === 'SCMP_CMP_EQ') return first === value;
  if (op === 'SCMP_CMP_MASKED_EQ') return (first & value) === valueTwo;
  throw new Error(`unknown ${op}`);
}

describe('the filter as rules', () => {
  const values = [
    0n,
    1n,
    8n,
    38n,
    39n,
    40n,
    45n,
    0x20000n,
    0x1200011n,
    0x10000000n,
    0xffffffffn,
    0x1_0000_0026n,
  ];

  test.each([
    ['Docker’s default', capabilitySet(defaultCapabilities)],
    ['none', 0n],
    ['SYS_ADMIN', capabilityBit('SYS_ADMIN')],
  ])('with the capabilities %s must be the same filter', (_name, capabilities) => {
    const options = { architecture: 'x86_64', capabilities } as const;
    const rules = builtinOciSeccomp(options);
    const filter = seccompFilter(options);
    const differing = new Set<string>();
    for (const [name, number] of syscallNumbers('x86_64')) {
      for (const first of values) {
        const outcome = runFilter(filter, {
          ...{ number, architecture: 0xc000_003e },
          arguments: [first, 0n, 0n, 0n, 0n, 0n],
        });
        const ours = outcome.action === 'allow' ? 0 : outcome.errno;
        const isFamily = name === 'socket' && (first & 0xffff_ffffn) < 46n;
        // Families that no kernel has get EPERM for EAFNOSUPPORT.
        if (name === 'socket' && !isFamily) continue;
        if (answerOf(rules, name, first) !== ours) differing.add(`${name}(${first})`);
      }
    }
    expect([...differing]).toEqual([]);
  });

  test('of the user’s own must be what is left of it here', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW' },
        { names: ['mount'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
        {
          names: ['socket'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 97,
          args: [{ index: 0, value: 2, valueTwo: 3, op: 'SCMP_CMP_MASKED_EQ' }],
        },
      ],
    };
    expect(
      customOciSeccomp(JSON.stringify(profile), {
        ...{ architecture: 'x86_64', capabilities: 0n, kernel: '6.1.0' },
      }),
    ).toEqual({
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [] },
        {
          names: ['socket'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 97,
          args: [{ index: 0, value: 2n, valueTwo: 3n, op: 'SCMP_CMP_MASKED_EQ' }],
        },
      ],
    });
  });
});
