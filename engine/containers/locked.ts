import { EngineError } from '../api/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';

/**
 * Runs `work` as the only holder of the container's lock. Whoever waited for it while the container was removed finds
 * it no more; by `signal` a waiter gives up, but not what has begun.
 */
export async function withContainer<T>(
  ctx: Pick<ContainerContext, 'containers' | 'locks'>,
  ref: string,
  {
    work,
    signal,
  }: {
    readonly work: (container: Container) => Promise<T>;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<T> {
  const container = ctx.containers.find(ref);
  const run = (): Promise<T> => {
    if (ctx.containers.get(container.id) === container) return work(container);
    throw new EngineError('not-found', `No such container: ${ref}`);
  };
  return await ctx.locks.run(container.id, run, signal);
}
