/**
 * Reads the chunk-framed log that a shim writes (format in native/PROTOCOL.md), with all its rotated files, as lines.
 * Memory is bounded: one disk read and at most one unfinished line per stream are held, however long the log is.
 */
import type { Frame } from './shim-log-frames.ts';
import { LineAssembler, type LogRecord } from './shim-log-lines.ts';
import { Wakeup } from './shim-log-wakeup.ts';
import { endOfLog, LogWalker, startOfLog, walkBack, type Position } from './shim-log-walk.ts';

export type { LogRecord } from './shim-log-lines.ts';

export interface LogQuery {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Lines that ended at this time or later. */
  readonly sinceNs?: bigint;
  /** Lines that ended at this time or earlier. */
  readonly untilNs?: bigint;
  /** Only the last lines, of the streams asked for, of what is there. */
  readonly tail?: number;
  /** Go on with what is written from now on, until `ended` resolves and everything was read, or `signal` aborts. */
  readonly follow?: boolean;
  readonly ended?: Promise<unknown>;
  readonly signal?: AbortSignal;
}

/** One array per disk read. An abort ends the iteration without an error. */
export async function* readShimLog(
  path: string,
  query: LogQuery = {},
): AsyncGenerator<readonly LogRecord[], void, undefined> {
  // Armed before the first read, so that nothing written after it goes unnoticed.
  using wakeup = query.follow === true ? new Wakeup(path, query) : null;
  const end = await endOfLog(path);
  const start = await findStart(path, query, end);
  const filter = new LineFilter(query, await countBefore(path, { query, start, end }));
  await using walker = new LogWalker(path, start);
  const limit = wakeup === null ? end : null;
  for (;;) {
    // Asked before reading, as what was written before the end is still to be read.
    const isLast = wakeup === null || wakeup.hasEnded;
    for await (const frames of framesUntil(walker, limit)) {
      const records = filter.push(frames);
      if (records.length > 0) yield records;
      if (query.signal?.aborted === true) return;
    }
    if (isLast) break;
    await wakeup.next();
    if (query.signal?.aborted === true) return;
  }
  yield filter.flush();
}

/** What the walker sees now, and nothing behind `limit`, so that a log that grows as fast as it is read has an end. */
async function* framesUntil(
  walker: LogWalker,
  limit: Position | null,
): AsyncGenerator<readonly Frame[], void, undefined> {
  for await (const frames of walker.read()) {
    const before =
      limit === null ? frames : frames.filter((frame) => walker.isBefore(frame.end, limit));
    if (before.length > 0) yield before;
    if (before.length < frames.length) return;
  }
}

/** A place from which every wanted line is seen whole; it may lie too early. */
async function findStart(path: string, query: LogQuery, end: Position): Promise<Position> {
  if (query.tail === 0) return end;
  if (query.tail === undefined && query.sinceNs === undefined) return startOfLog(path);
  const isInside = query.tail === undefined ? isSince(query) : isAmongLast(query.tail);
  // Streams whose first line in the wanted part may begin before it: in each, back to the line feed before.
  const open = new Set<string>();
  let patience = maxFramesBefore;
  return walkBack(path, end, (frame) => {
    if (!isWanted(frame.stream, query)) return false;
    if (isInside(frame)) {
      open.add(frame.stream);
      return false;
    }
    if (countFeeds(frame.payload) > 0) open.delete(frame.stream);
    return open.size === 0 || --patience === 0;
  });
}

/** A line that began longer ago is shown without its beginning, rather than searched through the whole log. */
const maxFramesBefore = 4096;

function isSince({ sinceNs = 0n }: LogQuery): (frame: Frame) => boolean {
  return (frame) => frame.timeNs >= sinceNs;
}

/** Asked from the last frame backwards: the ones in which the last lines end. */
function isAmongLast(tail: number): (frame: Frame) => boolean {
  let missing = tail;
  return (frame) => {
    if (missing <= 0) return false;
    missing -= countFeeds(frame.payload);
    return true;
  };
}

interface Counting {
  readonly query: LogQuery;
  readonly start: Position;
  readonly end: Position;
}

/** With `tail`: how many lines between the start that was found and the end are not among the last ones. */
async function countBefore(path: string, { query, start, end }: Counting): Promise<number> {
  if (query.tail === undefined || query.tail === 0) return 0;
  const filter = new LineFilter(query, 0);
  await using walker = new LogWalker(path, start);
  let count = 0;
  for await (const frames of framesUntil(walker, end)) count += filter.push(frames).length;
  if (query.follow !== true) count += filter.flush().length;
  return Math.max(0, count - query.tail);
}

/** Lines of the streams and times that were asked for. */
class LineFilter {
  readonly #assembler: LineAssembler;
  readonly #query: LogQuery;
  #skip: number;

  constructor(query: LogQuery, skip: number) {
    this.#assembler = new LineAssembler({
      markerStream: query.stderr === false ? 'stdout' : 'stderr',
    });
    this.#query = query;
    this.#skip = skip;
  }

  push(frames: readonly Frame[]): LogRecord[] {
    const records: LogRecord[] = [];
    for (const frame of frames) {
      if (isMarker(frame) || isWanted(frame.stream, this.#query))
        this.#assembler.push(frame, records);
    }
    return this.#select(records);
  }

  flush(): LogRecord[] {
    const records: LogRecord[] = [];
    this.#assembler.flush(records);
    return this.#select(records);
  }

  #select(records: LogRecord[]): LogRecord[] {
    const { sinceNs, untilNs } = this.#query;
    const inTime =
      sinceNs === undefined && untilNs === undefined
        ? records
        : records.filter(
            ({ timeNs }) =>
              (sinceNs === undefined || timeNs >= sinceNs) &&
              (untilNs === undefined || timeNs <= untilNs),
          );
    const skipped = Math.min(this.#skip, inTime.length);
    this.#skip -= skipped;
    return skipped === 0 ? inTime : inTime.slice(skipped);
  }
}

function isMarker({ stream }: Frame): boolean {
  return stream === 'lost' || stream === 'gap';
}

function isWanted(stream: string, { stdout = true, stderr = true }: LogQuery): boolean {
  return (stream === 'stdout' && stdout) || (stream === 'stderr' && stderr);
}

function countFeeds(payload: Buffer): number {
  let count = 0;
  for (let at = payload.indexOf(0x0a); at >= 0; at = payload.indexOf(0x0a, at + 1)) count++;
  return count;
}

export interface FollowFrames {
  readonly from: Position;
  /** Ends the iteration when it resolves and everything was read. */
  readonly ended: Promise<unknown>;
  /** Ends it at once, without an error. */
  readonly signal: AbortSignal;
}

export interface FrameBatch {
  /** Of one file. */
  readonly frames: readonly Frame[];
  /** Behind the last of them. */
  readonly next: Position;
}

/** Frames as the shim wrote them, from a place on: what a program printed, and not lines. */
export async function* followFrames(
  path: string,
  { from, ended, signal }: FollowFrames,
): AsyncGenerator<FrameBatch, void, undefined> {
  using wakeup = new Wakeup(path, { ended, signal });
  await using walker = new LogWalker(path, from);
  for (;;) {
    // Asked before reading, as what was written before the end is still to be read.
    const isLast = wakeup.hasEnded;
    for await (const frames of walker.read()) {
      if (signal.aborted) return;
      yield { frames, next: walker.position };
    }
    if (isLast || signal.aborted) return;
    await wakeup.next();
  }
}
