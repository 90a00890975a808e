import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  capabilityBit,
  capabilityNames,
  capabilitySet,
  defaultCapabilities,
} from '../../../../engine/runtime/capabilities.ts';
import { customFilter } from '../../../../engine/runtime/seccomp-custom.ts';
import { syscallNumbers } from '../../../../engine/runtime/seccomp-syscalls.ts';
import { checkFilter, runFilter } from './bpf-interpreter.ts';
import { oraclePath, readOracle } from './seccomp-oracle.ts';

const x86 = 0xc000_003e;
const i386 = 0x4000_0003;
const standard = capabilitySet(defaultCapabilities);
const numbers = syscallNumbers('x86_64');

interface Call {
  readonly name: string;
  readonly args?: readonly bigint[];
  readonly architecture?: number;
  readonly number?: number;
}

function ask(
  profile: object | string,
  call: Call,
  { capabilities = standard, kernel = '6.1.0' } = {},
): string {
  const json = typeof profile === 'string' ? profile : JSON.stringify(profile);
  const filter = customFilter(json, { architecture: 'x86_64', capabilities, kernel });
  checkFilter(filter);
  const { action, errno } = runFilter(filter, {
    number: call.number ?? numbers.get(call.name) ?? -1,
    architecture: call.architecture ?? x86,
    arguments: [...(call.args ?? []), 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6),
  });
  return action === 'errno' ? `errno ${errno}` : action;
}

const rule = (fields: object): object => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ action: 'SCMP_ACT_ALLOW', ...fields }],
});

describe('a profile of the user’s own', () => {
  test.each<[string, object, Call, string]>([
    ['what is named', rule({ names: ['mkdir'] }), { name: 'mkdir' }, 'allow'],
    ['what is named the old way', rule({ name: 'mkdir' }), { name: 'mkdir' }, 'allow'],
    ['what is not named', rule({ names: ['mkdir'] }), { name: 'rmdir' }, 'errno 38'],
    [
      'what is older than the last that is named',
      rule({ names: ['rmdir'] }),
      { name: 'mkdir' },
      'errno 1',
    ],
    [
      'an errno',
      rule({ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 7 }),
      { name: 'mkdir' },
      'errno 7',
    ],
    [
      'the default’s errno',
      { ...rule({ names: ['rmdir'] }), defaultErrnoRet: 9 },
      { name: 'mkdir' },
      'errno 9',
    ],
    [
      'what is newer than everything where the default allows',
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' }],
      },
      { name: '', number: 4000 },
      'allow',
    ],
    ['no rule', { defaultAction: 'SCMP_ACT_ALLOW' }, { name: 'mkdir' }, 'allow'],
    [
      'killing',
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_KILL_PROCESS' }],
      },
      { name: 'mkdir' },
      'kill',
    ],
    [
      'a name that no machine has',
      rule({ names: ['nosuchcall', 'mkdir'] }),
      { name: 'mkdir' },
      'allow',
    ],
    [
      'an architecture that is not listed',
      rule({ names: ['mkdir'] }),
      { name: 'mkdir', architecture: i386 },
      'kill',
    ],
    [
      'one that the map has',
      {
        ...rule({ names: ['mkdir'] }),
        archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
      },
      { name: '', number: 39, architecture: i386 },
      'allow',
    ],
    [
      'a capability that is there',
      rule({ names: ['mkdir'], includes: { caps: ['CAP_CHOWN'] } }),
      { name: 'mkdir' },
      'allow',
    ],
    [
      'a capability that is not',
      rule({ names: ['mkdir'], includes: { caps: ['CAP_SYS_ADMIN'] } }),
      { name: 'mkdir' },
      'errno 1',
    ],
    [
      'an exclusion',
      rule({ names: ['mkdir'], excludes: { caps: ['CAP_CHOWN'] } }),
      { name: 'mkdir' },
      'errno 1',
    ],
    [
      'an architecture to include',
      rule({ names: ['mkdir'], includes: { arches: ['amd64'] } }),
      { name: 'mkdir' },
      'allow',
    ],
    [
      'another architecture',
      rule({ names: ['mkdir'], includes: { arches: ['s390x'] } }),
      { name: 'mkdir' },
      'errno 1',
    ],
    [
      'a kernel that is new enough',
      rule({ names: ['mkdir'], includes: { minKernel: '4.8' } }),
      { name: 'mkdir' },
      'allow',
    ],
    [
      'a kernel that is not',
      rule({ names: ['mkdir'], includes: { minKernel: '6.2' } }),
      { name: 'mkdir' },
      'errno 1',
    ],
    [
      'lists that are null',
      rule({ names: ['mkdir'], args: null, includes: { caps: null } }),
      { name: 'mkdir' },
      'allow',
    ],
  ])('%s', (_name, profile, call, expected) => {
    expect(ask(profile, call)).toBe(expected);
  });

  const big = 0x1_0000_0005n;
  const values = [
    0n,
    1n,
    4n,
    5n,
    6n,
    8n,
    0xffff_ffffn,
    0x1_0000_0000n,
    0x1_0000_0004n,
    big,
    big + 1n,
    0x2_0000_0000n,
    2n ** 64n - 1n,
  ];
  const meanings: readonly (readonly [
    string,
    (arg: bigint, value: bigint, two: bigint) => boolean,
  ])[] = [
    ['NE', (arg, value) => arg !== value],
    ['LT', (arg, value) => arg < value],
    ['LE', (arg, value) => arg <= value],
    ['EQ', (arg, value) => arg === value],
    ['GE', (arg, value) => arg >= value],
    ['GT', (arg, value) => arg > value],
    ['MASKED_EQ', (arg, value, two) => (arg & value) === two],
  ];

  test.each(meanings)('SCMP_CMP_%s must compare all 64 bits', (operator, meaning) => {
    for (const value of values) {
      for (const two of [0n, 1n, value, 2n ** 32n]) {
        const op = `{"index":1,"value":${value},"valueTwo":${two},"op":"SCMP_CMP_${operator}"}`;
        const profile = `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["openat2"],"action":"SCMP_ACT_ALLOW","args":[${op}]}]}`;
        for (const arg of values) {
          const expected = meaning(arg, value, two) ? 'allow' : 'errno 1';
          expect([value, two, arg, ask(profile, { name: 'openat2', args: [7n, arg] })]).toEqual([
            value,
            two,
            arg,
            expected,
          ]);
        }
      }
    }
  });

  test('arguments must all match, but those of one number are alternatives', () => {
    const equal = (index: number, value: number): object => ({ index, value, op: 'SCMP_CMP_EQ' });
    const both = rule({ names: ['openat2'], args: [equal(0, 1), equal(1, 2)] });
    expect(ask(both, { name: 'openat2', args: [1n, 2n] })).toBe('allow');
    expect(ask(both, { name: 'openat2', args: [1n, 3n] })).toBe('errno 1');
    const either = rule({ names: ['openat2'], args: [equal(0, 1), equal(0, 2)] });
    expect([1n, 2n, 3n].map((arg) => ask(either, { name: 'openat2', args: [arg] }))).toEqual([
      'allow',
      'allow',
      'errno 1',
    ]);
  });

  test.each<[string, string, string]>([
    ['no JSON', '{nope', 'Decoding seccomp profile failed'],
    ['a path', '/etc/passwd', 'Decoding seccomp profile failed'],
    ['a list', '[]', 'the profile is no object'],
    [
      'an action',
      '{"defaultAction":"SCMP_ACT_FOO"}',
      'string SCMP_ACT_FOO is not a valid action for seccomp',
    ],
    [
      'an inherited name',
      '{"defaultAction":"toString"}',
      'string toString is not a valid action for seccomp',
    ],
    ['an agent', '{"defaultAction":"SCMP_ACT_NOTIFY"}', 'serves no SCMP_ACT_NOTIFY'],
    [
      'a seventh argument',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}]}',
      'syscalls only have up to 6 arguments',
    ],
    [
      'an operator',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","args":[{"index":1,"op":"FOO"}]}]}',
      'string FOO is not a valid operator for seccomp',
    ],
    [
      'two names',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_LOG"}]}',
      "both 'name' and 'names'",
    ],
    [
      'two architectures',
      '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86"}]}',
      "both 'architectures' and 'archMap'",
    ],
    [
      '65 bits',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","args":[{"index":1,"value":18446744073709551616,"op":"SCMP_CMP_EQ"}]}]}',
      'a value of an argument that is none',
    ],
  ])('%s must be refused', (_name, json, message) => {
    const options = { architecture: 'x86_64', capabilities: standard, kernel: '6.1' } as const;
    expect(() => customFilter(json, options)).toThrow(message);
  });
});

