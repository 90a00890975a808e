/** A seccomp profile as other runtimes take it: rules with names, which they make filters of by libseccomp. */
import type { OciSeccomp, OciSyscall, OciSyscallArgument } from './oci-config.ts';
import { capabilityBit } from './capabilities.ts';
import type { SeccompOptions } from './seccomp.ts';
import { abisOf, applies } from './seccomp-custom.ts';
import type { CustomOptions } from './seccomp-custom.ts';
import { actionOf, parseSeccompProfile } from './seccomp-json.ts';
import type { SyscallRule } from './seccomp-json.ts';
import { allowed, allowedWith, conditional, namesOf, unavailable } from './seccomp-profile.ts';
import type { Condition } from './seccomp-profile.ts';

const allow = 'SCMP_ACT_ALLOW';
const refuse = 'SCMP_ACT_ERRNO';
const EPERM = 1;
const ENOSYS = 38;

/** With the second ones of a machine: libseccomp kills on a call of an architecture that is not listed. */
const architectures = {
  x86_64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  aarch64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/**
 * The profile of seccomp-profile.ts. A profile has one answer for all that no rule is about, so a call that is not
 * known gets EPERM like one that is refused, unless the runtime knows better.
 */
export function builtinOciSeccomp({ architecture, capabilities }: SeccompOptions): OciSeccomp {
  const granted = allowedWith
    .filter(([capability]) => (capabilities & capabilityBit(capability)) !== 0n)
    .flatMap(([, calls]) => namesOf(calls));
  const names = new Set([...Object.values(allowed).flatMap(namesOf), ...granted]);
  return {
    defaultAction: refuse,
    defaultErrnoRet: EPERM,
    architectures: architectures[architecture],
    syscalls: [
      { names: [...names].sort(), action: allow },
      ...Object.entries(conditional)
        .filter(([name]) => !names.has(name))
        .flatMap(([name, condition]) => conditionRules(name, condition)),
      {
        names: namesOf(unavailable).filter((name) => !names.has(name)),
        action: refuse,
        errnoRet: ENOSYS,
      },
    ].filter((rule) => rule.names.length > 0),
  };
}

/** A profile of the user's own, without the conditions that were decided here. */
export function customOciSeccomp(json: string, options: CustomOptions): OciSeccomp {
  const profile = parseSeccompProfile(json);
  const abis = abisOf(profile, options.architecture);
  const { x86_64: x86, aarch64: arm } = architectures;
  const known = { x86_64: x86[0], i386: x86[1], aarch64: arm[0] };
  const { name, data } = actionOf(profile.fallback);
  return {
    defaultAction: name,
    ...(data !== null && { defaultErrnoRet: data }),
    architectures: [...abis].map((abi) => known[abi] ?? ''),
    syscalls: profile.rules.filter((rule) => applies(rule, options)).map(ociRule),
  };
}

function ociRule({ names, verdict, args }: SyscallRule): OciSyscall {
  const { name, data } = actionOf(verdict);
  return {
    names,
    action: name,
    ...(data !== null && { errnoRet: data }),
    args: args.map(({ index, value, valueTwo, operator }) => ({
      ...{ index, value, valueTwo, op: `SCMP_CMP_${operator}` },
    })),
  };
}

/** One rule allows, and several are alternatives; where none does the call is refused. */
function conditionRules(name: string, { argument, test }: Condition): readonly OciSyscall[] {
  const rule = (op: string, value: bigint, valueTwo = 0n): OciSyscall => {
    const arg: OciSyscallArgument = { index: argument, value, valueTwo, op: `SCMP_CMP_${op}` };
    return { names: [name], action: allow, args: [arg] };
  };
  switch (test.kind) {
    case 'none-of': {
      // The kernel looks at 32 bits, and a comparison of libseccomp at 64: so each value that may be is named.
      const values = Array.from({ length: addressFamilies }, (_, value) => value);
      return values
        .filter((value) => !test.values.includes(value))
        .map((value) => rule('MASKED_EQ', 0xffff_ffffn, BigInt(value)));
    }
    case 'one-of':
      return test.values.map((value) => rule('EQ', BigInt(value)));
    case 'no-bits':
      return [rule('MASKED_EQ', BigInt(test.mask))];
  }
}

/** AF_MAX of linux/socket.h: the only condition of this kind is on the family of a socket. */
const addressFamilies = 46;
