import { setTimeout as delay } from 'node:timers/promises';
import { closeFd, isSyscallError, openPidfd, sendSignal } from '../../native/index.ts';
import type { Cgroups } from './cgroup.ts';

const longestMs = 5_000;
const sigKill = 9;

/**
 * Ends what is in a container's cgroup, frozen or not: of a container whose shim is gone, so that nobody else does. What
 * does not end within seconds hangs in the kernel, and is left.
 */
export async function emptyCgroup(
  cgroups: Pick<Cgroups, 'pids' | 'kill' | 'isFrozen' | 'thaw'>,
  id: string,
): Promise<void> {
  const deadline = performance.now() + longestMs;
  for (let waitMs = 1; performance.now() < deadline; waitMs = Math.min(2 * waitMs, 50)) {
    const pids = cgroups.pids(id);
    if (pids.length === 0) return;
    if (!cgroups.kill(id)) for (const pid of pids) killMember(cgroups, id, pid);
    // A frozen process does not even die on v1.
    if (cgroups.isFrozen(id)) cgroups.thaw(id);
    await delay(waitMs);
  }
}

/** The number may be somebody else's by now: it is looked for again when a descriptor holds it. */
function killMember(cgroups: Pick<Cgroups, 'pids'>, id: string, pid: number): void {
  let pidfd;
  try {
    pidfd = openPidfd(pid);
  } catch (error) {
    if (isSyscallError(error, 'ESRCH')) return;
    throw error;
  }
  try {
    if (cgroups.pids(id).includes(pid)) sendSignal(pidfd, sigKill);
  } catch (error) {
    if (!isSyscallError(error, 'ESRCH')) throw error;
  } finally {
    closeFd(pidfd);
  }
}
