/**
 * The profile of seccomp-profile.ts → a filter for one machine and one set of capabilities. Numbers with the same
 * verdict lie side by side, so the filter is a search tree over ranges: some seven comparisons per call, and a sixth
 * of the instructions of a list, which is what loading it costs.
 */
import { assemble } from './bpf.ts';
import type { BpfNode } from './bpf.ts';
import { capabilityBit } from './capabilities.ts';
import { allowed, allowedWith, conditional, namesOf, unavailable } from './seccomp-profile.ts';
import type { Condition } from './seccomp-profile.ts';
import { syscallNumbers } from './seccomp-syscalls.ts';
import type { Abi } from './seccomp-syscalls.ts';

export interface SeccompOptions {
  readonly architecture: 'x86_64' | 'aarch64';
  /** The bounding set of the container. */
  readonly capabilities: bigint;
}

/** struct sock_filter[], ready for the kernel. The same bytes are returned for the same filter: not to be changed. */
export function seccompFilter({ architecture, capabilities }: SeccompOptions): Uint8Array {
  const key = `${architecture} ${(capabilities & relevantCapabilities).toString(16)}`;
  let filter = cache.get(key);
  if (filter === undefined) {
    filter = assemble(byArchitecture(architecture, capabilities));
    cache.set(key, filter);
  }
  return filter;
}

const cache = new Map<string, Uint8Array>();
const relevantCapabilities = allowedWith.reduce((set, [name]) => set | capabilityBit(name), 0n);

/** linux/seccomp.h; the low 16 bits of an errno verdict are the errno. */
const allow = answer(0x7fff_0000);
export const killProcess: BpfNode = answer(0x8000_0000);
const notPermitted = answer(0x0005_0000 | 1);
export const notImplemented: BpfNode = answer(0x0005_0000 | 38);

/** struct seccomp_data; both architectures are little endian. */
const numberOffset = 0;
const architectureOffset = 4;
export const argumentOffset = (index: number): number => 16 + 8 * index;

/** linux/audit.h */
const auditArch = {
  x86_64: 0xc000_003e,
  i386: 0x4000_0003,
  aarch64: 0xc000_00b7,
  arm: 0x4000_0028,
};
const x32Bit = 0x4000_0000;

/**
 * 32-bit x86 programs are filtered by the same rules, like with Docker. Two others get ENOSYS for every call, which
 * is what a kernel without them gives: x32, which no distribution builds images for, and 32-bit ARM.
 */
function byArchitecture(architecture: 'x86_64' | 'aarch64', capabilities: bigint): BpfNode {
  return chooseTree(architecture, (abi) => searchTree(verdictsOf(abi, capabilities)));
}

/** Compares the architecture of a call, and goes on in what `tree` makes for it. */
export function chooseTree(
  architecture: SeccompOptions['architecture'],
  tree: (abi: Abi) => BpfNode,
): BpfNode {
  const number = (next: BpfNode): BpfNode => ({ kind: 'load', offset: numberOffset, next });
  const isArch = (name: keyof typeof auditArch, yes: BpfNode, no: BpfNode): BpfNode =>
    jump('equal', auditArch[name], { yes, no });
  const known =
    architecture === 'x86_64'
      ? isArch(
          'x86_64',
          number(jump('at-least', x32Bit, { yes: notImplemented, no: tree('x86_64') })),
          isArch('i386', number(tree('i386')), killProcess),
        )
      : isArch('aarch64', number(tree('aarch64')), isArch('arm', notImplemented, killProcess));
  return { kind: 'load', offset: architectureOffset, next: known };
}

/** By number, for every number that the table knows. */
function verdictsOf(abi: Abi, capabilities: bigint): ReadonlyMap<number, BpfNode> {
  const byName = new Map<string, BpfNode>();
  const set = (calls: string, verdict: BpfNode): void => {
    for (const name of namesOf(calls)) byName.set(name, verdict);
  };
  for (const calls of Object.values(allowed)) set(calls, allow);
  set(unavailable, notImplemented);
  for (const [name, condition] of Object.entries(conditional)) set(name, conditionNode(condition));
  for (const [capability, calls] of allowedWith)
    if ((capabilities & capabilityBit(capability)) !== 0n) set(calls, allow);
  const verdicts = new Map<number, BpfNode>();
  for (const [name, number] of syscallNumbers(abi))
    verdicts.set(number, byName.get(name) ?? notPermitted);
  return verdicts;
}

