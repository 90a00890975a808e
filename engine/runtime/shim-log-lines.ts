/** Chunks become lines: pieces of one line in several chunks are joined, per stream, up to a limit. */
import type { Frame } from './shim-log-frames.ts';

export interface LogRecord {
  /** CLOCK_REALTIME when the shim read the end of the line. */
  readonly timeNs: bigint;
  readonly stream: 'stdout' | 'stderr';
  /** The line, with its line feed unless `isPartial`, is here from `start` to `end`: a view of each would cost the most of all. */
  readonly source: Buffer;
  readonly start: number;
  readonly end: number;
  /** A piece of a line that is too long to hold, or an unfinished last line; the rest is the next record of the stream. */
  readonly isPartial: boolean;
}

/** What is held of an unfinished line, unless told otherwise. */
const defaultHeldBytes = 256 * 1024;
const lineFeed = 0x0a;
const lineEnd = Buffer.from([lineFeed]);

interface Held {
  readonly pieces: Buffer[];
  bytes: number;
  timeNs: bigint;
}

export interface AssemblerOptions {
  /** Where it is told what is missing. */
  readonly markerStream?: 'stdout' | 'stderr';
  /** A line that is longer than this comes in pieces. */
  readonly heldBytes?: number;
  /** Of lines whose beginning was read before. */
  readonly held?: Readonly<Record<'stdout' | 'stderr', Buffer>>;
}

export class LineAssembler {
  readonly #markerStream: 'stdout' | 'stderr';
  readonly #heldBytes: number;
  readonly #held = { stdout: emptyHeld(), stderr: emptyHeld() };

  constructor({
    markerStream = 'stderr',
    heldBytes = defaultHeldBytes,
    held,
  }: AssemblerOptions = {}) {
    this.#markerStream = markerStream;
    this.#heldBytes = heldBytes;
    if (held === undefined) return;
    for (const stream of ['stdout', 'stderr'] as const) {
      const bytes = held[stream];
      this.#held[stream] = { pieces: [bytes], bytes: bytes.length, timeNs: 0n };
    }
  }

  /** Adds to `records` the lines that the frame ends. */
  push(frame: Frame, records: LogRecord[]): void {
    const { stream, payload, timeNs } = frame;
    if (stream === 'lost' || stream === 'gap') {
      this.#mark(frame, records);
      return;
    }
    let start = 0;
    for (;;) {
      const feed = payload.indexOf(lineFeed, start);
      if (feed < 0) break;
      const end = feed + 1;
      if (this.#held[stream].bytes > 0)
        records.push(this.#joined({ stream, payload, timeNs }, payload.subarray(0, end)));
      else records.push({ timeNs, stream, source: payload, start, end, isPartial: false });
      start = end;
    }
    if (start < payload.length) this.#hold({ stream, payload, timeNs }, start, records);
  }

  /** What was read of a line whose end was not. */
  heldOf(stream: 'stdout' | 'stderr'): Buffer {
    return Buffer.concat(this.#held[stream].pieces);
  }

  /** What is left without a line feed. */
  flush(records: LogRecord[]): void {
    const rest = (['stdout', 'stderr'] as const)
      .filter((stream) => this.#held[stream].bytes > 0)
      .map((stream) => record(stream, this.#held[stream].timeNs, this.#take(stream)));
    records.push(...rest.sort((a, b) => Number(a.timeNs - b.timeNs)));
  }

  /** What is missing may have been the rest of a line: one that was begun ends here. */
  #mark(frame: Frame, records: LogRecord[]): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#held[stream].bytes > 0) records.push(this.#joined({ ...frame, stream }, lineEnd));
    }
    const text = Buffer.from(`[tscompose] ${describe(frame)}\n`);
    records.push(record(this.#markerStream, frame.timeNs, text));
  }
  #hold({ stream, payload, timeNs }: LineFrame, start: number, records: LogRecord[]): void {
    const held = this.#held[stream];
    // A copy: the rest must not keep the whole chunk in memory.
    held.pieces.push(Buffer.from(payload.subarray(start)));
    held.bytes += payload.length - start;
    held.timeNs = timeNs;
    if (held.bytes <= this.#heldBytes) return;
    // In whole pieces, so that where a line is cut does not depend on how it was read.
    const bytes = this.#take(stream);
    const cut = Math.floor((bytes.length - 1) / this.#heldBytes) * this.#heldBytes;
    records.push(record(stream, timeNs, bytes.subarray(0, cut)));
    this.#held[stream] = { pieces: [bytes.subarray(cut)], bytes: bytes.length - cut, timeNs };
  }

  #joined({ stream, timeNs }: LineFrame, end: Buffer): LogRecord {
    return record(stream, timeNs, Buffer.concat([this.#take(stream), end]));
  }

  #take(stream: 'stdout' | 'stderr'): Buffer {
    const { pieces } = this.#held[stream];
    this.#held[stream] = emptyHeld();
    return Buffer.concat(pieces);
  }
}

type LineFrame = Pick<Frame, 'payload' | 'timeNs'> & Pick<LogRecord, 'stream'>;

function record(stream: 'stdout' | 'stderr', timeNs: bigint, source: Buffer): LogRecord {
  const isPartial = source.at(-1) !== lineFeed;
  return { timeNs, stream, source, start: 0, end: source.length, isPartial };
}

function describe({ stream, payload }: Frame): string {
  if (stream === 'gap') {
    const count = payload.readBigUInt64LE();
    return `${count} ${count === 1n ? 'file' : 'files'} of this log went by rotation before being read`;
  }
  if (payload.length < 8) return 'some output was lost: the log could not be written';
  return `${payload.readBigUInt64LE()} bytes of output were lost: the log could not be written`;
}

function emptyHeld(): Held {
  return { pieces: [], bytes: 0, timeNs: 0n };
}
