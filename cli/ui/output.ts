/** Where text goes. Wraps a process stream, so that renderers know its width and wait while its reader is slow. */

export interface Output {
  /** Cursor movement makes sense. */
  readonly isTerminal: boolean;
  /** Columns; 80 where there is no terminal to ask. */
  readonly columns: number;
  /** May be awaited to hold the producer while the reader is slow; text is never lost if it is not. */
  write(text: string): Promise<void> | undefined;
}

/** What `process.stdout` and `process.stderr` offer of it. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

export function createOutput(stream: TextStream): Output {
  return {
    isTerminal: stream.isTTY === true,
    get columns(): number {
      return stream.columns ?? 80;
    },
    write: (text) => {
      if (text === '' || stream.write(text)) return undefined;
      return new Promise((resolve) => stream.once('drain', resolve));
    },
  };
}
