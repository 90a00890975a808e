/**
 * What is there without a readable record. A creation that was broken off leaves a directory, a snapshot, a socket: these
 * go. But a container whose record was damaged keeps what it has written, and goes on if it runs: the record may come
 * back, and no flipped bit may cost more than itself.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connectShim } from '../runtime/index.ts';
import type { ContainerContext } from './context.ts';

export interface OwnerlessContext extends Pick<ContainerContext, 'containers' | 'layout' | 'log'> {
  readonly containersDirectory: string;
  readonly shimsDirectory: string;
  /** Of records that were moved aside. */
  readonly lostIds: readonly string[];
  readonly recovery: {
    sweepSnapshots(knownIds: readonly string[]): Promise<unknown>;
    sweepGiven(knownIds: readonly string[]): void;
  };
}

/** Ids of containers that run and that nobody knows. Sockets of shims that are no more are removed. */
export async function findOwnerless(ctx: OwnerlessContext): Promise<readonly string[]> {
  const directories = await readdir(ctx.containersDirectory);
  const found: string[] = [];
  for (const name of await readdir(ctx.shimsDirectory)) {
    const id = directories.find((directory) => directory.startsWith(name)) ?? null;
    if (id !== null && ctx.containers.get(id)?.process != null) continue;
    const controlPath = join(ctx.shimsDirectory, name);
    const exitPath = ctx.layout.container(id ?? name).exit;
    const shim = await connectShim({ controlPath, exitPath });
    shim?.close();
    if (shim === null) await rm(controlPath, { recursive: true, force: true });
    else if (id !== null && ctx.containers.get(id) === undefined) {
      ctx.log.error('a container runs although its record cannot be read; it is left as it is', {
        container: id,
        hint: `put its record back and start the engine again, or end it: pkill -9 -f "tscompose-shim ${id}"`,
      });
      found.push(id);
    }
  }
  return found;
}

/** What a creation had made before the engine was killed, without a record to name it. */
export async function sweepUnknown(
  ctx: OwnerlessContext,
  ownerless: readonly string[],
): Promise<void> {
  const known = new Set([...ctx.containers].map(({ id }) => id));
  for (const id of [...ownerless, ...ctx.lostIds]) known.add(id);
  await ctx.recovery.sweepSnapshots([...known]);
  ctx.recovery.sweepGiven([...known]);
  for (const name of await readdir(ctx.containersDirectory)) {
    if (known.has(name)) continue;
    await rm(join(ctx.containersDirectory, name), { recursive: true, force: true });
  }
}
