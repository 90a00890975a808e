/** Comparisons of 64-bit arguments in a filter that loads 32 bits at a time (seccomp(2)). */
import type { BpfNode } from './bpf.ts';
import { argumentOffset, jump } from './seccomp.ts';
import type { Branches } from './seccomp.ts';
import type { ArgumentRule } from './seccomp-json.ts';

/** All must hold; those on the same argument are alternatives. */
export function argumentTest(args: readonly ArgumentRule[], branches: Branches): BpfNode {
  return [...groupByIndex(args).values()].reduceRight<BpfNode>(
    (yes, alternatives) =>
      alternatives.reduceRight<BpfNode>((no, arg) => compare(arg, { yes, no }), branches.no),
    branches.yes,
  );
}

function groupByIndex(args: readonly ArgumentRule[]): ReadonlyMap<number, ArgumentRule[]> {
  const groups = new Map<number, ArgumentRule[]>();
  for (const arg of args) groups.set(arg.index, [...(groups.get(arg.index) ?? []), arg]);
  return groups;
}

const largest = 2n ** 64n - 1n;

function compare({ index, value, valueTwo, operator }: ArgumentRule, branches: Branches): BpfNode {
  const opposite = { yes: branches.no, no: branches.yes };
  switch (operator) {
    case 'EQ':
      return equals(index, value, branches);
    case 'NE':
      return equals(index, value, opposite);
    case 'GE':
      return isAtLeast(index, value, branches);
    case 'LT':
      return isAtLeast(index, value, opposite);
    case 'GT':
      return isAbove(index, value, branches);
    case 'LE':
      return isAbove(index, value, opposite);
    case 'MASKED_EQ':
      return maskedEquals(index, { mask: value, datum: valueTwo }, branches);
  }
}

function isAbove(index: number, value: bigint, branches: Branches): BpfNode {
  return value === largest ? branches.no : isAtLeast(index, value + 1n, branches);
}

function equals(index: number, value: bigint, { yes, no }: Branches): BpfNode {
  const isLow = low(index, jump('equal', lowHalf(value), { yes, no }));
  return high(index, jump('equal', highHalf(value), { yes: isLow, no }));
}

function isAtLeast(index: number, value: bigint, { yes, no }: Branches): BpfNode {
  const top = highHalf(value);
  const isLow = low(index, jump('at-least', lowHalf(value), { yes, no }));
  const isTop = jump('equal', top, { yes: isLow, no });
  if (top === 0xffff_ffff) return high(index, isTop);
  return high(index, jump('at-least', top + 1, { yes, no: isTop }));
}

/** Bit by bit where a bit must be set: the only test of bits that a filter has is for any of them. */
function maskedEquals(
  index: number,
  { mask, datum }: { readonly mask: bigint; readonly datum: bigint },
  { yes, no }: Branches,
): BpfNode {
  if ((datum & ~mask) !== 0n) return no;
  const half = (pick: (value: bigint) => number, next: BpfNode): BpfNode => {
    const clear = pick(mask & ~datum);
    const start = bitsOf(pick(datum)).reduceRight<BpfNode>(
      (rest, bit) => jump('any-bit', bit, { yes: rest, no }),
      next,
    );
    return clear === 0 ? start : jump('any-bit', clear, { yes: no, no: start });
  };
  return high(index, half(highHalf, low(index, half(lowHalf, yes))));
}

function bitsOf(word: number): readonly number[] {
  return Array.from({ length: 32 }, (_, bit) => 2 ** bit).filter(
    (bit) => Math.floor(word / bit) % 2 === 1,
  );
}

function lowHalf(value: bigint): number {
  return Number(value & 0xffff_ffffn);
}

function highHalf(value: bigint): number {
  return Number(value >> 32n);
}

function low(index: number, next: BpfNode): BpfNode {
  return { kind: 'load', offset: argumentOffset(index), next };
}

function high(index: number, next: BpfNode): BpfNode {
  return { kind: 'load', offset: argumentOffset(index) + 4, next };
}
