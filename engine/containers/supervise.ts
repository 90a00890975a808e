/** Follows a container from its start over all restarts of its policy to its last exit. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishAttachments, publishContainer } from './events.ts';
import { endRun } from './exit.ts';
import type { EndOfRun } from './exit.ts';
import { launch, startFailure } from './launch.ts';
import { removeStopped } from './remove.ts';
import { nowNs } from './time.ts';

/**
 * Follows a container that runs. Never rejects: what goes wrong here has no caller to hear of it and is logged.
 */
export async function adopt(ctx: ContainerContext, container: Container): Promise<void> {
  await guarded(ctx, container, async () => {
    await followTo(ctx, container, await endOf(container));
  });
}

/** Takes over a run that has ended with nobody watching. Never rejects. */
export async function finish(
  ctx: ContainerContext,
  container: Container,
  end: EndOfRun,
): Promise<void> {
  await guarded(ctx, container, () => followTo(ctx, container, end));
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

async function followTo(ctx: ContainerContext, container: Container, end: EndOfRun): Promise<void> {
  let restartAfterMs = await endRun(ctx, container, end);
  while (restartAfterMs !== null) {
    restartAfterMs = await restartByPolicy(ctx, container, restartAfterMs);
  }
  if (container.record.hostConfig.AutoRemove === true) await removeEnded(ctx, container);
}

async function endOf(container: Container): Promise<EndOfRun> {
  const status = await container.process?.exited;
  if (status === undefined) throw new TypeError(`container ${container.id} has no process`);
  return {
    exitCode: status.code,
    isOomKilled: status.isOomKilled,
    finishedAtNs: status.finishedAtNs,
  };
}

/** Waits, starts, and follows one run; null when the container stays down. */
async function restartByPolicy(
  ctx: ContainerContext,
  container: Container,
  delayMs: number,
): Promise<number | null> {
  const { restart } = container;
  if (restart === null || !(await passes(delayMs, restart.cancel.signal))) return null;
  const end = await ctx.locks.run(container.id, async () => {
    if (container.restart !== restart) return null;
    container.lastDelayMs = delayMs;
    return await relaunch(ctx, container);
  });
  if (end === 'running') return await endRun(ctx, container, await endOf(container));
  return end === null ? null : await endRun(ctx, container, end);
}

async function relaunch(
  ctx: ContainerContext,
  container: Container,
): Promise<EndOfRun | 'running'> {
  const { run } = container.record;
  container.restart = null;
  container.record = {
    ...container.record,
    run: { ...run, restartCount: run.restartCount + 1 },
  };
  try {
    await launch(ctx, container);
    publishAttachments(ctx, container, 'taken');
    publishContainer(ctx, container, { action: 'start' });
    return 'running';
  } catch (error) {
    const { exitCode, message } = startFailure(error);
    return { exitCode, isOomKilled: false, finishedAtNs: nowNs(), error: message };
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
    // A remove of the client's may have been first.
    if (ctx.containers.get(container.id) === container) {
      await removeStopped(ctx, container, { withVolumes: true });
    }
  });
}
