/** One engine per run root. The lock is the kernel's: it ends with the process that holds it, however that ends. */
import { watch } from 'node:fs';
import { connect } from 'node:net';

import { closeFd, lockFile, O_CREAT, O_RDWR, openTrusted } from '../../native/index.ts';
import type { Layout } from '../store/index.ts';

export interface EngineLock {
  release(): void;
}

export type LockPaths = Pick<Layout, 'runRoot' | 'engineLock' | 'engineSocket'>;

/**
 * Null when another engine serves from this run root. One that holds the lock without serving is starting or
 * stopping: which of the two shows soon, so this waits, at most `timeoutMs`.
 */
export async function acquireLock(paths: LockPaths, timeoutMs: number): Promise<EngineLock | null> {
  const deadline = AbortSignal.timeout(timeoutMs);
  // Watching begins before the first try, so that no change in between is missed.
  const changes = watchDirectory(paths.runRoot, deadline);
  try {
    for (;;) {
      const changed = changes.next();
      const lock = tryLock(paths.engineLock);
      if (lock !== null) return lock;
      if (deadline.aborted || (await accepts(paths.engineSocket))) return null;
      await changed;
    }
  } finally {
    changes.close();
  }
}

function tryLock(path: string): EngineLock | null {
  const fd = openTrusted(path, O_RDWR | O_CREAT);
  let isOurs = false;
  try {
    isOurs = lockFile(fd);
  } finally {
    if (!isOurs) closeFd(fd);
  }
  if (!isOurs) return null;
  return {
    release: () => {
      closeFd(fd);
    },
  };
}

interface Changes {
  /** Resolves at the next change in the directory, or at the deadline. */
  next(): Promise<void>;
  close(): void;
}

function watchDirectory(path: string, deadline: AbortSignal): Changes {
  const watcher = watch(path);
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  watcher.on('change', wake);
  deadline.addEventListener('abort', wake, { once: true });
  return {
    next: () =>
      new Promise((resolve) => {
        waiting.add(resolve);
        if (deadline.aborted) wake();
      }),
    close: () => {
      watcher.close();
      deadline.removeEventListener('abort', wake);
    },
  };
}

function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
