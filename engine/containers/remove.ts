import { rm } from 'node:fs/promises';
import { EngineError } from '../api/index.ts';
import { changeRecord } from './change.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { finishShipping } from './ship/ship-log.ts';
import { isAlive } from './state.ts';
import { endContainer, sendKill } from './stop.ts';

type Context = Pick<
  ContainerContext,
  | 'containers'
  | 'locks'
  | 'records'
  | 'events'
  | 'snapshots'
  | 'volumes'
  | 'given'
  | 'layout'
  | 'cgroups'
  | 'log'
>;

const sigKill = 9;

export interface RemoveOptions {
  readonly force: boolean;
  readonly volumes: boolean;
}

export async function removeContainer(
  ctx: Context,
  ref: string,
  options: RemoveOptions,
): Promise<void> {
  const container = ctx.containers.find(ref);
  requireMayEnd(container, options);
  if (isAlive(container.status) && ctx.locks.isHeld(container.id)) {
    // A stop under way holds the lock for its whole grace; force does not wait for it.
    await sendKill(ctx, container);
  }
  const work = async (): Promise<void> => {
    // Somebody else's removal may have been first, or a start.
    if (ctx.containers.get(container.id) !== container) return;
    requireMayEnd(container, options);
    if (isAlive(container.status)) {
      await endContainer(ctx, container, { signal: sigKill, graceSeconds: 0 });
    }
    await removeStopped(ctx, container, { withVolumes: options.volumes });
  };
  await ctx.locks.run(container.id, work);
}

function requireMayEnd(container: Container, { force }: RemoveOptions): void {
  if (force || !isAlive(container.status)) return;
  if (container.status === 'paused') {
    throw new EngineError(
      'conflict',
      `cannot remove container "${container.name}": container is paused and must be unpaused first`,
    );
  }
  throw new EngineError(
    'conflict',
    `cannot remove container "${container.name}": container is ${container.status}: stop the container before removing or force remove`,
  );
}

/**
 * The record says `removing` before anything of the container goes, and goes last: whatever is left when the engine is
 * killed in between, the next one finishes. The caller holds the lock.
 */
export async function removeStopped(
  ctx: Omit<Context, 'locks'>,
  container: Container,
  { withVolumes }: { readonly withVolumes: boolean },
): Promise<void> {
  await changeRecord(ctx, container, (record) => ({
    ...record,
    run: { ...record.run, status: 'removing', removesVolumes: withVolumes },
  }));
  await Promise.all([
    ...[container.lastShimGone, container.released],
    finishShipping(ctx, container),
    container.compression?.stop(),
  ]);
  await ctx.snapshots.remove(container.id);
  ctx.given.remove(container.id);
  await rm(ctx.layout.container(container.id).directory, { recursive: true, force: true });
  if (withVolumes) await removeAnonymousVolumes(ctx, container);
  await ctx.records.delete(container.id);
  ctx.containers.delete(container);
  publishContainer(ctx, container, { action: 'destroy' });
  container.announceRemoval();
}

async function removeAnonymousVolumes(
  ctx: Pick<Context, 'volumes' | 'containers'>,
  container: Container,
): Promise<void> {
  for (const { point, isAnonymous } of container.record.mounts) {
    if (!isAnonymous || point.Name === undefined) continue;
    if (isUsedByOther(ctx, container, point.Name)) continue;
    // Gone already where a removal was broken off and is finished now.
    await ctx.volumes.remove(point.Name, { force: true });
  }
}

function isUsedByOther(
  ctx: Pick<Context, 'containers'>,
  container: Container,
  volume: string,
): boolean {
  return [...ctx.containers].some(
    (other) =>
      other !== container && other.record.mounts.some(({ point }) => point.Name === volume),
  );
}