function conditionNode({ argument, test }: Condition): BpfNode {
  const low = (next: BpfNode): BpfNode => ({
    kind: 'load',
    offset: argumentOffset(argument),
    next,
  });
  const high = (next: BpfNode): BpfNode => ({
    kind: 'load',
    offset: argumentOffset(argument) + 4,
    next,
  });
  switch (test.kind) {
    case 'none-of':
      return low(anyOf(test.values, { yes: notPermitted, no: allow }));
    case 'one-of':
      return high(
        jump('equal', 0, {
          yes: low(anyOf(test.values, { yes: allow, no: notPermitted })),
          no: notPermitted,
        }),
      );
    case 'no-bits':
      return low(jump('any-bit', test.mask, { yes: notPermitted, no: allow }));
  }
}

function anyOf(values: readonly number[], { yes, no }: Branches): BpfNode {
  return values.reduceRight<BpfNode>((rest, value) => jump('equal', value, { yes, no: rest }), no);
}

/** Consecutive numbers with one verdict, but for a few that differ. */
interface Range {
  readonly first: number;
  readonly verdict: BpfNode;
  readonly exceptions: (readonly [number: number, verdict: BpfNode])[];
}

/** More would be a list again. */
const mostExceptions = 3;

/** `unknown` is for numbers that are not in the map. */
export function searchTree(
  verdicts: ReadonlyMap<number, BpfNode>,
  unknown: BpfNode = notImplemented,
): BpfNode {
  return subtree(mergeExceptions(toRanges(verdicts, unknown)));
}

function toRanges(verdicts: ReadonlyMap<number, BpfNode>, unknown: BpfNode): readonly Range[] {
  const last = Math.max(...verdicts.keys());
  const ranges: Range[] = [];
  for (let number = 0; number <= last + 1; number += 1) {
    const verdict = verdicts.get(number) ?? unknown;
    if (ranges.at(-1)?.verdict !== verdict) ranges.push({ first: number, verdict, exceptions: [] });
  }
  return ranges;
}

/** A single number between two ranges alike costs one comparison as an exception and two as a range. */
function mergeExceptions(ranges: readonly Range[]): readonly Range[] {
  const merged: Range[] = [];
  for (let index = 0; index < ranges.length; index += 1) {
    const range = ranges[index] as Range;
    const after = ranges[index + 1];
    const before = merged.at(-1);
    const isSingle = after?.first === range.first + 1;
    const isException = isSingle && before !== undefined && before.verdict === after.verdict;
    if (isException && before.exceptions.length < mostExceptions) {
      before.exceptions.push([range.first, range.verdict]);
      index += 1;
    } else merged.push(range);
  }
  return merged;
}

function subtree(ranges: readonly Range[]): BpfNode {
  const middle = ranges.length >> 1;
  const upper = ranges[middle] as Range;
  if (ranges.length === 1) return leaf(upper);
  return jump('at-least', upper.first, {
    yes: subtree(ranges.slice(middle)),
    no: subtree(ranges.slice(0, middle)),
  });
}

function leaf({ verdict, exceptions }: Range): BpfNode {
  return exceptions.reduceRight<BpfNode>(
    (rest, [number, other]) => jump('equal', number, { yes: other, no: rest }),
    verdict,
  );
}

export interface Branches {
  readonly yes: BpfNode;
  readonly no: BpfNode;
}

export function jump(
  test: (BpfNode & { kind: 'jump' })['test'],
  operand: number,
  branches: Branches,
): BpfNode {
  return { kind: 'jump', test, operand, ...branches };
}

export function answer(value: number): BpfNode {
  return { kind: 'return', value };
}
