import { createDemultiplexer, type OutputStream } from '../api/index.ts';
import type { CallOptions, Exchange, ExchangeResponse } from './exchange.ts';
import { openStream, type OpenedStream } from './opened-stream.ts';

export interface LogsOptions extends CallOptions {
  readonly follow?: boolean;
  /** Both streams unless one is named. */
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Seconds since the epoch with a fraction, or RFC 3339. */
  readonly since?: string;
  readonly until?: string;
  /** Last n lines; absent: all. */
  readonly tail?: number;
  readonly timestamps?: boolean;
}

export interface LogLine {
  readonly stream: OutputStream;
  /** RFC 3339 with nine digits, when asked for. */
  readonly timestamp: string | null;
  /** Without its newline. */
  readonly text: string;
  /** The log ends within it. */
  readonly isUnfinished?: true;
}

export type LogStream = OpenedStream<LogLine>;

export function openLogs(
  exchange: Exchange,
  path: string,
  { follow, stdout, stderr, since, until, tail, timestamps, signal }: LogsOptions,
): LogStream {
  const both = stdout !== true && stderr !== true;
  const query = {
    follow,
    stdout: both || stdout,
    stderr: both || stderr,
    since,
    until,
    tail,
    timestamps,
  };
  const response = exchange.send({ method: 'GET', path, query, signal });
  return openStream(response, (answer) => readLines(answer, timestamps === true));
}

/** A terminal has one stream and no frames; the content type tells, from API 1.42 on. */
async function* readLines(
  { headers, body }: ExchangeResponse,
  hasTimestamps: boolean,
): AsyncGenerator<LogLine> {
  const isFramed = headers.get('content-type') !== 'application/vnd.docker.raw-stream';
  const assemblers = {
    stdout: new LineAssembler('stdout', hasTimestamps),
    stderr: new LineAssembler('stderr', hasTimestamps),
  };
  const demultiplexer = createDemultiplexer();
  for await (const chunk of body) {
    if (!isFramed) {
      yield* assemblers.stdout.push(chunk, false);
      continue;
    }
    for (const frame of demultiplexer.push(chunk)) {
      yield* assemblers[frame.stream].push(frame.payload, frame.isStart);
    }
  }
  if (isFramed) demultiplexer.end();
  yield* assemblers.stdout.end();
  yield* assemblers.stderr.end();
}

const timestampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d) /;
const longestTimestamp = '2006-01-02T15:04:05.000000000+00:00 '.length;
const lineFeed = 10;

class LineAssembler {
  readonly #stream: OutputStream;
  readonly #hasTimestamps: boolean;
  /** Of the line so far: the bytes of each frame that it came in, as they arrived. */
  #segments: Uint8Array[][] = [];

  constructor(stream: OutputStream, hasTimestamps: boolean) {
    this.#stream = stream;
    this.#hasTimestamps = hasTimestamps;
  }

  *push(chunk: Uint8Array, isFrameStart: boolean): Generator<LogLine> {
    let start = 0;
    let isSegmentStart = isFrameStart;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      this.#take(chunk.subarray(start, end), isSegmentStart);
      start = end + 1;
      isSegmentStart = false;
      yield this.#line();
    }
    if (start < chunk.length) this.#take(chunk.subarray(start), isSegmentStart);
  }

  *end(): Generator<LogLine> {
    if (this.#segments.length > 0) yield { ...this.#line(), isUnfinished: true };
  }

  #take(bytes: Uint8Array, isSegmentStart: boolean): void {
    const last = this.#segments.at(-1);
    if (last === undefined || isSegmentStart) this.#segments.push([bytes]);
    else last.push(bytes);
  }

  #line(): LogLine {
    const segments = this.#segments.map(join);
    this.#segments = [];
    if (!this.#hasTimestamps) {
      return { stream: this.#stream, timestamp: null, text: join(segments).toString() };
    }
    const stamp = readTimestamp(segments[0] ?? Buffer.alloc(0));
    // dockerd repeats the timestamp before each piece of a line over 16 KiB.
    const text = join(segments.map((bytes) => bytes.subarray(readTimestamp(bytes).length)));
    return {
      stream: this.#stream,
      timestamp: stamp === '' ? null : stamp.trimEnd(),
      text: text.toString(),
    };
  }
}

function join(pieces: readonly Uint8Array[]): Buffer {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) {
    return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  }
  return Buffer.concat(pieces);
}

/** With its space; empty when there is none. */
function readTimestamp(bytes: Buffer): string {
  return timestampPattern.exec(bytes.toString('latin1', 0, longestTimestamp))?.[0] ?? '';
}
