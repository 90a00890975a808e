/**
 * What happens when a container's first process has ended, in this order:
 *  1. the shim has drained the output, synced the log and written the exit file, or we would not be here;
 *  2. the restart policy decides, before anybody can see the exit: clients that inspect on `die` must find `restarting`;
 *  3. the record goes to the disk, links, rules, leases and cgroups are released, at the same time;
 *  4. `die` is announced;
 *  5. whoever waits for the exit is answered.
 */
import type { Container, RunRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishAttachments, publishContainer } from './events.ts';
import { nextRestart } from './restart-policy.ts';

export interface EndOfRun {
  readonly exitCode: number;
  readonly isOomKilled: boolean;
  readonly finishedAtNs: bigint;
  /** Why the program could not be started, if it could not. */
  readonly error?: string;
}

type Context = Pick<
  ContainerContext,
  'records' | 'networks' | 'cgroups' | 'events' | 'log' | 'containers'
>;

/** Returns the milliseconds after which the container is to be started again; null when it stays down. */
export async function endRun(
  ctx: Context,
  container: Container,
  end: EndOfRun,
): Promise<number | null> {
  const { run } = container.record;
  const ranForMs = Number((end.finishedAtNs - BigInt(run.startedNs)) / 1_000_000n);
  const delayMs = nextRestart(container.record.hostConfig.RestartPolicy ?? {}, {
    exitCode: end.exitCode,
    ranForMs,
    isStoppedByUser: run.isStoppedByUser,
    restartCount: run.restartCount,
    lastDelayMs: container.lastDelayMs,
  });
  if (container.process !== null) container.lastShimGone = container.process.gone;
  container.process = null;
  if (delayMs !== null) container.restart = { delayMs, cancel: new AbortController() };
  container.record = { ...container.record, run: ended(run, end) };
  await release(ctx, container);
  publishAttachments(ctx, container, 'released');
  container.network = null;
  publishContainer(ctx, container, {
    action: 'die',
    extra: {
      exitCode: String(end.exitCode),
      execDuration: String(Math.max(0, Math.round(ranForMs / 1000))),
    },
  });
  container.announceExit();
  return container.restart?.delayMs ?? null;
}

function ended(run: RunRecord, end: EndOfRun): RunRecord {
  return {
    ...run,
    status: 'exited',
    exitCode: end.exitCode,
    isOomKilled: end.isOomKilled,
    finishedNs: String(end.finishedAtNs),
    error: end.error ?? '',
  };
}

/** A release that fails is finished by the next engine start; the exit itself must not be lost over it. */
async function release(ctx: Context, container: Container): Promise<void> {
  const steps: readonly (readonly [string, Promise<unknown>])[] = [
    ['record', ctx.records.put(container.id, container.record)],
    ['network', ctx.networks.closeSandbox(container.id)],
    ['cgroups', ctx.cgroups.remove(container.id)],
  ];
  const results = await Promise.allSettled(steps.map(([, work]) => work));
  results.forEach((result, index) => {
    if (result.status === 'fulfilled') return;
    ctx.log.error(`cannot release the ${steps[index]?.[0] ?? ''} of a container`, {
      container: container.id,
      error: String(result.reason),
    });
  });
}
