/**
 * Classic BPF as a graph of nodes, and its layout as instructions (linux/filter.h, seccomp(2)). Jumps only go forward
 * and conditional ones at most 255 instructions, so the program is laid out from its end: every target is placed
 * before who jumps to it.
 */
export type BpfNode =
  | { readonly kind: 'return'; readonly value: number }
  | { readonly kind: 'load'; readonly offset: number; readonly next: BpfNode }
  | {
      readonly kind: 'jump';
      readonly test: 'equal' | 'at-least' | 'any-bit';
      readonly operand: number;
      readonly yes: BpfNode;
      readonly no: BpfNode;
    };

/** struct sock_filter */
interface Instruction {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly operand: number;
}

const load = 0x20; // BPF_LD | BPF_W | BPF_ABS
const give = 0x06; // BPF_RET | BPF_K
const jumpAlways = 0x05; // BPF_JMP | BPF_JA
const jumpIf = { equal: 0x15, 'at-least': 0x35, 'any-bit': 0x45 } as const; // BPF_JMP | BPF_JEQ, JGE, JSET | BPF_K
const farthest = 255;
/** BPF_MAXINSNS */
const longestProgram = 4096;
export const instructionBytes = 8;

export function assemble(start: BpfNode): Uint8Array {
  const layout = new Layout();
  layout.place(start);
  return layout.encode();
}

class Layout {
  /** Last instruction first. A position is an index in here. */
  readonly #reversed: Instruction[] = [];
  readonly #positions = new Map<BpfNode | number, number>();

  place(node: BpfNode): number {
    const known = this.#positions.get(keyOf(node));
    if (known !== undefined && (node.kind !== 'return' || this.#isNear(known))) return known;
    const position = this.#build(node);
    this.#positions.set(keyOf(node), position);
    return position;
  }

  encode(): Uint8Array {
    const count = this.#reversed.length;
    if (count > longestProgram)
      throw new RangeError(`a filter of ${count} instructions is too long`);
    const bytes = new Uint8Array(count * instructionBytes);
    const view = new DataView(bytes.buffer);
    this.#reversed.toReversed().forEach(({ code, yes, no, operand }, index) => {
      const at = index * instructionBytes;
      view.setUint16(at, code, true);
      view.setUint8(at + 2, yes);
      view.setUint8(at + 3, no);
      view.setUint32(at + 4, operand, true);
    });
    return bytes;
  }

  #build(node: BpfNode): number {
    switch (node.kind) {
      case 'return':
        return this.#push({ code: give, yes: 0, no: 0, operand: node.value });
      case 'load': {
        const next = this.place(node.next);
        // A load has no jump of its own: what follows it must be next in the program.
        if (next !== this.#reversed.length - 1) this.#pushJump(next);
        return this.#push({ code: load, yes: 0, no: 0, operand: node.offset });
      }
      case 'jump':
        return this.#buildJump(node);
    }
  }

  #buildJump(node: BpfNode & { kind: 'jump' }): number {
    this.place(node.yes);
    this.place(node.no);
    // Placed again: a return that the other branch has pushed out of reach gets a copy near by.
    let yes = this.place(node.yes);
    let no = this.place(node.no);
    if (!this.#isNear(yes)) yes = this.#pushJump(yes);
    if (!this.#isNear(no)) no = this.#pushJump(no);
    return this.#push({
      code: jumpIf[node.test],
      yes: this.#distance(yes),
      no: this.#distance(no),
      operand: node.operand,
    });
  }

  #pushJump(target: number): number {
    return this.#push({ code: jumpAlways, yes: 0, no: 0, operand: this.#distance(target) });
  }

  #push(instruction: Instruction): number {
    return this.#reversed.push(instruction) - 1;
  }

  /** Instructions skipped by a jump that is placed now. */
  #distance(target: number): number {
    return this.#reversed.length - 1 - target;
  }

  /** Two places are kept for the jumps that reaching the other branch may need. */
  #isNear(target: number): boolean {
    return this.#distance(target) <= farthest - 2;
  }
}

/** Returns of one value are the same wherever they stand; other nodes are themselves. */
function keyOf(node: BpfNode): BpfNode | number {
  return node.kind === 'return' ? node.value : node;
}
