import { readFileSync } from 'node:fs';
import {
  closeFd,
  isSyscallError,
  O_RDONLY,
  openPidfd,
  openTrusted,
  sendSignal,
} from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { Container } from './container.ts';

/**
 * A namespace of the container's first process; null when that has ended. A pid alone proves nothing: the process is
 * held by a descriptor, must be in the container's cgroup, and be there still when its namespace is open.
 */
export function openNamespace(
  { id, process }: Pick<Container, 'id' | 'process'>,
  kind: 'ipc' | 'mnt' | 'net' | 'pid',
): Fd | null {
  if (process === null) return null;
  const pid = process.containerPid;
  const held: Fd[] = [];
  try {
    const pidfd = openPidfd(pid);
    held.push(pidfd);
    if (!isInCgroup(pid, id)) return null;
    const namespace = openTrusted(`/proc/${pid}/ns/${kind}`, O_RDONLY);
    held.push(namespace);
    sendSignal(pidfd, 0);
    held.pop();
    return namespace;
  } catch (error) {
    if (hasEnded(error)) return null;
    throw error;
  } finally {
    held.forEach(closeFd);
  }
}

function hasEnded(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return isSyscallError(error, 'ESRCH', 'ENOENT') || code === 'ENOENT' || code === 'ESRCH';
}

function isInCgroup(pid: number, id: string): boolean {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  return lines.some((line) => line.split('/').includes(id));
}
