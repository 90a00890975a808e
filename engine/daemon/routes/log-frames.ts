/** Log records as the bytes of an answer: framed, or raw for a terminal. */
import { frameHeaderBytes, maxFramePayload, writeFrameHeader } from '../../api/index.ts';
import type { LogRecord } from './containers-backend.ts';

export interface LogFormat {
  readonly isFramed: boolean;
  readonly hasTimestamps: boolean;
  /** Put behind the timestamp, with a space; null: not asked for. */
  readonly details: string | null;
}

export async function* formatLogs(
  batches: AsyncIterable<readonly LogRecord[]>,
  format: LogFormat,
): AsyncGenerator<Uint8Array> {
  const formatter = new LogFormatter(format);
  for await (const batch of batches) {
    // One write per batch: a line at a time would cost a system call each.
    if (batch.length > 0) yield formatter.format(batch);
  }
}

const lineFeed = 10;
const empty: Buffer = Buffer.alloc(0);

/** Every line is copied once, from the block that was read to the bytes that are sent. */
class LogFormatter {
  readonly #format: LogFormat;
  readonly #stamp = createStamper();
  readonly #detail: Buffer;
  // A piece that continues a line gets no second timestamp.
  readonly #isInsideLine = { stdout: false, stderr: false };
  #prefix: Buffer = empty;
  #prefixNs = -1n;
  #out: Buffer = empty;
  #at = 0;

  constructor(format: LogFormat) {
    this.#format = format;
    this.#detail = Buffer.from(format.details === null ? '' : `${format.details} `);
    if (!format.hasTimestamps) this.#prefix = this.#detail;
  }

  format(batch: readonly LogRecord[]): Buffer {
    this.#out = Buffer.allocUnsafe(this.#roomFor(batch));
    this.#at = 0;
    for (const record of batch) this.#add(record);
    return this.#out.subarray(0, this.#at);
  }

  /** At least what the batch needs. */
  #roomFor(batch: readonly LogRecord[]): number {
    const prefixBytes = this.#detail.length + (this.#format.hasTimestamps ? stampBytes : 0);
    let bytes = 0;
    for (const { start, end } of batch) {
      const payload = end - start + prefixBytes;
      bytes += payload + frameHeaderBytes * Math.ceil(payload / maxFramePayload);
    }
    return bytes;
  }

  #add(record: LogRecord): void {
    const { stream, source, start, end } = record;
    const prefix = this.#isInsideLine[stream] ? empty : this.#prefixOf(record.timeNs);
    this.#isInsideLine[stream] = source[end - 1] !== lineFeed;
    let left = prefix.length + end - start;
    let room = this.#open(record, left);
    if (prefix.length > 0) {
      this.#at += prefix.copy(this.#out, this.#at);
      left -= prefix.length;
      room -= prefix.length;
    }
    for (let from = start; left > 0;) {
      const part = Math.min(left, room);
      this.#at += source.copy(this.#out, this.#at, from, from + part);
      from += part;
      left -= part;
      if (left > 0) room = this.#open(record, left);
    }
  }

  /** Begins a frame; returns how many bytes of those left go into it. */
  #open({ stream }: LogRecord, left: number): number {
    if (!this.#format.isFramed) return left;
    const length = Math.min(left, maxFramePayload);
    writeFrameHeader(this.#out, this.#at, { stream, length });
    this.#at += frameHeaderBytes;
    return length;
  }

  /** All lines of one read of the shim have one time. */
  #prefixOf(timeNs: bigint): Buffer {
    if (this.#format.hasTimestamps && timeNs !== this.#prefixNs) {
      this.#prefixNs = timeNs;
      this.#prefix = Buffer.concat([Buffer.from(this.#stamp(timeNs)), this.#detail]);
    }
    return this.#prefix;
  }
}

const stampBytes = '2006-01-02T15:04:05.000000000Z '.length;

/** RFC 3339 with nine digits always, so that columns align, and a space. Seconds repeat, so their text is kept. */
function createStamper(): (timeNs: bigint) => string {
  let lastSecond = -1n;
  let text = '';
  return (timeNs) => {
    const second = timeNs / 1_000_000_000n;
    if (second !== lastSecond) {
      lastSecond = second;
      text = new Date(Number(second) * 1000).toISOString().slice(0, 19);
    }
    const fraction = (timeNs % 1_000_000_000n).toString().padStart(9, '0');
    return `${text}.${fraction}Z `;
  };
}
