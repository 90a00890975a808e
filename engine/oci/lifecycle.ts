/** `start`, `state`, `kill`, `delete`, `pause`, `resume`: runtime.md, "Operations". */
import { EngineError } from '../api/index.ts';
import type { Options } from './arguments.ts';
import { cgroupsOf, observe, requireStatus, stateOf } from './context.ts';
import type { Context } from './context.ts';
import { tryHooks } from './hooks.ts';
import { parseSignal, signalProcess } from './signals.ts';
import { takeDown } from './take-down.ts';

export async function start(context: Context, id: string): Promise<void> {
  const observed = await observe(context, id);
  const { record, shim } = observed;
  try {
    requireStatus(observed, ['created'], 'start');
    await shim?.start();
  } finally {
    shim?.close();
  }
  const config = context.containers.config(id);
  const state = { ...stateOf(context, observed), status: 'running' as const };
  await tryHooks({ config, name: 'poststart', state }, context.warn);
  if (record.process === null) throw new EngineError('internal', `"${id}" was never created`);
}

/** Beside what the specification asks for, what runc tells as well. */
export async function state(context: Context, id: string): Promise<void> {
  const observed = await observe(context, id);
  observed.shim?.close();
  const { rootfs, created } = observed.record;
  const text = JSON.stringify({ ...stateOf(context, observed), rootfs, created }, undefined, 2);
  context.print(`${text}\n`);
}

export interface KillRequest {
  readonly id: string;
  readonly signal: string;
  readonly all: boolean;
}

export async function kill(context: Context, { id, signal, all }: KillRequest): Promise<void> {
  const number = parseSignal(signal);
  const observed = await observe(context, id);
  observed.shim?.close();
  const { record, pid } = observed;
  if (all) {
    // Also of one that has stopped: without a pid namespace of its own others may be left.
    for (const member of cgroupsOf(record).pids(record.cgroup.name)) signalProcess(member, number);
    return;
  }
  requireStatus(observed, ['created', 'running', 'paused'], 'kill');
  if (signalProcess(pid, number)) return;
  requireStatus({ ...observed, status: 'stopped' }, ['running'], 'kill');
}

export async function remove(context: Context, id: string, options: Options): Promise<void> {
  const force = options.flag('force');
  // What is wanted is that there is none.
  if (force && context.containers.find(id) === null) {
    context.containers.remove(id);
    return;
  }
  const observed = await observe(context, id);
  observed.shim?.close();
  if (!force) requireStatus(observed, ['stopped'], 'delete');
  const config = context.containers.config(id);
  const gone = stateOf(context, { ...observed, status: 'stopped', pid: 0 });
  await takeDown(context, observed.record);
  await tryHooks({ config, name: 'poststop', state: gone }, context.warn);
}

export async function pause(context: Context, id: string): Promise<void> {
  const observed = await observe(context, id);
  observed.shim?.close();
  requireStatus(observed, ['created', 'running'], 'pause');
  await cgroupsOf(observed.record).freeze(observed.record.cgroup.name);
}

export async function resume(context: Context, id: string): Promise<void> {
  const observed = await observe(context, id);
  observed.shim?.close();
  requireStatus(observed, ['paused'], 'resume');
  cgroupsOf(observed.record).thaw(observed.record.cgroup.name);
}
