/** `--wait`: until everything runs, or is healthy where there is a healthcheck. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OnProgress, Project } from '../compose/index.ts';
import type { ContainerInspect } from '../engine/api/index.ts';
import type { EngineClient } from '../engine/client/index.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';

/** docker compose's own pace. */
const pollMs = 500;

export interface WaitRequest {
  readonly engine: EngineClient;
  readonly containers: readonly {
    readonly id: string;
    readonly name: string;
    readonly service: string | null;
  }[];
  /** Services that are ready once they have ended with 0. */
  readonly completing?: ReadonlySet<string>;
  readonly timeoutSeconds: number | undefined;
  readonly onProgress?: OnProgress;
}

/** Services that one of these containers' waits for with `service_completed_successfully`. */
export function completingServices(
  project: Project,
  containers: readonly { readonly service: string }[],
): ReadonlySet<string> {
  const waiting = new Set(containers.map(({ service }) => service));
  const awaited = [...waiting].flatMap((name) =>
    Object.entries(project.services[name]?.depends_on ?? {}).filter(
      ([, { condition }]) => condition === 'service_completed_successfully',
    ),
  );
  return new Set(awaited.map(([name]) => name));
}

export async function waitUntilReady(context: Context, request: WaitRequest): Promise<void> {
  const { engine, containers, completing = new Set(), timeoutSeconds } = request;
  const { onProgress = () => undefined } = request;
  const { graceful } = context.interrupts;
  const ending = new AbortController();
  const signal = AbortSignal.any([graceful, ending.signal]);
  const timer =
    timeoutSeconds === undefined || timeoutSeconds === 0
      ? undefined
      : setTimeout(() => {
          ending.abort();
        }, timeoutSeconds * 1000);
  const untilReady = async ({
    id,
    name,
    service,
  }: WaitRequest['containers'][number]): Promise<void> => {
    const mayEnd = service !== null && completing.has(service);
    const isReady = mayEnd ? hasCompleted : isUp;
    const event = { resource: 'container', name, id } as const;
    onProgress({ ...event, status: 'waiting' });
    // Not looked at at once: what ends right after its start has never been ready.
    do await sleep(pollMs, undefined, { signal });
    while (!isReady({ name, service }, await engine.containers.inspect(id, { signal })));
    onProgress({ ...event, status: mayEnd ? 'exited' : 'healthy' });
  };
  try {
    await Promise.all(containers.map(untilReady));
  } catch (error) {
    graceful.throwIfAborted();
    if (!ending.signal.aborted) throw error;
    throw new CliError(`application not healthy after ${timeoutSeconds ?? 0}s`);
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

interface Named {
  readonly name: string;
  readonly service: string | null;
}

/** Not yet is false; never is an error. */
function isUp({ name }: Named, { State }: ContainerInspect): boolean {
  const health = State.Health?.Status ?? 'none';
  if (health === 'unhealthy') throw new CliError(`container ${name} is unhealthy`);
  if (State.Status === 'exited' || State.Status === 'dead') {
    throw new CliError(`container ${name} exited (${State.ExitCode})`);
  }
  return State.Running && !State.Restarting && health !== 'starting';
}

function hasCompleted({ name, service }: Named, { State }: ContainerInspect): boolean {
  if (State.Status !== 'exited' && State.Status !== 'dead') return false;
  if (State.ExitCode === 0) return true;
  throw new CliError(
    `service "${service ?? name}" didn't complete successfully: exit ${State.ExitCode}`,
  );
}
