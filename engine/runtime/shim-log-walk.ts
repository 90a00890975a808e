/** Walks the frames of one log across its files: forwards with the current file held open, backwards to find a start. */
import { isRotated, listSequences, openSequence, type LogFile } from './shim-log-files.ts';
import {
  fileHeaderBytes,
  frameBefore,
  framesFrom,
  gapFrame,
  readCreationTime,
  wholeEnd,
  type Frame,
} from './shim-log-frames.ts';

export interface Position {
  readonly sequence: bigint;
  readonly offset: number;
}

/** Forwards. Holds the file it is in, so that what is rotated away or even deleted meanwhile is still read to its end. */
export class LogWalker implements AsyncDisposable {
  readonly #path: string;
  #file: LogFile | null = null;
  #position: Position;

  constructor(path: string, from: Position) {
    this.#path = path;
    this.#position = from;
  }

  /** Behind what was read last. */
  get position(): Position {
    return this.#position;
  }

  /** What is there now; call again for what was written since. */
  async *read(): AsyncGenerator<readonly Frame[], void, undefined> {
    for (;;) {
      const wanted = this.#position.sequence;
      this.#file ??= await this.#open();
      if (this.#file === null) return;
      if (this.#file.sequence !== wanted) {
        const createdNs = await readCreationTime(this.#file.handle);
        yield [gapFrame(this.#file.sequence - wanted, createdNs)];
      }
      // Asked before reading: then what is read is all there will ever be.
      const isComplete = await isRotated(this.#path, this.#file);
      for await (const frames of framesFrom(this.#file.handle, this.#position.offset)) {
        const { sequence } = this.#position;
        this.#position = { sequence, offset: frames.at(-1)?.end ?? this.#position.offset };
        yield frames;
      }
      if (!isComplete) return;
      const next = this.#file.sequence + 1n;
      await this[Symbol.asyncDispose]();
      this.#position = { sequence: next, offset: fileHeaderBytes };
    }
  }

  /** Whether frames up to `end` of the current file lie before `limit`. */
  isBefore(end: number, limit: Position): boolean {
    const { sequence } = this.#position;
    return sequence < limit.sequence || (sequence === limit.sequence && end <= limit.offset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.[Symbol.asyncDispose]();
  }

  /** The file of the position, or the oldest one after it when that was deleted. */
  async #open(): Promise<LogFile | null> {
    const wanted = await openSequence(this.#path, this.#position.sequence);
    if (wanted !== null) return wanted;
    for (const sequence of await listSequences(this.#path)) {
      if (sequence <= this.#position.sequence) continue;
      const file = await openSequence(this.#path, sequence);
      if (file === null) continue;
      this.#position = { sequence, offset: fileHeaderBytes };
      return file;
    }
    return null;
  }
}

export async function startOfLog(path: string): Promise<Position> {
  const [first = 1n] = await listSequences(path);
  return { sequence: first, offset: fileHeaderBytes };
}

export async function endOfLog(path: string): Promise<Position> {
  const last = (await listSequences(path)).at(-1);
  if (last === undefined) return { sequence: 1n, offset: fileHeaderBytes };
  await using file = await openSequence(path, last);
  return { sequence: last, offset: file === null ? fileHeaderBytes : await wholeEnd(file.handle) };
}

/** Goes back from `end`, frame by frame, until `isEnough` says so after one of them. */
export async function walkBack(
  path: string,
  end: Position,
  isEnough: (frame: Frame) => boolean,
): Promise<Position> {
  const sequences = (await listSequences(path)).filter((sequence) => sequence <= end.sequence);
  let position = end;
  for (const sequence of sequences.reverse()) {
    await using file = await openSequence(path, sequence);
    if (file === null) break;
    let at = sequence === end.sequence ? end.offset : await wholeEnd(file.handle);
    for (;;) {
      const frame = await frameBefore(file.handle, at);
      if (frame === null) break;
      at = frame.start;
      if (isEnough(frame)) return { sequence, offset: at };
    }
    position = { sequence, offset: at };
  }
  return position;
}
