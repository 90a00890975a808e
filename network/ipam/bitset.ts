/** A set of numbers below `size`. Memory is taken per 1024 numbers that are used: a /8 costs nothing until then. */
export class Bitset {
  readonly size: number;
  readonly #pages = new Map<number, Uint32Array>();

  constructor(size: number) {
    this.size = size;
  }

  has(index: number): boolean {
    const word = this.#pages.get(Math.floor(index / pageBits))?.[(index % pageBits) >>> 5] ?? 0;
    return (word & (1 << (index & 31))) !== 0;
  }

  add(index: number): void {
    this.#check(index);
    const page = this.#page(Math.floor(index / pageBits));
    const word = (index % pageBits) >>> 5;
    page[word] = (page[word] ?? 0) | (1 << (index & 31));
  }

  delete(index: number): void {
    const number = Math.floor(index / pageBits);
    const page = this.#pages.get(number);
    if (page === undefined) return;
    const word = (index % pageBits) >>> 5;
    page[word] = (page[word] ?? 0) & ~(1 << (index & 31));
    if (page.every((bits) => bits === 0)) this.#pages.delete(number);
  }

  /** The first number from `start` up to and not with `end` that is not in the set; null if all are. */
  firstMissing(start: number, end: number): number | null {
    for (let index = start; index < end;) {
      const page = this.#pages.get(Math.floor(index / pageBits));
      if (page === undefined) return index;
      const bits = page[(index % pageBits) >>> 5] ?? 0;
      if (bits === 0xffffffff) index = (index | 31) + 1;
      else if ((bits & (1 << (index & 31))) === 0) return index;
      else index++;
    }
    return null;
  }

  #page(number: number): Uint32Array {
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = new Uint32Array(pageBits / 32);
      this.#pages.set(number, page);
    }
    return page;
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.size)
      throw new RangeError(`${index} is not below ${this.size}`);
  }
}

const pageBits = 1024;
