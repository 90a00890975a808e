/** Follows a container from its start over all restarts of its policy to its last exit. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishAttachments, publishContainer } from './events.ts';
import { endOfRun, endRun, withRestartDelay } from './exit.ts';
import type { EndOfRun } from './exit.ts';
import { endHealth, watchHealth } from './health.ts';
import { launch, startFailure } from './launch.ts';
import { compressLogOf } from './log-compression.ts';
import { discardUnkept } from './log-discard.ts';
import { removeStopped } from './remove.ts';
import { shipLog } from './ship/ship-log.ts';
import { isAlive } from './state.ts';
import { nowNs } from './time.ts';

/**
 * Follows a container that runs. Never rejects: what goes wrong here has no caller to hear of it and is logged.
 */
export async function adopt(ctx: ContainerContext, container: Container): Promise<void> {
  shipLog(ctx, container);
  compressLogOf(ctx, container);
  await guarded(ctx, container, async () => {
    await followFrom(ctx, container, await followRun(ctx, container));
  });
}

/** Takes over a container that waits for a restart, or is to be removed, with nobody to do it. Never rejects. */
export async function resume(ctx: ContainerContext, container: Container): Promise<void> {
  shipLog(ctx, container);
  compressLogOf(ctx, container);
  await guarded(ctx, container, () =>
    followFrom(ctx, container, container.restart?.delayMs ?? null),
  );
}

async function guarded(
  ctx: ContainerContext,
  container: Container,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    ctx.log.error('lost track of a container', { container: container.id, error: String(error) });
  }
}

async function followFrom(
  ctx: ContainerContext,
  container: Container,
  delayMs: number | null,
): Promise<void> {
  let restartAfterMs = delayMs;
  while (restartAfterMs !== null) {
    restartAfterMs = await restartByPolicy(ctx, container, restartAfterMs);
  }
  if (container.record.hostConfig.AutoRemove === true) await removeEnded(ctx, container);
  else await discardUnkept(ctx, container);
}

/** One run to its end; returns what `endRun` decides. */
async function followRun(ctx: ContainerContext, container: Container): Promise<number | null> {
  const ended = new AbortController();
  void watchHealth(ctx, container, ended.signal);
  try {
    const end = await endOf(container);
    endHealth(container);
    ended.abort();
    return await endRun(ctx, container, end);
  } finally {
    ended.abort();
  }
}

async function endOf(container: Container): Promise<EndOfRun> {
  const status = await container.process?.exited;
  if (status === undefined) throw new TypeError(`container ${container.id} has no process`);
  return endOfRun(status);
}

/** Waits, starts, and follows one run; null when the container stays down. */
async function restartByPolicy(
  ctx: ContainerContext,
  container: Container,
  delayMs: number,
): Promise<number | null> {
  const { restart } = container;
  if (restart === null || !(await passes(delayMs, restart.cancel.signal))) return null;
  const next = await ctx.locks.run(container.id, async () => {
    if (container.restart !== restart) return null;
    container.record = withRestartDelay(container.record, delayMs);
    return await relaunch(ctx, container);
  });
  return next === 'running' ? await followRun(ctx, container) : next;
}

/** What failed is as an end of no length, and its release is over before anybody else may start the container. */
async function relaunch(
  ctx: ContainerContext,
  container: Container,
): Promise<number | null | 'running'> {
  try {
    await launch(ctx, container);
    publishAttachments(ctx, container, 'taken');
    publishContainer(ctx, container, { action: 'start' });
    return 'running';
  } catch (error) {
    const { exitCode, message } = startFailure(error);
    const end = { exitCode, isOomKilled: false, finishedAtNs: nowNs(), error: message };
    return await endRun(ctx, container, { ...end, isFailedStart: true });
  }
}

/** False when the wait was given up. */
async function passes(delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(delayMs, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

async function removeEnded(ctx: ContainerContext, container: Container): Promise<void> {
  await ctx.locks.run(container.id, async () => {
    // A remove of the client's may have been first, or a restart, which keeps it.
    if (ctx.containers.get(container.id) !== container || isAlive(container.status)) return;
    await removeStopped(ctx, container, { withVolumes: true });
  });
}
