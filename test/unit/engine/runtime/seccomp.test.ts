import { describe, expect, test } from 'vitest';
import {
  capabilityBit,
  capabilityNames,
  capabilitySet,
  defaultCapabilities,
} from '../../../../engine/runtime/capabilities.ts';
import type { CapabilityName } from '../../../../engine/runtime/capabilities.ts';
import {
  allowed,
  allowedWith,
  conditional,
  namesOf,
  unavailable,
} from '../../../../engine/runtime/seccomp-profile.ts';
import { abis, syscallNumbers } from '../../../../engine/runtime/seccomp-syscalls.ts';
import type { Abi } from '../../../../engine/runtime/seccomp-syscalls.ts';
import { seccompFilter } from '../../../../engine/runtime/seccomp.ts';
import { checkFilter, runFilter } from './bpf-interpreter.ts';
import { oraclePath, readOracle } from './seccomp-oracle.ts';

const audit = { x86_64: 0xc000_003e, i386: 0x4000_0003, aarch64: 0xc000_00b7, arm: 0x4000_0028 };
const hostOf = { x86_64: 'x86_64', i386: 'x86_64', aarch64: 'aarch64' } as const;
const dockerName = { x86_64: 'amd64', aarch64: 'arm64' } as const;

const ENOSYS = 38;
const EPERM = 1;
const standard = capabilitySet(defaultCapabilities);
const every = capabilitySet(capabilityNames);

const capabilitySets: readonly (readonly [string, bigint])[] = [
  ['Docker’s default', standard],
  ['none', 0n],
  ['all', every],
  ...allowedWith.map(([name]) => [name, capabilityBit(name)] as const),
  ['all but SYS_ADMIN', every & ~capabilityBit('SYS_ADMIN')],
];

/** Values at the borders of every condition of the profile; the others matter to no rule. */
const argumentValues = [
  0n,
  1n,
  2n,
  8n,
  16n,
  37n,
  38n,
  39n,
  40n,
  41n,
  0x20000n,
  0x20008n,
  0x20009n,
  0x1200011n,
  0x2000000n,
  0x3d0f00n,
  0x4000000n,
  0x10000000n,
  0x40000000n,
  0x7e020000n,
  0x80000000n,
  0xffffffffn,
  0x1_0000_0000n,
  0x1_0000_0008n,
  0x1_0000_0026n,
  0x1_0000_0028n,
  0xffff_ffff_ffff_ffffn,
];

/** 0 allows, -1 kills, else the errno. */
function answer(abi: Abi, number: number, { first = 0n, capabilities = standard } = {}): number {
  const filter = seccompFilter({ architecture: hostOf[abi], capabilities });
  const outcome = runFilter(filter, {
    number,
    architecture: audit[abi],
    arguments: [first, 0n, 0n, 0n, 0n, 0n],
  });
  return { allow: 0, kill: -1, errno: outcome.errno }[outcome.action];
}

function numberOf(abi: Abi, name: string): number {
  const number = syscallNumbers(abi).get(name);
  if (number === undefined) throw new Error(`${abi} has no ${name}`);
  return number;
}

const oracle = readOracle();

