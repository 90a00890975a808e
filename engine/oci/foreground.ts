/** A program that this process waits for, as its parent: signals go on to it, and its end is ours. */
import { constants } from 'node:os';
import { closeFd, onExit, openPidfd, sendSignal } from '../../native/index.ts';

const passedOn = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** 0 to 255; 128 + n when signal n ended it. */
export async function superviseChild(pid: number): Promise<number> {
  const pidfd = openPidfd(pid);
  const listeners = passedOn.map((name) => {
    const listener = (): void => {
      sendSignal(pidfd, constants.signals[name]);
    };
    process.on(name, listener);
    return { name, listener };
  });
  try {
    return await new Promise<number>((resolve) => {
      onExit(pidfd, (exit) => {
        // Only a parent is told how.
        if (exit === null) resolve(1);
        else resolve(exit.signal === null ? exit.code : 128 + exit.signal);
      });
    });
  } finally {
    for (const { name, listener } of listeners) process.off(name, listener);
    closeFd(pidfd);
  }
}
