/** Stopping all processes of a container where they are (the cgroup freezer), and letting them go on. */
import { EngineError } from '../api/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { withContainer } from './locked.ts';

type Context = Pick<ContainerContext, 'containers' | 'locks' | 'events' | 'cgroups'>;

/** Resolves when every process has stopped; by `signal` a wait that does not end is given up and undone. */
export async function pauseContainer(
  ctx: Context,
  ref: string,
  signal?: AbortSignal,
): Promise<void> {
  const work = async (container: Container): Promise<void> => {
    switch (container.status) {
      case 'running':
        break;
      case 'paused':
        throw new EngineError('conflict', `Container ${container.id} is already paused`);
      case 'restarting':
        throw new EngineError(
          'conflict',
          `Container ${container.id} is restarting, wait until the container is running`,
        );
      default:
        throw new EngineError('conflict', `Container ${container.id} is not running`);
    }
    try {
      await ctx.cgroups.freeze(container.id, signal);
    } catch (error) {
      ctx.cgroups.thaw(container.id);
      throw error;
    }
    container.isPaused = true;
    publishContainer(ctx, container, { action: 'pause' });
  };
  await withContainer(ctx, ref, { work });
}

export async function unpauseContainer(ctx: Context, ref: string): Promise<void> {
  const work = (container: Container): Promise<void> => {
    if (container.status !== 'paused') {
      throw new EngineError('conflict', `Container ${container.id} is not paused`);
    }
    letGoOn(ctx, container);
    publishContainer(ctx, container, { action: 'unpause' });
    return Promise.resolve();
  };
  await withContainer(ctx, ref, { work });
}

/** Whoever wants a frozen process to see a signal must thaw it; nothing happens to one that runs. */
export function letGoOn(ctx: Pick<ContainerContext, 'cgroups'>, container: Container): void {
  if (!container.isPaused) return;
  ctx.cgroups.thaw(container.id);
  container.isPaused = false;
}