const oracle = readOracle();

describe.skipIf(oracle === null)(`the profile at ${oraclePath}`, () => {
  test.each([
    ['Docker’s default', standard],
    ['none', 0n],
    ['SYS_ADMIN', capabilityBit('SYS_ADMIN')],
  ])('with the capabilities %s must answer every call as it says', (_name, capabilities) => {
    const names = capabilityNames.filter((name) => (capabilities & capabilityBit(name)) !== 0n);
    const filter = customFilter(readFileSync(oraclePath, 'utf8'), {
      architecture: 'x86_64',
      capabilities,
      kernel: '6.1.0',
    });
    checkFilter(filter);
    const known = new Set(names.map((name) => `CAP_${name}`));
    const newest = Math.max(
      ...[...numbers].filter(([name]) => oracle?.names.has(name)).map(([, number]) => number),
    );
    const differences: string[] = [];
    for (const [name, number] of numbers) {
      if (number > newest) continue;
      for (const first of [
        0n,
        8n,
        38n,
        40n,
        0x20000n,
        0x2000000n,
        0x7e020000n,
        0xffffffffn,
        0x1_0000_0026n,
      ]) {
        const theirs = oracle?.answer({
          name,
          arguments: [first],
          capabilities: known,
          architecture: 'amd64',
        });
        const { action, errno } = runFilter(filter, {
          number,
          architecture: x86,
          arguments: [first, 0n, 0n, 0n, 0n, 0n],
        });
        if ((action === 'allow' ? 0 : errno) !== theirs) differences.push(`${name} ${first}`);
      }
    }
    expect(differences).toEqual([]);
  });
});
