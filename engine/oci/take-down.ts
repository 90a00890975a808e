/** Ends whatever is left of a container and forgets it. */
import { readProcess } from '../runtime/index.ts';
import { cgroupsOf, shimOf } from './context.ts';
import type { Context } from './context.ts';
import type { ContainerRecord } from './record.ts';
import { untilGone } from './signals.ts';

const SIGKILL = 9;

/** Can be called again, whatever it left the last time. */
export async function takeDown(context: Context, record: ContainerRecord): Promise<void> {
  const shim = await shimOf(context, record.id);
  const processes = [record.process?.pid, shim?.containerPid].filter((pid) => pid !== undefined);
  for (const pid of processes) {
    const isOurs = pid === shim?.containerPid || isSame(record, pid);
    if (isOurs) await untilGone(pid, SIGKILL);
  }
  await shim?.gone;
  await removeCgroup(record);
  context.containers.remove(record.id);
}

function isSame({ process }: ContainerRecord, pid: number): boolean {
  return readProcess(pid)?.startTime === process?.startTime;
}

/** What is left in it has no init that would take it along. */
async function removeCgroup(record: ContainerRecord): Promise<void> {
  const cgroups = cgroupsOf(record);
  const { name } = record.cgroup;
  if (cgroups.pids(name).length > 0) {
    // Frozen processes of v1 and v2 are killed as well, but of a frozen v1 group they do not leave.
    if (cgroups.isFrozen(name)) cgroups.thaw(name);
    if (!cgroups.kill(name)) for (const pid of cgroups.pids(name)) await untilGone(pid, SIGKILL);
  }
  await cgroups.remove(name);
  cgroups.removeEmptyInstance();
}
