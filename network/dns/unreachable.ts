/**
 * A resolver whose socket somebody has removed, by emptying the run root: it listens where nobody can connect, and answers
 * for sandboxes that nobody will ever take from it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { closeFd, isSyscallError, openPidfd, sendSignal } from '../../native/index.ts';

const sigKill = 9;

/** Ends every resolver that has listened at `path`. Only when nobody answers there. */
export function endUnreachable(path: string): void {
  const sockets = socketsAt(path);
  if (sockets.size === 0) return;
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) endIfListening(Number(name), sockets);
  }
}

/** "socket:[INODE]" of what was bound to the path in this network namespace, proc_pid_net(5). */
function socketsAt(path: string): ReadonlySet<string> {
  const lines = readFileSync('/proc/self/net/unix', 'utf8').split('\n');
  const found = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , , , , bound]) => bound === path);
  return new Set(found.map(([, , , , , , inode = '']) => `socket:[${inode}]`));
}

/** By a descriptor that was opened before the look at what it is, so that it is still that. */
function endIfListening(pid: number, sockets: ReadonlySet<string>): void {
  try {
    const pidfd = openPidfd(pid);
    try {
      if (isListening(pid, sockets)) sendSignal(pidfd, sigKill);
    } finally {
      closeFd(pidfd);
    }
  } catch (error) {
    // It has ended meanwhile.
    if (!isSyscallError(error, 'ESRCH')) throw error;
  }
}

function isListening(pid: number, sockets: ReadonlySet<string>): boolean {
  try {
    const directory = `/proc/${pid}`;
    if (!readFileSync(`${directory}/cmdline`, 'utf8').startsWith('tscompose-resolver'))
      return false;
    const links = readdirSync(`${directory}/fd`).map((fd) => readlinkSync(`${directory}/fd/${fd}`));
    return links.some((link) => sockets.has(link));
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH'].includes(code)) return false;
    throw error;
  }
}
