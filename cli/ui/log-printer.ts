/** Log lines of several containers, each behind the name of its container, in a column that does not move. */
import type { LogLine } from '../../engine/client/index.ts';
import type { Output } from './output.ts';
import type { Style } from './style.ts';

export interface LogPrinterOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly style: Style;
  /** `--no-log-prefix` turns it off. */
  readonly hasPrefix: boolean;
  readonly hasTimestamps: boolean;
}

type StreamName = LogLine['stream'];

/** One write per line is six times slower than one per turn of the event loop; more than this never waits for it. */
const largestBatch = 64 * 1024;

export class LogPrinter {
  readonly #options: LogPrinterOptions;
  readonly #prefixes = new Map<string, string>();
  #width = 0;
  #batch = '';
  #batchStream: StreamName = 'stdout';
  #isFlushDue = false;

  constructor(options: LogPrinterOptions) {
    this.#options = options;
  }

  /** Makes room for these names before the first line, so that the column does not move under their lines. */
  reserve(names: Iterable<string>): void {
    const width = Math.max(this.#width, ...Array.from(names, (name) => name.length));
    if (width !== this.#width) this.#prefixes.clear();
    this.#width = width;
  }

  /** Await what it returns before reading more lines: a promise means that the reader of our output is slow. */
  print(name: string, { stream, timestamp, text }: LogLine): Promise<void> | undefined {
    const prefix = this.#prefix(name);
    const time = this.#options.hasTimestamps && timestamp !== null ? `${timestamp} ` : '';
    // Only a terminal obeys cursor movement; a file gets what the container wrote.
    const body = this.#options[stream].isTerminal ? tame(text) : text;
    return this.#add(stream, `${prefix}${time}${body}\n`);
  }

  /** A line of ours about a container: `web-1 exited with code 1`. */
  note(name: string, text: string): void {
    void this.#add('stdout', `${this.#options.style.forName(name)(name)} ${text}\n`);
  }

  /** Writes what is still held back. */
  flush(): Promise<void> | undefined {
    const text = this.#batch;
    this.#batch = '';
    return this.#options[this.#batchStream].write(text);
  }

  #add(stream: StreamName, line: string): Promise<void> | undefined {
    // Both may be the same terminal: what was said first stands first.
    const earlier = stream === this.#batchStream ? undefined : this.flush();
    this.#batchStream = stream;
    this.#batch += line;
    if (this.#batch.length >= largestBatch) return this.flush();
    if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      setImmediate(() => {
        this.#isFlushDue = false;
        void this.flush();
      });
    }
    return earlier;
  }

  #prefix(name: string): string {
    if (!this.#options.hasPrefix) return '';
    if (name.length > this.#width) this.reserve([name]);
    let prefix = this.#prefixes.get(name);
    if (prefix === undefined) {
      prefix = this.#options.style.forName(name)(`${name.padEnd(this.#width)}  | `);
      this.#prefixes.set(name, prefix);
    }
    return prefix;
  }
}

/** Everything ECMA-48 calls a control sequence, with its final byte; and operating system commands (window titles). */
const controlSequence =
  /\u001B\[[0-?]*[ -/]*([@-~])|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)?/gu;

/**
 * A line as it may share a terminal with others: colours stay and end with the line, a progress bar shows its last
 * state, what would move the cursor or clear the screen is left out.
 */
function tame(line: string): string {
  if (!line.includes('\u001B') && !line.includes('\r')) return line;
  const end = line.endsWith('\r') ? line.length - 1 : line.length;
  const visible = line.slice(end === 0 ? 0 : line.lastIndexOf('\r', end - 1) + 1, end);
  const kept = visible.replace(controlSequence, (sequence, final?: string) =>
    final === 'm' ? sequence : '',
  );
  return kept.includes('\u001B[') && !kept.endsWith('\u001B[0m') ? `${kept}\u001B[0m` : kept;
}
