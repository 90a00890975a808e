/** Volumes that are mounted for as long as a container needs them: those with driver options. */
import type { Rollback } from '../lib/index.ts';
import type { ContainerRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { toEngineError } from './create.ts';

type Context = Pick<ContainerContext, 'volumes'>;

export function volumeNames({ mounts }: Pick<ContainerRecord, 'mounts'>): readonly string[] {
  return mounts.flatMap(({ request }) => (request.kind === 'volume' ? [request.name] : []));
}

/** `holder` is the container's id, or something of one's own. */
export async function holdVolumes(
  ctx: Context,
  record: ContainerRecord,
  { holder, rollback }: { readonly holder: string; readonly rollback: Rollback },
): Promise<void> {
  for (const name of volumeNames(record)) {
    // One that is gone is named where the mounts are made.
    if (ctx.volumes.get(name) === undefined) continue;
    rollback.add('volume', () => ctx.volumes.release(name, holder));
    try {
      await ctx.volumes.hold(name, holder);
    } catch (error) {
      throw toEngineError(error);
    }
  }
}

export async function releaseVolumes(
  ctx: Context,
  record: ContainerRecord,
  holder: string,
): Promise<void> {
  for (const name of volumeNames(record)) await ctx.volumes.release(name, holder);
}
