/**
 * A profile of the user's own, in the form of Docker's (moby `profiles/seccomp`) and of the runtime specification →
 * a filter. Rules are as libseccomp has them: the arguments of one rule must all match, but two on the same argument are
 * alternatives; a rule without arguments is stronger than those with some.
 */
import { EngineError } from '../api/index.ts';
import { assemble } from './bpf.ts';
import type { BpfNode } from './bpf.ts';
import { capabilityBit, capabilityNames } from './capabilities.ts';
import type { CapabilityName } from './capabilities.ts';
import { answer, chooseTree, killProcess, notImplemented, searchTree } from './seccomp.ts';
import type { SeccompOptions } from './seccomp.ts';
import { argumentTest } from './seccomp-arguments.ts';
import { parseSeccompProfile } from './seccomp-json.ts';
import type { Filter, SeccompProfile, SyscallRule } from './seccomp-json.ts';
import { syscallNumbers } from './seccomp-syscalls.ts';
import type { Abi } from './seccomp-syscalls.ts';

export interface CustomOptions extends SeccompOptions {
  /** "6.1.0-13-amd64" */
  readonly kernel: string;
}

/** struct sock_filter[]. Throws EngineError `invalid-argument`. */
export function customFilter(json: string, options: CustomOptions): Uint8Array {
  const profile = parseSeccompProfile(json);
  const rules = profile.rules.filter((rule) => applies(rule, options));
  const native = options.architecture;
  const abis = abisOf(profile, native);
  const tree = (abi: Abi): BpfNode =>
    abis.has(abi) ? searchTree(...verdictsOf(profile, rules, abi)) : killProcess;
  try {
    return assemble(chooseTree(native, tree));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EngineError('invalid-argument', `seccomp profile: ${error.message}`);
  }
}

/** GOARCH, as moby's conditions name them. */
const goNames: Readonly<Record<string, SeccompOptions['architecture']>> = {
  amd64: 'x86_64',
  arm64: 'aarch64',
};

export function applies({ includes, excludes }: SyscallRule, options: CustomOptions): boolean {
  return holds(includes, options, true) && !holds(excludes, options, false);
}

/** All of what is listed; where nothing is, `ifEmpty`. An exclusion needs one of them only. */
function holds(filter: Filter, options: CustomOptions, isInclusion: boolean): boolean {
  const caps = filter.caps.map((name) => hasCapability(name, options.capabilities));
  const facts = [
    ...(isInclusion || caps.length === 0 ? caps : [caps.some(Boolean)]),
    ...(filter.arches.length === 0
      ? []
      : [filter.arches.some((arch) => goNames[arch] === options.architecture)]),
    ...(filter.minKernel === '' ? [] : [isAtLeast(options.kernel, filter.minKernel)]),
  ];
  return isInclusion ? facts.every(Boolean) : facts.some(Boolean);
}

function hasCapability(name: string, capabilities: bigint): boolean {
  const short = name.replace(/^CAP_/, '');
  const isKnown = (capabilityNames as readonly string[]).includes(short);
  return isKnown && (capabilities & capabilityBit(short as CapabilityName)) !== 0n;
}

function isAtLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

const abiNames: Readonly<Record<string, Abi>> = {
  SCMP_ARCH_X86_64: 'x86_64',
  SCMP_ARCH_X86: 'i386',
  SCMP_ARCH_AARCH64: 'aarch64',
};

/** The machine's own always; others as listed, or as the map has them for the machine's. */
export function abisOf(
  { architectures, archMap }: SeccompProfile,
  native: SeccompOptions['architecture'],
): ReadonlySet<Abi> {
  const mapped = archMap
    .filter(({ architecture }) => abiNames[architecture] === native)
    .flatMap(({ subArchitectures }) => subArchitectures);
  const listed = [...architectures, ...mapped].flatMap((name) => {
    const abi = abiNames[name];
    return abi === undefined ? [] : [abi];
  });
  return new Set([native, ...listed]);
}

/** Every number up to the last that a rule names; what is newer than the profile does not exist, as with runc. */
function verdictsOf(
  { fallback }: SeccompProfile,
  rules: readonly SyscallRule[],
  abi: Abi,
): [ReadonlyMap<number, BpfNode>, BpfNode] {
  const numbers = syscallNumbers(abi);
  const other = answerOf(fallback);
  const byNumber = new Map<number, SyscallRule[]>();
  for (const rule of rules) {
    if (rule.verdict === fallback) continue;
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number !== undefined) byNumber.set(number, [...(byNumber.get(number) ?? []), rule]);
    }
  }
  const verdicts = new Map<number, BpfNode>();
  const last = Math.max(-1, ...namedNumbers(rules, numbers));
  if (last < 0) return [new Map([[0, other]]), other];
  for (let number = 0; number <= last; number += 1)
    verdicts.set(number, verdictOf(byNumber.get(number) ?? [], other));
  return [verdicts, isPermissive(fallback) ? other : notImplemented];
}

function namedNumbers(
  rules: readonly SyscallRule[],
  numbers: ReadonlyMap<string, number>,
): readonly number[] {
  return rules.flatMap(({ names }) => names.flatMap((name) => numbers.get(name) ?? []));
}

function verdictOf(rules: readonly SyscallRule[], other: BpfNode): BpfNode {
  const sure = rules.find(({ args }) => args.length === 0);
  if (sure !== undefined) return answerOf(sure.verdict);
  return rules.reduceRight<BpfNode>(
    (rest, { args, verdict }) => argumentTest(args, { yes: answerOf(verdict), no: rest }),
    other,
  );
}

/** ALLOW and LOG. */
function isPermissive(verdict: number): boolean {
  return verdict >= 0x7ffc_0000 && verdict < 0x8000_0000;
}

const answers = new Map<number, BpfNode>();

/** One node for one value: ranges are found by identity. */
function answerOf(verdict: number): BpfNode {
  const known = answers.get(verdict);
  if (known !== undefined) return known;
  const made = answer(verdict);
  answers.set(verdict, made);
  return made;
}
