/**
 * Sends one container's log to its server, from the file that the shim writes, and from where the last engine stood. The
 * container never notices: a server that is slow or gone leaves lines in the file, and what rotation took before it could
 * be sent is counted in a line of its own.
 *
 * Every line is sent at least once. Few servers say what they have read, so what was sent counts as there a second later
 * if the connection still stands; when it breaks, or the engine ends, that second is sent again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { followFrames } from '../../runtime/index.ts';
import type { FrameBatch } from '../../runtime/index.ts';
import { connectTo, type Connection } from './connection.ts';
import { EntryReader, noLines, type LogEntry } from './entries.ts';
import { readPlace, writePlace, type Place } from './place.ts';
import type { LogTarget } from './target.ts';

export interface ShippingOptions {
  readonly log: string;
  /** Where its place is kept. */
  readonly placeFile: string;
  readonly target: LogTarget;
  /** The container has ended, and no restart follows. */
  readonly ended: Promise<unknown>;
  /** Of a server that cannot be reached, once per outage. */
  readonly onTrouble: (error: unknown) => void;
}

const settledMs = 1000;
const mostRetryWaitMs = 5000;
const finishMs = 2000;
/** Sent, and its place kept, at once. */
const batchBytes = 64 * 1024;

export class LogShipping {
  /** Everything was sent, or it was stopped. Never rejects. */
  readonly done: Promise<void>;
  readonly #options: ShippingOptions;
  readonly #stop = new AbortController();
  #place: Place | null = null;
  #sent: { readonly place: Place; readonly atMs: number }[] = [];
  #failures = 0;
  #isComplete = false;

  constructor(options: ShippingOptions) {
    this.#options = options;
    this.done = this.#run();
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Waits a moment for what is left, of a container that has ended; not for a server that cannot be reached. */
  async finish(): Promise<void> {
    if (this.#failures === 0) {
      const patience = new AbortController();
      const waited = delay(finishMs, undefined, { signal: patience.signal });
      await Promise.race([this.done, waited]);
      patience.abort();
      waited.catch(() => undefined);
    }
    await this.stop();
  }

  /** At once; the next one begins where this one stood. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const isStopped = (): boolean => signal.aborted;
    while (!isStopped() && !this.#isComplete) {
      try {
        await this.#session();
      } catch (error) {
        if (isStopped()) return;
        if (this.#failures++ === 0) this.#options.onTrouble(error);
        await delay(this.#waitMs(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #waitMs(): number {
    const { retryWaitMs } = this.#options.target;
    return Math.min(retryWaitMs * 1.5 ** this.#failures, Math.max(retryWaitMs, mostRetryWaitMs));
  }

  /** From the place that is kept to the end of the log, over one connection, which is opened when there is something to say. */
  async #session(): Promise<void> {
    const { log, placeFile, ended } = this.#options;
    this.#sent = [];
    this.#place ??= await readPlace(placeFile, log);
    await using line = new Line(this.#options.target, this.#stop.signal);
    // A place that cannot be written now, on a full disk, is written with the next one: more is sent again then.
    const settling = setInterval(() => {
      this.#settle(performance.now() - settledMs, line).catch(() => undefined);
    }, settledMs / 2);
    try {
      const reader = new EntryReader(this.#place.begun);
      const { position } = this.#place;
      let last = position;
      for await (const batch of followFrames(log, { from: position, ended, signal: line.over })) {
        await this.#ship(reader, batch, line);
        last = batch.next;
      }
      line.throwIfBroken();
      await this.#send(reader.flush(), { place: { position: last, begun: noLines }, line });
      await line.finish();
      await this.#settle(Infinity, line);
      this.#isComplete = true;
    } finally {
      clearInterval(settling);
    }
  }

  async #ship(reader: EntryReader, { frames, next }: FrameBatch, line: Line): Promise<void> {
    let entries: LogEntry[] = [];
    let bytes = 0;
    for (const frame of frames) {
      entries.push(...reader.read(frame));
      bytes += frame.payload.length;
      if (bytes < batchBytes && frame.end < next.offset) continue;
      const position = { sequence: next.sequence, offset: frame.end };
      await this.#send(entries, { place: { position, begun: reader.begun }, line });
      entries = [];
      bytes = 0;
    }
  }

  async #send(
    entries: readonly LogEntry[],
    { place, line }: { readonly place: Place; readonly line: Line },
  ): Promise<void> {
    const isConfirmed = entries.length > 0 && (await line.send(entries));
    if (entries.length > 0) this.#failures = 0;
    this.#sent.push({ place, atMs: performance.now() });
    if (isConfirmed) await this.#settle(Infinity, line);
  }

  /** What was sent until `atMs` over a connection that stands has arrived. */
  async #settle(atMs: number, line: Line): Promise<void> {
    if (line.isBroken) return;
    const count = this.#sent.findLastIndex((sent) => sent.atMs <= atMs) + 1;
    const last = this.#sent[count - 1];
    if (last === undefined) return;
    this.#sent.splice(0, count);
    this.#place = last.place;
    await writePlace(this.#options.placeFile, last.place);
  }
}

/** A connection that is opened when it is first needed. */
class Line implements AsyncDisposable {
  /** It is broken, or nobody wants it any more. */
  readonly over: AbortSignal;
  readonly #target: LogTarget;
  readonly #broken = new AbortController();
  #connection: Connection | null = null;

  constructor(target: LogTarget, stop: AbortSignal) {
    this.#target = target;
    this.over = AbortSignal.any([stop, this.#broken.signal]);
    this.over.addEventListener('abort', () => {
      this.#connection?.close();
    });
  }

  get isBroken(): boolean {
    return this.over.aborted;
  }

  throwIfBroken(): void {
    this.over.throwIfAborted();
  }

  /** Resolves to whether the server has said that it has them. */
  async send(entries: readonly LogEntry[]): Promise<boolean> {
    const connection = this.#connection ?? (await this.#open());
    const { messages, answer } = this.#target.encode(entries);
    await connection.send(messages);
    if (answer === null) return false;
    await connection.answered(answer);
    return true;
  }

  /** Throws where it broke before the server could have read everything. */
  async finish(): Promise<void> {
    const connection = this.#connection;
    if (connection === null) return;
    this.#connection = null;
    this.throwIfBroken();
    await connection.finish();
  }

  async #open(): Promise<Connection> {
    const connection = await connectTo(this.#target.address, this.over);
    this.#connection = connection;
    const lost = (): void => {
      // Its end may be the one that was asked for.
      if (this.#connection === connection) this.#broken.abort(connection.broken.reason);
    };
    connection.broken.addEventListener('abort', lost, { once: true });
    if (connection.broken.aborted) lost();
    if (this.over.aborted) connection.close();
    return connection;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#connection?.close();
    return Promise.resolve();
  }
}
