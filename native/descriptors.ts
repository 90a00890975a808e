import { attempt, attemptAsync } from './errors.ts';
import { binding } from './binding.ts';
import type { Fd } from './fd.ts';

export function closeFd(fd: Fd): void {
  attempt(`close descriptor ${fd}`, () => {
    binding().close(fd);
  });
}

export function duplicateFd(fd: Fd): Fd {
  return attempt(`duplicate descriptor ${fd}`, () => binding().duplicate(fd));
}

/** For host paths that only the engine writes to. Anything below a root goes through `openAt`. */
export function openTrusted(path: string, flags: number, mode = 0o600): Fd {
  return attempt(`open "${path}"`, () => binding().open(path, flags, mode));
}

/** A pair of connected AF_UNIX stream sockets. */
export function socketPair(): [Fd, Fd] {
  return attempt('create a socket pair', () => binding().socketPair());
}

export function createPipe(): [reader: Fd, writer: Fd] {
  return attempt('create a pipe', () => binding().pipe());
}

/**
 * An anonymous file with this content that nobody can change any more; its offset is 0. `isExecutable` allows to exec
 * it, which no other memory file can be (Linux 6.3).
 */
export function createMemfd(
  name: string,
  content: Uint8Array,
  { isExecutable = false }: { isExecutable?: boolean } = {},
): Fd {
  return attempt(`create memory file "${name}"`, () =>
    binding().memfd(name, content, isExecutable),
  );
}

/** Takes an exclusive flock(2) without waiting; false when another open file holds it. Lost when `fd` is closed. */
export function lockFile(fd: Fd): boolean {
  return attempt(`lock descriptor ${fd}`, () => binding().lock(fd));
}

/** Writes the whole file system that `fd` is on to its disk: one call makes any number of files durable. */
export function syncFileSystem(fd: Fd): Promise<void> {
  return attemptAsync(`sync file system of descriptor ${fd}`, () => binding().syncFs(fd));
}

/** An observation that holds the event loop open until it is closed. Close it before the descriptor. */
export interface Watch extends Disposable {
  close(): void;
}

/** Calls back whenever `fd` is readable or hung up, for as long as that lasts. Makes `fd` non-blocking. */
export function watchReadable(fd: Fd, callback: () => void): Watch {
  const handle = attempt(`watch descriptor ${fd}`, () => binding().watch(fd, callback));
  const close = (): void => {
    binding().unwatch(handle);
  };
  return { close, [Symbol.dispose]: close };
}