describe.skipIf(oracle === null)(`against ${oraclePath}`, () => {
  /** Where we answer otherwise, on purpose. */
  const explained = {
    file_getattr: 'newer than the profile: ENOSYS lets libc fall back to ioctl',
    file_setattr: 'newer than the profile: ENOSYS lets libc fall back to ioctl',
    socket:
      'the kernel reads 32 bits of the family, so bits above them must not get AF_ALG through',
    uprobe: 'newer than the profile, and the kernel filters it no more than uretprobe',
  };

  test.each(abis.flatMap((abi) => capabilitySets.map(([name, set]) => [abi, name, set] as const)))(
    '%s with the capabilities %s must answer every call alike',
    (...[abi, , set]) => {
      const capabilities = new Set(
        capabilityNames
          .filter((name) => (set & capabilityBit(name)) !== 0n)
          .map((name) => `CAP_${name}`),
      );
      const architecture = dockerName[hostOf[abi]];
      const differences = new Set<string>();
      for (const [name, number] of syscallNumbers(abi)) {
        for (const first of argumentValues) {
          const theirs = oracle?.answer({ name, arguments: [first], capabilities, architecture });
          if (answer(abi, number, { first, capabilities: set }) !== theirs) differences.add(name);
        }
      }
      const known = syscallNumbers(abi);
      expect([...differences].sort()).toEqual(
        Object.keys(explained).filter((name) => known.has(name)),
      );
    },
  );

  test('the socket family differs only above 32 bits', () => {
    const number = numberOf('x86_64', 'socket');
    const differing = argumentValues.filter(
      (first) =>
        answer('x86_64', number, { first }) !==
        oracle?.answer({
          name: 'socket',
          arguments: [first],
          capabilities: new Set(),
          architecture: 'amd64',
        }),
    );
    expect(differing).toEqual([0x1_0000_0026n, 0x1_0000_0028n]);
  });

  test('a call it allows that we have no number for must belong to another architecture', () => {
    const known = new Set(abis.flatMap((abi) => [...syscallNumbers(abi).keys()]));
    const foreign = [...(oracle?.names ?? [])].filter((name) => !known.has(name)).sort();
    expect(foreign.filter((name) => !/^(arm_|riscv_|s390_)/.test(name))).toEqual([
      // ARM, PowerPC
      'breakpoint',
      'cacheflush',
      'recv',
      'send',
      'set_tls',
      'swapcontext',
      'sync_file_range2',
    ]);
  });
});

describe('the filter', () => {
  test.each(['x86_64', 'aarch64'] as const)(
    '%s must be one that the kernel takes',
    (architecture) => {
      for (const [, capabilities] of capabilitySets)
        checkFilter(seccompFilter({ architecture, capabilities }));
    },
  );

  test('its length must stay what loading it is measured with', () => {
    const lengthOf = (architecture: 'x86_64' | 'aarch64'): number =>
      seccompFilter({ architecture, capabilities: standard }).length / 8;
    expect({ x86_64: lengthOf('x86_64'), aarch64: lengthOf('aarch64') }).toEqual({
      x86_64: 168,
      aarch64: 71,
    });
  });

  test.each(abis)('%s must answer after a dozen instructions', (abi) => {
    const filter = seccompFilter({ architecture: hostOf[abi], capabilities: standard });
    const steps = Array.from({ length: 600 }, (_, number) =>
      runFilter(filter, { number, architecture: audit[abi], arguments: [0n, 0n, 0n, 0n, 0n, 0n] }),
    ).map((outcome) => outcome.steps);
    expect(Math.max(...steps)).toBeLessThanOrEqual(16);
  });

  /** The bar is 160 on the common path; a list of the names would be 600. */
  test('what programs call all the time must be answered after few instructions', () => {
    const hot = [
      ...['read', 'write', 'futex', 'epoll_wait', 'recvmsg', 'sendmsg', 'clock_gettime', 'openat'],
      ...['close', 'mmap', 'socket', 'clone', 'execve', 'poll', 'fstat', 'newfstatat'],
    ];
    for (const [, capabilities] of capabilitySets) {
      const filter = seccompFilter({ architecture: 'x86_64', capabilities });
      for (const name of hot) {
        const { steps } = runFilter(filter, {
          ...{ number: numberOf('x86_64', name), architecture: audit.x86_64 },
          arguments: [1n, 0n, 0n, 0n, 0n, 0n],
        });
        expect(steps).toBeLessThan(24);
      }
    }
  });

  test('the same capabilities must give the same bytes, and those that no rule asks for must not matter', () => {
    const filter = seccompFilter({ architecture: 'x86_64', capabilities: standard });
    const other = seccompFilter({
      architecture: 'x86_64',
      capabilities: standard | capabilityBit('NET_ADMIN'),
    });
    expect(other).toBe(filter);
  });
});

