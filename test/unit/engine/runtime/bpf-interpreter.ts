/** Runs a filter as the kernel would (Documentation/networking/filter.rst), for the instructions that ours have. */
import { instructionBytes } from '../../../../engine/runtime/bpf.ts';

/** struct seccomp_data */
export interface SeccompData {
  readonly number: number;
  readonly architecture: number;
  readonly arguments: readonly bigint[];
}

export interface Outcome {
  readonly action: 'allow' | 'kill' | 'errno';
  readonly errno: number;
  /** Instructions executed. */
  readonly steps: number;
}

export function runFilter(filter: Uint8Array, data: SeccompData): Outcome {
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const memory = encodeData(data);
  let accumulator = 0;
  let at = 0;
  for (let steps = 1; ; steps += 1) {
    const base = at * instructionBytes;
    const code = program.getUint16(base, true);
    const operand = program.getUint32(base + 4, true);
    const jump = (isTaken: boolean): void => {
      at += 1 + program.getUint8(base + (isTaken ? 2 : 3));
    };
    switch (code) {
      case 0x20:
        accumulator = memory.getUint32(operand, true);
        at += 1;
        break;
      case 0x05:
        at += 1 + operand;
        break;
      case 0x15:
        jump(accumulator === operand);
        break;
      case 0x35:
        jump(accumulator >= operand);
        break;
      case 0x45:
        jump((accumulator & operand) !== 0);
        break;
      case 0x06:
        return { ...outcomeOf(operand), steps };
      default:
        throw new Error(`instruction ${at} has the unknown code 0x${code.toString(16)}`);
    }
  }
}

function encodeData({ number, architecture, arguments: values }: SeccompData): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(0, number, true);
  view.setUint32(4, architecture, true);
  values.forEach((value, index) => {
    view.setBigUint64(16 + 8 * index, value, true);
  });
  return view;
}

function outcomeOf(value: number): Pick<Outcome, 'action' | 'errno'> {
  if (value === 0x7fff_0000) return { action: 'allow', errno: 0 };
  if (value === 0x8000_0000) return { action: 'kill', errno: 0 };
  if ((value & 0xffff_0000) >>> 0 === 0x0005_0000)
    return { action: 'errno', errno: value & 0xffff };
  throw new Error(`the filter gives the unknown action 0x${value.toString(16)}`);
}

/** What seccomp(2) checks before it takes a filter: every path stays inside and ends in a return. */
export function checkFilter(filter: Uint8Array): void {
  const count = filter.byteLength / instructionBytes;
  if (!Number.isInteger(count) || count === 0 || count > 4096)
    throw new Error(`${count} instructions`);
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  for (let at = 0; at < count; at += 1) {
    const base = at * instructionBytes;
    const code = program.getUint16(base, true);
    const farthest =
      code === 0x05
        ? program.getUint32(base + 4, true)
        : Math.max(program.getUint8(base + 2), program.getUint8(base + 3));
    if (code !== 0x06 && at + 1 + farthest >= count)
      throw new Error(`instruction ${at} leaves the program`);
  }
}
