/** `start --wait`: until everything runs, or is healthy where there is a healthcheck. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ObservedContainer, replicasOf } from '../compose/index.ts';
import type { ContainerInspect } from '../engine/api/index.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import type { Opened } from './scope.ts';

/** docker compose's own pace. */
const pollMs = 500;

export async function waitUntilReady(
  context: Context,
  { engine, observed, selection }: Opened,
  timeoutSeconds: number | undefined,
): Promise<void> {
  const { graceful } = context.interrupts;
  const ending = new AbortController();
  const signal = AbortSignal.any([graceful, ending.signal]);
  const timer =
    timeoutSeconds === undefined
      ? undefined
      : setTimeout(() => {
          ending.abort();
        }, timeoutSeconds * 1000);
  const untilReady = async ({ id, name }: ObservedContainer): Promise<void> => {
    while (!isReady(name, await engine.containers.inspect(id, { signal }))) {
      await sleep(pollMs, undefined, { signal });
    }
  };
  try {
    await Promise.all(replicasOf(observed, selection).map(untilReady));
  } catch (error) {
    graceful.throwIfAborted();
    if (!ending.signal.aborted) throw error;
    throw new CliError(`application not healthy after ${timeoutSeconds ?? 0}s`);
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

/** Not yet is false; never is an error. */
function isReady(name: string, { State }: ContainerInspect): boolean {
  const health = State.Health?.Status ?? 'none';
  if (health === 'unhealthy') throw new CliError(`container ${name} is unhealthy`);
  if (State.Status === 'exited' || State.Status === 'dead') {
    throw new CliError(`container ${name} exited (${State.ExitCode})`);
  }
  return State.Running && !State.Restarting && health !== 'starting';
}