describe('a number outside the tables', () => {
  test.each(abis)('%s must get ENOSYS for it', (abi) => {
    const known = new Set(syscallNumbers(abi).values());
    const answers = Array.from({ length: 1000 }, (_, number) => number)
      .filter((number) => !known.has(number))
      .map((number) => answer(abi, number));
    expect(new Set(answers)).toEqual(new Set([ENOSYS]));
  });

  test.each([0x3fff_ffff, 0x4000_0000, 0x4000_0001, 0x4000_0206, 0x7fff_ffff, 0xffff_ffff])(
    'x86_64 must get ENOSYS for 0x%s, x32 calls included',
    (number) => {
      expect(answer('x86_64', number)).toBe(ENOSYS);
    },
  );
});

describe('a foreign architecture', () => {
  const data = { number: 1, arguments: [0n, 0n, 0n, 0n, 0n, 0n] };

  test.each([
    ['x86_64', 'aarch64', 'kill'],
    ['x86_64', 'arm', 'kill'],
    ['aarch64', 'x86_64', 'kill'],
    ['aarch64', 'arm', 'errno'],
  ] as const)('on %s a call of %s must end in %s', (architecture, foreign, action) => {
    const filter = seccompFilter({ architecture, capabilities: every });
    expect(runFilter(filter, { ...data, architecture: audit[foreign] }).action).toBe(action);
  });
});

describe('the profile', () => {
  const lists = [...Object.values(allowed), unavailable, Object.keys(conditional).join(' ')];

  test('a name must be a call of some architecture, once', () => {
    const known = new Set(abis.flatMap((abi) => [...syscallNumbers(abi).keys()]));
    const names = lists.flatMap(namesOf);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test.each<[string, CapabilityName | null, number]>([
    ['keyctl', null, EPERM],
    ['io_uring_setup', null, EPERM],
    ['userfaultfd', null, EPERM],
    ['kexec_load', null, EPERM],
    ['mount', null, EPERM],
    ['mount', 'SYS_ADMIN', 0],
    ['unshare', null, EPERM],
    ['setns', 'SYS_ADMIN', 0],
    ['clone3', null, ENOSYS],
    ['clone3', 'SYS_ADMIN', 0],
    ['bpf', 'BPF', 0],
    ['bpf', 'PERFMON', EPERM],
    ['init_module', 'SYS_MODULE', 0],
    ['chroot', null, EPERM],
    ['chroot', 'SYS_CHROOT', 0],
    ['open_tree_attr', 'SYS_ADMIN', EPERM],
    ['ptrace', null, 0],
  ])('%s with the capability %s must answer %i', (name, capability, expected) => {
    const capabilities = capability === null ? 0n : capabilityBit(capability);
    expect(answer('x86_64', numberOf('x86_64', name), { capabilities })).toBe(expected);
  });

  test.each<[string, bigint, number]>([
    ['clone', 0x1200011n, 0],
    ['clone', 0x3d0f00n, 0],
    ['clone', 0x10000000n, EPERM],
    ['clone', 0x20000n, EPERM],
    ['personality', 0n, 0],
    ['personality', 0xffffffffn, 0],
    ['personality', 0x40000n, EPERM],
    ['personality', 0x1_0000_0000n, EPERM],
    ['socket', 1n, 0],
    ['socket', 16n, 0],
    ['socket', 38n, EPERM],
    ['socket', 0x1_0000_0026n, EPERM],
    ['socket', 40n, EPERM],
  ])('%s(0x%s) must answer as its first argument says', (name, first, expected) => {
    for (const abi of ['x86_64', 'aarch64'] as const)
      expect(answer(abi, numberOf(abi, name), { first })).toBe(expected);
  });
});
