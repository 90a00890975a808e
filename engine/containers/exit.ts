/**
 * What happens when a container's first process has ended, in this order:
 *  1. the shim has drained the output and written the exit file, or we would not be here; it syncs them by itself;
 *  2. names and published ports are withdrawn: nothing leads to it any more;
 *  3. the restart policy decides and the exit is shown, at once: clients that inspect on `die` must find `restarting`;
 *  4. `die` is announced, behind `oom` where the kernel has killed for want of memory;
 *  5. whoever waits for the exit is answered;
 *  6. the record goes to the disk, and links, leases and cgroups go. Disk and kernel take tens of milliseconds for that,
 *     so that only who starts or removes the container, or wants what it held, waits (`Container.released`). Until then
 *     the exit file would tell the next engine.
 */
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { emptyCgroup, ShimError } from '../runtime/index.ts';
import type { ExitStatus } from '../runtime/index.ts';
import { discardForeign } from './foreign.ts';
import type { Container, ContainerRecord, RunRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishAttachments, publishContainer } from './events.ts';
import { releaseVolumes } from './held-volumes.ts';
import { startFailure } from './launch.ts';
import { isSuccess, nextRestart } from './restart-policy.ts';

export interface EndOfRun {
  readonly exitCode: number;
  readonly isOomKilled: boolean;
  readonly finishedAtNs: bigint;
  /** Why there was no program to run, or what became of it. */
  readonly error?: string;
  /** Its shim is gone, and did not end what was in it. */
  readonly isLost?: boolean;
  /** A restart that failed: there was no run whose length would count. */
  readonly isFailedStart?: boolean;
}

type Context = Pick<
  ContainerContext,
  | 'records'
  | 'networks'
  | 'cgroups'
  | 'events'
  | 'log'
  | 'containers'
  | 'layout'
  | 'runtimes'
  | 'volumes'
>;

const lost = { isLost: true, error: 'the shim of this container was killed' } as const;

/** What the shim says of an end, which may be that of an attempt to start. */
export function endOfRun(exit: ExitStatus): EndOfRun {
  const { code, isOomKilled, finishedAtNs, failure } = exit;
  if (exit.isLost) return { exitCode: code, isOomKilled, finishedAtNs, ...lost };
  if (failure === null) return { exitCode: code, isOomKilled, finishedAtNs };
  const { exitCode, message } = startFailure(new ShimError(failure));
  return { exitCode, isOomKilled, finishedAtNs, error: message, isFailedStart: true };
}

/** What a shim does itself when it is not killed. */
async function finishForShim(ctx: Context, { id }: Container): Promise<void> {
  await emptyCgroup(ctx.cgroups, id);
  await rm(ctx.layout.sandbox(id).shimSocket, { force: true });
}

/** Returns the milliseconds after which the container is to be started again; null when it stays down. */
export async function endRun(
  ctx: Context,
  container: Container,
  end: EndOfRun,
): Promise<number | null> {
  if (end.isLost === true) await finishForShim(ctx, container);
  await settle(ctx, container, {
    'names and ports': ctx.networks.withdrawSandbox(container.id),
    volumes: releaseVolumes(ctx, container.record, container.id),
  });
  const ranForMs = lengthOf(container.record.run, end);
  const record = ended(container.record, end);
  const delayMs = nextRestart(record.hostConfig.RestartPolicy ?? {}, {
    ...record.run,
    ranForMs,
    lastDelayMs: record.run.restartDelayMs ?? 0,
  });
  show(container, record, delayMs);
  publishAttachments(ctx, container, 'released');
  container.network = null;
  if (end.isOomKilled) publishContainer(ctx, container, { action: 'oom' });
  publishContainer(ctx, container, {
    action: 'die',
    extra: { exitCode: String(end.exitCode), execDuration: String(Math.floor(ranForMs / 1000)) },
  });
  container.announceExit();
  // One of an earlier run, where this one never began.
  const before = container.released;
  container.released = before.then(() => release(ctx, container, record));
  return delayMs;
}

function lengthOf({ startedNs }: RunRecord, { finishedAtNs, isFailedStart }: EndOfRun): number {
  if (isFailedStart === true) return 0;
  return Math.max(0, Number((finishedAtNs - BigInt(startedNs)) / 1_000_000n));
}

function show(container: Container, record: ContainerRecord, delayMs: number | null): void {
  if (container.process !== null) container.lastShimGone = container.process.gone;
  container.process = null;
  container.isPaused = false;
  container.restart = delayMs === null ? null : { delayMs, cancel: new AbortController() };
  // Docker counts a restart when it is decided (moby `daemon/monitor.go`).
  container.record = delayMs === null ? record : withRestart(record);
}

export function withRestart(record: ContainerRecord): ContainerRecord {
  return { ...record, run: { ...record.run, restartCount: record.run.restartCount + 1 } };
}

/** 0 once somebody has started it by hand. */
export function withRestartDelay(record: ContainerRecord, delayMs: number): ContainerRecord {
  return { ...record, run: { ...record.run, restartDelayMs: delayMs } };
}

function ended(record: ContainerRecord, end: EndOfRun): ContainerRecord {
  const { goodRestarts = 0 } = record.run;
  const isGood = isGoodRestart(record, lengthOf(record.run, end));
  return {
    ...record,
    run: {
      ...record.run,
      ...(isGood && { goodRestarts: goodRestarts + 1 }),
      status: 'exited',
      exitCode: end.exitCode,
      isOomKilled: end.isOomKilled,
      finishedNs: String(end.finishedAtNs),
      error: end.error ?? '',
    },
  };
}

function isGoodRestart({ run, hostConfig }: ContainerRecord, ranForMs: number): boolean {
  return run.restartCount > 0 && isSuccess(hostConfig.RestartPolicy ?? {}, ranForMs);
}

/** Never rejects. Removing cgroups blocks the engine, so it comes when those who wait for exits have been answered. */
async function release(ctx: Context, container: Container, record: ContainerRecord): Promise<void> {
  // Others may have ended at the same moment: those who wait for them come first.
  await nextTurn();
  await settle(ctx, container, {
    record: ctx.records.update(container.id, (latest) => withEnd(latest, record)),
    network: ctx.networks.closeSandbox(container.id),
  });
  await settle(ctx, container, { cgroups: removeSandbox(ctx, container.record) });
}

/** Whoever has changed the record since the end has written the end as well. */
function withEnd(latest: ContainerRecord, record: ContainerRecord): ContainerRecord {
  return latest.run.finishedNs === record.run.finishedNs ? latest : record;
}

/** A release that fails is finished by the next engine start; the exit itself must not be lost over it. */
async function settle(
  ctx: Context,
  container: Container,
  work: Readonly<Record<string, Promise<unknown>>>,
): Promise<void> {
  const results = await Promise.allSettled(Object.values(work));
  results.forEach((result, index) => {
    if (result.status === 'fulfilled') return;
    ctx.log.error(`cannot release the ${Object.keys(work)[index] ?? ''} of a container`, {
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
