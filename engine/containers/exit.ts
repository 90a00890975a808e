/**
 * What happens when a container's first process has ended, in this order:
 *  1. the shim has drained the output, synced the log and written the exit file, or we would not be here;
 *  2. the record goes to the disk, links, rules, leases and cgroups are released, at the same time; as long as this takes
 *     the container is shown as running, so that nobody starts or removes it while what it held is given back;
 *  3. the restart policy decides and the exit is shown, at once: clients that inspect on `die` must find `restarting`;
 *  4. `die` is announced;
 *  5. whoever waits for the exit is answered.
 */
import { ShimError } from '../runtime/index.ts';
import type { ExitStatus } from '../runtime/index.ts';
import { discardForeign } from './foreign.ts';
import type { Container, ContainerRecord, RunRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishAttachments, publishContainer } from './events.ts';
import { startFailure } from './launch.ts';
import { nextRestart } from './restart-policy.ts';

export interface EndOfRun {
  readonly exitCode: number;
  readonly isOomKilled: boolean;
  readonly finishedAtNs: bigint;
  /** Why there was no program to run, or what became of it. */
  readonly error?: string;
  /** A restart that failed: there was no run whose length would count. */
  readonly isFailedStart?: boolean;
}

type Context = Pick<
  ContainerContext,
  'records' | 'networks' | 'cgroups' | 'events' | 'log' | 'containers' | 'layout' | 'runtimes'
>;

/** What the shim says of an end, which may be that of an attempt to start. */
export function endOfRun(exit: ExitStatus): EndOfRun {
  const { code, isOomKilled, finishedAtNs, failure } = exit;
  if (failure === null) return { exitCode: code, isOomKilled, finishedAtNs };
  const { exitCode, message } = startFailure(new ShimError(failure));
  return { exitCode, isOomKilled, finishedAtNs, error: message, isFailedStart: true };
}

/** Returns the milliseconds after which the container is to be started again; null when it stays down. */
export async function endRun(
  ctx: Context,
  container: Container,
  end: EndOfRun,
): Promise<number | null> {
  let seen: ContainerRecord;
  await release(ctx, container, async () => {
    // A stop or a new name may come meanwhile.
    do {
      seen = container.record;
      await ctx.records.put(container.id, ended(seen, end));
    } while (container.record !== seen);
  });
  const ranForMs = lengthOf(container.record.run, end);
  const delayMs = nextRestart(container.record.hostConfig.RestartPolicy ?? {}, {
    ...container.record.run,
    exitCode: end.exitCode,
    ranForMs,
    lastDelayMs: container.lastDelayMs,
  });
  show(container, end, delayMs);
  publishAttachments(ctx, container, 'released');
  container.network = null;
  publishContainer(ctx, container, {
    action: 'die',
    extra: { exitCode: String(end.exitCode), execDuration: String(Math.floor(ranForMs / 1000)) },
  });
  container.announceExit();
  return delayMs;
}

function lengthOf({ startedNs }: RunRecord, { finishedAtNs, isFailedStart }: EndOfRun): number {
  if (isFailedStart === true) return 0;
  return Math.max(0, Number((finishedAtNs - BigInt(startedNs)) / 1_000_000n));
}

function show(container: Container, end: EndOfRun, delayMs: number | null): void {
  if (container.process !== null) container.lastShimGone = container.process.gone;
  container.process = null;
  container.isPaused = false;
  container.restart = delayMs === null ? null : { delayMs, cancel: new AbortController() };
  const record = ended(container.record, end);
  // Docker counts a restart when it is decided (moby `daemon/monitor.go`).
  container.record = delayMs === null ? record : withRestart(record);
}

export function withRestart(record: ContainerRecord): ContainerRecord {
  return { ...record, run: { ...record.run, restartCount: record.run.restartCount + 1 } };
}

function ended(record: ContainerRecord, end: EndOfRun): ContainerRecord {
  return {
    ...record,
    run: {
      ...record.run,
      status: 'exited',
      exitCode: end.exitCode,
      isOomKilled: end.isOomKilled,
      finishedNs: String(end.finishedAtNs),
      error: end.error ?? '',
    },
  };
}

/** A release that fails is finished by the next engine start; the exit itself must not be lost over it. */
async function release(
  ctx: Context,
  container: Container,
  writeRecord: () => Promise<void>,
): Promise<void> {
  const steps: readonly (readonly [string, Promise<unknown>])[] = [
    ['record', writeRecord()],
    ['network', ctx.networks.closeSandbox(container.id)],
    ['cgroups', removeSandbox(ctx, container.record)],
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

/** A container that has lost its shim still runs where another runtime has made it. */
async function removeSandbox(ctx: Context, record: ContainerRecord): Promise<void> {
  await discardForeign(ctx, record);
  await ctx.cgroups.remove(record.id);
}
