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
      yield* assemblers.stdout.push(chunk);
      continue;
    }
    for (const frame of demultiplexer.push(chunk)) {
      yield* assemblers[frame.stream].push(frame.payload);
    }
  }
  demultiplexer.end();
  yield* assemblers.stdout.end();
  yield* assemblers.stderr.end();
}

const timestampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d) /;
const longestTimestamp = '2006-01-02T15:04:05.000000000+00:00 '.length;

class LineAssembler {
  readonly #stream: OutputStream;
  readonly #hasTimestamps: boolean;
  #pieces: Uint8Array[] = [];

  constructor(stream: OutputStream, hasTimestamps: boolean) {
    this.#stream = stream;
    this.#hasTimestamps = hasTimestamps;
  }

  *push(chunk: Uint8Array): Generator<LogLine> {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#take(chunk.subarray(start, end));
      start = end + 1;
      yield this.#line();
    }
    if (start < chunk.length) this.#take(chunk.subarray(start));
  }

  *end(): Generator<LogLine> {
    if (this.#pieces.length > 0) yield this.#line();
  }

  /** dockerd repeats the timestamp before each piece of a line over 16 KiB. */
  #take(piece: Uint8Array): void {
    const isContinuation = this.#hasTimestamps && this.#pieces.length > 0;
    this.#pieces.push(isContinuation ? piece.subarray(timestampLength(piece)) : piece);
  }

  #line(): LogLine {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    this.#pieces = [];
    const text = Buffer.from(bytes ?? []).toString();
    if (!this.#hasTimestamps) return { stream: this.#stream, timestamp: null, text };
    const length = timestampLength(bytes ?? new Uint8Array());
    const timestamp = length === 0 ? null : text.slice(0, length - 1);
    return { stream: this.#stream, timestamp, text: text.slice(length) };
  }
}

function timestampLength(bytes: Uint8Array): number {
  const head = Buffer.from(bytes.subarray(0, longestTimestamp)).toString('latin1');
  return timestampPattern.exec(head)?.[0].length ?? 0;
}
