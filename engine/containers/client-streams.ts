/** A client that is attached to a program, and the two directions between them. */
import type { Socket } from 'node:net';
import { DetachFilter } from './detach-keys.ts';

export interface ClientStreams {
  /** Ends with the client's half-close. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more, or when the client has gone and what it is given is dropped. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
  /** Fires when the client has gone. */
  readonly gone: AbortSignal;
}

export interface InputOptions {
  readonly input: Socket;
  /** Bytes that end the session and not the program; null where there is no terminal. */
  readonly detachKeys: readonly number[] | null;
}

/** Resolves when the client has sent its last, has gone, or has typed the keys to detach. */
export async function forwardInput(
  client: ClientStreams,
  { input, detachKeys }: InputOptions,
): Promise<'ended' | 'detached'> {
  const filter = detachKeys === null ? null : new DetachFilter(detachKeys);
  try {
    for await (const chunk of client.input) {
      const { pass, isDetached } = filter?.push(chunk) ?? { pass: chunk, isDetached: false };
      if (pass.length > 0 && !input.destroyed && !input.write(pass)) await drained(input);
      if (isDetached) return 'detached';
    }
  } catch (error) {
    // A connection that breaks is a client that has gone.
    if (!client.gone.aborted) throw error;
  }
  return 'ended';
}

/** Also resolves when nobody reads any more: a socket that fails is closed. */
function drained(socket: Socket): Promise<void> {
  const events = ['drain', 'close', 'error'] as const;
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of events) socket.removeListener(event, settle);
      resolve();
    };
    for (const event of events) socket.on(event, settle);
  });
}
