/** Signals to processes that may be others' children, and their ends. */
import { constants } from 'node:os';
import { EngineError } from '../api/index.ts';
import { closeFd, isSyscallError, onExit, openPidfd, sendSignal } from '../../native/index.ts';

/** Names of signal(7) with and without "SIG", and numbers. */
export function parseSignal(text: string): number {
  if (/^\d{1,2}$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= 64) return number;
  }
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  const real = /^SIGRTMIN(?:\+(\d{1,2}))?$/.exec(name);
  // glibc keeps two for itself.
  if (real !== null) return 34 + Number(real[1] ?? 0);
  const known = Object.entries(constants.signals).find(([key]) => key === name);
  if (known !== undefined) return known[1];
  throw new EngineError('invalid-argument', `"${text}" is no signal`);
}

/** false: it is gone. */
export function signalProcess(pid: number, signal: number): boolean {
  try {
    const pidfd = openPidfd(pid);
    try {
      sendSignal(pidfd, signal);
    } finally {
      closeFd(pidfd);
    }
    return true;
  } catch (error) {
    if (isSyscallError(error, 'ESRCH')) return false;
    throw error;
  }
}

/** Sends `signal` and waits for the end, which for a child of another is when it has become a zombie. */
export async function untilGone(pid: number, signal: number): Promise<void> {
  let pidfd;
  try {
    pidfd = openPidfd(pid);
    sendSignal(pidfd, signal);
  } catch (error) {
    if (pidfd !== undefined) closeFd(pidfd);
    if (isSyscallError(error, 'ESRCH')) return;
    throw error;
  }
  const open = pidfd;
  await new Promise<void>((resolve) => {
    onExit(open, () => {
      resolve();
    });
  });
  closeFd(pidfd);
}
