/** The little of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) that fluentd's protocol needs, one way. */

/** The first byte of what fits into it, and of what has a length of 8, 16 and 32 bits behind it. */
interface Kind {
  readonly tiny: number;
  readonly tinyLimit: number;
  /** 0: there is none. */
  readonly one: number;
  readonly two: number;
  readonly four: number;
}

const textKind: Kind = { tiny: 0xa0, tinyLimit: 32, one: 0xd9, two: 0xda, four: 0xdb };
const arrayKind: Kind = { tiny: 0x90, tinyLimit: 16, one: 0, two: 0xdc, four: 0xdd };
const mapKind: Kind = { tiny: 0x80, tinyLimit: 16, one: 0, two: 0xde, four: 0xdf };
const uintKind: Kind = { tiny: 0, tinyLimit: 128, one: 0xcc, two: 0xcd, four: 0xce };
/** Of anything but the bytes of a text. */
const mostHeadBytes = 10;

export class Packer {
  #bytes = Buffer.allocUnsafe(1024);
  #at = 0;

  /** What was packed. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Bytes of a program are no text of any encoding for sure: a string is written as it came, as Docker does. */
  text(text: string | Buffer): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    this.#head(textKind, bytes.length);
    this.#reserve(bytes.length);
    this.#at += bytes.copy(this.#bytes, this.#at);
  }

  /** As many items follow. */
  array(length: number): void {
    this.#head(arrayKind, length);
  }

  /** As many keys follow, each with its value. */
  map(length: number): void {
    this.#head(mapKind, length);
  }

  /** Of 32 bits, without a sign. */
  uint(value: number): void {
    this.#head(uintKind, value);
  }

  /** Fluentd's EventTime: extension 0 of eight bytes, seconds and nanoseconds. */
  eventTime(timeNs: bigint): void {
    this.#reserve(mostHeadBytes);
    this.#bytes[this.#at] = 0xd7;
    this.#bytes[this.#at + 1] = 0;
    this.#bytes.writeUInt32BE(Number(timeNs / 1_000_000_000n), this.#at + 2);
    this.#bytes.writeUInt32BE(Number(timeNs % 1_000_000_000n), this.#at + 6);
    this.#at += 10;
  }

  #head(kind: Kind, value: number): void {
    this.#reserve(mostHeadBytes);
    const bytes = this.#bytes;
    const at = this.#at;
    if (value < kind.tinyLimit) {
      bytes[at] = kind.tiny | value;
      this.#at += 1;
    } else if (kind.one !== 0 && value < 0x1_00) {
      bytes[at] = kind.one;
      bytes[at + 1] = value;
      this.#at += 2;
    } else if (value < 0x1_00_00) {
      bytes[at] = kind.two;
      bytes.writeUInt16BE(value, at + 1);
      this.#at += 3;
    } else {
      bytes[at] = kind.four;
      bytes.writeUInt32BE(value, at + 1);
      this.#at += 5;
    }
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
