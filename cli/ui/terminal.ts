/** The user's own terminal while a program in a container has it: raw keys in, the window's size along. */
import { Socket } from 'node:net';
import { createDemultiplexer } from '../../engine/api/index.ts';
import type { UpgradedConnection, WindowSize } from '../../engine/client/index.ts';

/** What `process` offers of it. */
export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export interface SessionOptions {
  readonly streams: TerminalStreams;
  /** What is typed or piped in goes to the program. */
  readonly sendsInput: boolean;
  /** The program has a terminal: keys go to it one by one, and ctrl-c is its business. */
  readonly isTty: boolean;
  /** Tells the program's terminal the size of the user's. */
  readonly resize: (size: WindowSize) => Promise<void>;
  readonly signal: AbortSignal;
}

export function windowSize(stdout: NodeJS.WriteStream): WindowSize {
  return { rows: stdout.rows, columns: stdout.columns };
}

/** Resolves when the program's output has ended, or when the user has detached. */
export async function runSession(
  { socket, isFramed }: UpgradedConnection,
  options: SessionOptions,
): Promise<void> {
  const { streams, signal } = options;
  const abort = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  socket.on('error', abort);
  using _raw = options.isTty ? takeTerminal(options) : null;
  if (options.sendsInput) streams.stdin.pipe(socket);
  try {
    const demultiplexer = isFramed ? createDemultiplexer() : null;
    for await (const chunk of socket.iterator({
      destroyOnReturn: false,
    }) as AsyncIterable<Buffer>) {
      if (demultiplexer === null) await write(streams.stdout, chunk);
      else {
        for (const { stream, payload } of demultiplexer.push(chunk)) {
          await write(streams[stream], payload);
        }
      }
    }
  } catch (error) {
    if (!signal.aborted && !socket.destroyed) throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    streams.stdin.unpipe(socket);
    streams.stdin.pause();
    // A pipe that stays open must not keep the program; a file has nothing to let go of.
    if (streams.stdin instanceof Socket) streams.stdin.unref();
    socket.destroy();
  }
  signal.throwIfAborted();
}

function takeTerminal({ streams, sendsInput, resize }: SessionOptions): Disposable {
  const { stdin, stdout } = streams;
  const isRaw = sendsInput && stdin.isTTY;
  if (isRaw) stdin.setRawMode(true);
  const onResize = (): void => {
    // One that has just ended has no size any more.
    resize(windowSize(stdout)).catch(() => undefined);
  };
  if (stdout.isTTY) {
    stdout.on('resize', onResize);
    onResize();
  }
  return {
    [Symbol.dispose]: () => {
      stdout.off('resize', onResize);
      if (isRaw) stdin.setRawMode(false);
    },
  };
}

function write(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stream.write(bytes)) resolve();
    else stream.once('drain', resolve);
  });
}
