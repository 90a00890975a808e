/**
 * Device rules → the eBPF program that decides about every open(2) and mknod(2) of a device node in a cgroup of
 * version 2, which has no control files for that. The context is
 * `struct bpf_cgroup_dev_ctx` of include/uapi/linux/bpf.h, the encoding that of Documentation/bpf/standardization/
 * instruction-set.rst. As in the v1 controller, one rule has to allow all of an access.
 */
import type { DeviceRule } from './devices.ts';

interface Instruction {
  readonly code: number;
  readonly destination?: number;
  readonly source?: number;
  readonly offset?: number;
  readonly immediate?: number;
}

/** Registers: r0 the verdict, r1 first the context, then free. */
const verdict = 0;
const context = 1;
const scratch = 1;
const type = 2;
const access = 3;
const major = 4;
const minor = 5;

const op = {
  loadWord: 0x61,
  andConstant: 0x57,
  shiftRight: 0x77,
  move: 0xbf,
  moveConstant: 0xb7,
  jumpUnlessConstant: 0x55,
  jumpUnless: 0x5d,
  exit: 0x95,
} as const;

/** BPF_DEVCG_DEV_* and BPF_DEVCG_ACC_*. */
const typeNumber = { block: 1, char: 2 } as const;
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const everyAccess = 7;

const prologue: readonly Instruction[] = [
  { code: op.loadWord, destination: type, source: context, offset: 0 },
  { code: op.move, destination: access, source: type },
  { code: op.andConstant, destination: type, immediate: 0xffff },
  { code: op.shiftRight, destination: access, immediate: 16 },
  { code: op.loadWord, destination: major, source: context, offset: 4 },
  { code: op.loadWord, destination: minor, source: context, offset: 8 },
];

/** Bytes of the program: 1 allows, 0 is EPERM. */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array<ArrayBuffer> {
  return encode([...prologue, ...rules.flatMap(instructionsOf), ...answer(0)]);
}

/** Tests that jump behind the rule when they fail, and the answer when none did. */
function instructionsOf(rule: DeviceRule): readonly Instruction[] {
  const tests = testsOf(rule);
  const allowed = answer(1);
  return [
    ...tests.map((test, index) =>
      isJump(test) ? { ...test, offset: tests.length - 1 - index + allowed.length } : test,
    ),
    ...allowed,
  ];
}

function testsOf(rule: DeviceRule): readonly Instruction[] {
  const bits = Object.entries(accessBits)
    .filter(([letter]) => rule.access.includes(letter))
    .reduce((sum, [, bit]) => sum | bit, 0);
  const isEqual = (register: number, value: number | null): readonly Instruction[] =>
    value === null
      ? []
      : [{ code: op.jumpUnlessConstant, destination: register, immediate: value }];
  return [
    ...isEqual(type, rule.type === 'all' ? null : typeNumber[rule.type]),
    ...(bits === everyAccess
      ? []
      : [
          { code: op.move, destination: scratch, source: access },
          { code: op.andConstant, destination: scratch, immediate: bits },
          { code: op.jumpUnless, destination: scratch, source: access },
        ]),
    ...isEqual(major, rule.major),
    ...isEqual(minor, rule.minor),
  ];
}

function isJump({ code }: Instruction): boolean {
  return code === op.jumpUnless || code === op.jumpUnlessConstant;
}

function answer(value: 0 | 1): readonly Instruction[] {
  return [{ code: op.moveConstant, destination: verdict, immediate: value }, { code: op.exit }];
}

function encode(instructions: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  instructions.forEach(
    ({ code, destination = 0, source = 0, offset = 0, immediate = 0 }, index) => {
      const at = index * 8;
      view.setUint8(at, code);
      view.setUint8(at + 1, destination | (source << 4));
      view.setInt16(at + 2, offset, true);
      view.setInt32(at + 4, immediate, true);
    },
  );
  return bytes;
}
