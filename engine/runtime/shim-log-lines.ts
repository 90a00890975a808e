/** Chunks become lines: pieces of one line in several chunks are joined, per stream, up to a limit. */
import type { Frame } from './shim-log-frames.ts';

export interface LogRecord {
  /** CLOCK_REALTIME when the shim read the end of the line. */
  readonly timeNs: bigint;
  readonly stream: 'stdout' | 'stderr';
  /** With its line feed, unless `isPartial`. */
  readonly bytes: Uint8Array;
  /** A piece of a line that is too long to hold, or an unfinished last line; the rest is the next record of the stream. */
  readonly isPartial: boolean;
}

/** What is held of an unfinished line. Docker cuts at 16 KiB; nothing depends on the number. */
const maxHeldBytes = 256 * 1024;
const lineFeed = 0x0a;

interface Held {
  readonly pieces: Uint8Array[];
  bytes: number;
  timeNs: bigint;
}

export class LineAssembler {
  readonly #markerStream: 'stdout' | 'stderr';
  readonly #held = { stdout: emptyHeld(), stderr: emptyHeld() };

  /** What is missing is told on `markerStream`. */
  constructor(markerStream: 'stdout' | 'stderr' = 'stderr') {
    this.#markerStream = markerStream;
  }

  push(frame: Frame): LogRecord[] {
    const { stream, payload, timeNs } = frame;
    if (stream === 'lost' || stream === 'gap') return this.#mark(frame);
    const records: LogRecord[] = [];
    let start = 0;
    for (;;) {
      const feed = payload.indexOf(lineFeed, start);
      if (feed < 0) break;
      const line = this.#take(stream, payload.subarray(start, feed + 1));
      records.push({ timeNs, stream, bytes: line, isPartial: false });
      start = feed + 1;
    }
    if (start < payload.length) {
      // A copy: the rest must not keep the whole chunk in memory.
      this.#hold(stream, Buffer.from(payload.subarray(start)), timeNs);
      const held = this.#held[stream];
      if (held.bytes > maxHeldBytes) {
        records.push({ timeNs, stream, bytes: this.#take(stream, null), isPartial: true });
      }
    }
    return records;
  }

  /** What is left without a line feed. */
  flush(): LogRecord[] {
    const records: LogRecord[] = [];
    for (const stream of ['stdout', 'stderr'] as const) {
      const { bytes, timeNs } = this.#held[stream];
      if (bytes === 0) continue;
      records.push({ timeNs, stream, bytes: this.#take(stream, null), isPartial: true });
    }
    return records.sort((a, b) => Number(a.timeNs - b.timeNs));
  }

  /** What is missing may have been the rest of a line: one that was begun ends here. */
  #mark(frame: Frame): LogRecord[] {
    const { timeNs } = frame;
    const cut = (['stdout', 'stderr'] as const)
      .filter((stream) => this.#held[stream].bytes > 0)
      .map((stream): LogRecord => {
        const bytes = this.#take(stream, Buffer.from([lineFeed]));
        return { timeNs, stream, bytes, isPartial: false };
      });
    const bytes = Buffer.from(`[tscompose] ${describe(frame)}\n`);
    return [...cut, { timeNs, stream: this.#markerStream, bytes, isPartial: false }];
  }

  #hold(stream: 'stdout' | 'stderr', piece: Uint8Array, timeNs: bigint): void {
    const held = this.#held[stream];
    held.pieces.push(piece);
    held.bytes += piece.length;
    held.timeNs = timeNs;
  }

  #take(stream: 'stdout' | 'stderr', end: Uint8Array | null): Uint8Array {
    const { pieces, bytes } = this.#held[stream];
    if (bytes === 0) return end ?? new Uint8Array(0);
    this.#held[stream] = emptyHeld();
    return Buffer.concat(end === null ? pieces : [...pieces, end]);
  }
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
