/**
 * Reads the chunk-framed log that a shim writes (format in native/PROTOCOL.md), with all its rotated files, as lines.
 * Memory is bounded: one chunk and at most one unfinished line per stream are held.
 */

export interface LogRecord {
  /** CLOCK_REALTIME when the shim read the end of the line. */
  readonly timeNs: bigint;
  readonly stream: 'stdout' | 'stderr';
  /** With its line feed, unless `isPartial`. */
  readonly bytes: Uint8Array;
  /** A piece of a line that is too long to hold, or the unfinished last line. The rest follows in the next record of the stream. */
  readonly isPartial: boolean;
}

export interface LogQuery {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Lines that ended at this time or later. */
  readonly sinceNs?: bigint;
  /** Lines that ended before this time. */
  readonly untilNs?: bigint;
  /** Only the last lines of what is there. */
  readonly tail?: number;
  /** Go on with what is written from now on, until `ended` resolves and everything was read, or `signal` aborts. */
  readonly follow?: boolean;
  readonly ended?: Promise<unknown>;
  readonly signal?: AbortSignal;
}

/** One array per chunk of the log. An abort ends the iteration without an error. */
export declare function readShimLog(
  path: string,
  query?: LogQuery,
): AsyncGenerator<readonly LogRecord[], void, undefined>;
