/** What every command of the runtime stands on, and what a container is now. */
import { EngineError } from '../api/index.ts';
import { Cgroups, connectShim, ociState, readProcess } from '../runtime/index.ts';
import type { OciState, OciStatus, Shim } from '../runtime/index.ts';
import type { ContainerRecord, Containers } from './record.ts';

export interface Context {
  readonly containers: Containers;
  readonly warn: (message: string) => void;
  readonly print: (text: string) => void;
}

export interface Observed {
  readonly record: ContainerRecord;
  readonly status: OciStatus;
  /** 0 when there is none any more. */
  readonly pid: number;
  /** Waits for the word to start; to be closed. null: it has had it. */
  readonly shim: Shim | null;
}

export function cgroupsOf({ cgroup }: ContainerRecord): Cgroups {
  const cgroups = Cgroups.discover({ instance: cgroup.instance });
  cgroups.place(cgroup.name, cgroup.parent);
  return cgroups;
}

/** null: it has none any more. One that does not answer is a conflict: nobody knows what its container is. */
export async function shimOf({ containers }: Context, id: string): Promise<Shim | null> {
  const { control, exit } = containers.paths(id);
  const shim = await connectShim({ controlPath: control, exitPath: exit });
  if (shim === null || shim.isResponsive) return shim;
  shim.close();
  throw new EngineError('conflict', `the shim of container "${id}" does not answer`, {
    hint: `somebody has stopped it; let it go on: pkill -CONT -f "tscompose-shim ${id}"`,
  });
}

export async function observe(context: Context, id: string): Promise<Observed> {
  const record = context.containers.get(id);
  const shim = await shimOf(context, id);
  if (shim !== null && shim.state !== 'running' && isAlive(shim)) {
    const status = shim.state === 'created' ? 'created' : 'creating';
    return { record, status, pid: shim.containerPid, shim };
  }
  shim?.close();
  const { process } = record;
  if (process === null || !isRunning(process)) {
    return { record, status: 'stopped', pid: 0, shim: null };
  }
  const isPaused = cgroupsOf(record).isFrozen(record.cgroup.name);
  return { record, status: isPaused ? 'paused' : 'running', pid: process.pid, shim: null };
}

function isRunning({ pid, startTime }: NonNullable<ContainerRecord['process']>): boolean {
  const found = readProcess(pid);
  return found !== null && !found.isZombie && found.startTime === startTime;
}

/** The shim is told of its end by the end of its report, which may be a moment behind the process's. */
function isAlive(shim: Shim): boolean {
  const found = readProcess(shim.containerPid);
  return found !== null && !found.isZombie;
}

export function requireStatus(
  { record, status }: Observed,
  wanted: readonly OciStatus[],
  what: string,
): void {
  if (wanted.includes(status)) return;
  throw new EngineError('conflict', `cannot ${what} container "${record.id}": it is ${status}`);
}

export function stateOf(context: Context, { record, status, pid }: Observed): OciState {
  const config = context.containers.config(record.id);
  return ociState({ id: record.id, config, bundle: record.bundle, status, pid });
}
