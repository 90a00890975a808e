import { rm } from 'node:fs/promises';
import { EngineError } from '../api/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { isAlive } from './state.ts';
import { endContainer, markStoppedByUser, sendSignal } from './stop.ts';

type Context = Pick<
  ContainerContext,
  'containers' | 'locks' | 'records' | 'events' | 'snapshots' | 'volumes' | 'layout'
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
  if (isAlive(container.status) && !options.force) {
    throw new EngineError(
      'conflict',
      `cannot remove container "${container.name}": container is ${container.status}: stop the container before removing or force remove`,
    );
  }
  if (isAlive(container.status)) {
    // A stop under way holds the lock for its whole grace; force does not wait for it.
    markStoppedByUser(container);
    if (ctx.locks.isHeld(container.id)) await sendSignal(container, sigKill);
  }
  await ctx.locks.run(container.id, async () => {
    if (ctx.containers.get(container.id) !== container) return;
    if (isAlive(container.status)) {
      await endContainer(ctx, container, { signal: sigKill, graceSeconds: 0 });
    }
    await removeStopped(ctx, container, { withVolumes: options.volumes });
  });
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
  const { record } = container;
  container.record = { ...record, run: { ...record.run, status: 'removing' } };
  await ctx.records.put(container.id, container.record);
  await container.lastShimGone;
  await ctx.snapshots.remove(container.id);
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
    await ctx.volumes.remove(point.Name);
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
