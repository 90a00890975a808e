/**
 * A log's frames as what drivers send: lines without their line feed, and pieces of 16 KiB of longer ones, told apart as
 * Docker does it.
 */
import { createHash } from 'node:crypto';
import { LineAssembler } from '../../runtime/index.ts';
import type { Frame, LogRecord } from '../../runtime/index.ts';

type Stream = LogRecord['stream'];

export interface LogEntry {
  readonly stream: Stream;
  readonly timeNs: bigint;
  readonly line: Buffer;
  /** Of a piece of a longer line. */
  readonly partial: {
    readonly id: string;
    readonly ordinal: number;
    readonly isLast: boolean;
  } | null;
}

/** Where a line that is not at its end stands: what of it was not sent yet, and how many pieces were. */
export interface BegunLine {
  readonly bytes: Buffer;
  readonly pieces: number;
  readonly id: string;
}

export type BegunLines = Readonly<Record<Stream, BegunLine>>;

const pieceBytes = 16 * 1024;
const lineFeed = 0x0a;
const nothing: BegunLine = { bytes: Buffer.alloc(0), pieces: 0, id: '' };
export const noLines: BegunLines = { stdout: nothing, stderr: nothing };

export class EntryReader {
  readonly #assembler: LineAssembler;
  readonly #begun: Record<Stream, { pieces: number; id: string }>;

  constructor({ stdout, stderr }: BegunLines) {
    this.#assembler = new LineAssembler({
      heldBytes: pieceBytes,
      held: { stdout: stdout.bytes, stderr: stderr.bytes },
    });
    this.#begun = {
      stdout: { pieces: stdout.pieces, id: stdout.id },
      stderr: { pieces: stderr.pieces, id: stderr.id },
    };
  }

  read(frame: Frame): LogEntry[] {
    const records: LogRecord[] = [];
    this.#assembler.push(frame, records);
    return records.flatMap((record) => this.#cut(record, !record.isPartial));
  }

  /** Nothing more comes: what is left is a line. */
  flush(): LogEntry[] {
    const records: LogRecord[] = [];
    this.#assembler.flush(records);
    return records.flatMap((record) => this.#cut(record, true));
  }

  get begun(): BegunLines {
    const of = (stream: Stream): BegunLine => ({
      bytes: this.#assembler.heldOf(stream),
      ...this.#begun[stream],
    });
    return { stdout: of('stdout'), stderr: of('stderr') };
  }

  #cut({ stream, timeNs, source, start, end }: LogRecord, isEnd: boolean): LogEntry[] {
    const begun = this.#begun[stream];
    const last = source[end - 1] === lineFeed ? end - 1 : end;
    if (begun.pieces === 0 && isEnd && last - start <= pieceBytes) {
      return [{ stream, timeNs, line: source.subarray(start, last), partial: null }];
    }
    if (begun.pieces === 0) begun.id = idOf(timeNs, source.subarray(start, start + pieceBytes));
    const entries: LogEntry[] = [];
    for (let at = start; at < last || (isEnd && at === start); at += pieceBytes) {
      const to = Math.min(last, at + pieceBytes);
      begun.pieces += 1;
      const partial = { id: begun.id, ordinal: begun.pieces, isLast: isEnd && to === last };
      entries.push({ stream, timeNs, line: source.subarray(at, to), partial });
    }
    if (isEnd) this.#begun[stream] = { pieces: 0, id: '' };
    return entries;
  }
}

/** The same again for a line that is sent again. */
function idOf(timeNs: bigint, bytes: Buffer): string {
  return createHash('sha256').update(`${timeNs} `).update(bytes).digest('hex');
}
