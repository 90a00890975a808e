import { binding } from './binding.ts';
import { attempt } from './errors.ts';
import type { Fd } from './fd.ts';

/** Connects a stream socket, non-blocking; a path longer than sockaddr_un allows works as well. */
export function connectUnix(path: string): Fd {
  return attempt(`connect to "${path}"`, () => binding().connectUnix(path));
}

/** Connects a datagram socket: what is sent is one message. */
export function connectUnixDatagram(path: string): Fd {
  return attempt(`connect to "${path}"`, () => binding().connectUnixDatagram(path));
}

/** Listens on a stream socket at `path`, which must not exist; non-blocking, mode 0600. */
export function listenUnix(path: string, backlog = 128): Fd {
  return attempt(`listen on "${path}"`, () => binding().listenUnix(path, backlog));
}

/**
 * Sends bytes and descriptors without waiting and returns how many bytes were taken, 0 when the peer's buffer is full.
 * The descriptors travel with the first byte; the caller's copies stay open.
 */
export function sendWithFds(socket: Fd, bytes: Uint8Array, fds: readonly Fd[] = []): number {
  return attempt(`send to descriptor ${socket}`, () => binding().send(socket, bytes, [...fds]));
}

export interface Received {
  /** Empty: the peer has closed. */
  readonly bytes: Uint8Array;
  /** Owned by the caller. */
  readonly fds: readonly Fd[];
}

/** What is there now, without waiting; null when that is nothing. */
export function receive(socket: Fd, maxBytes = 65_536): Received | null {
  const received = attempt(`receive from descriptor ${socket}`, () =>
    binding().receive(socket, maxBytes),
  );
  if (received === null) return null;
  const [bytes, fds] = received;
  return { bytes, fds };
}
