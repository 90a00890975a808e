/** Pause, limits, statistics and processes of containers as their routes want them. */
import type { ContainerContext } from '../../containers/context.ts';
import { pauseContainer, unpauseContainer } from '../../containers/pause.ts';
import { readStats } from '../../containers/stats.ts';
import { topContainer } from '../../containers/top.ts';
import { updateContainer } from '../../containers/update.ts';
import type { ContainerResourceBackend } from '../routes/index.ts';

export function createContainerResourceBackend(ctx: ContainerContext): ContainerResourceBackend {
  return {
    pause: (ref, abort) => pauseContainer(ctx, ref, abort),
    unpause: (ref) => unpauseContainer(ctx, ref),
    update: (ref, request) => updateContainer(ctx, ref, request),
    stats: async (ref, options, abort) =>
      await Promise.resolve().then(() => readStats(ctx, ref, { ...options, signal: abort })),
    top: (ref, psArguments) => topContainer(ctx, ref, psArguments),
  };
}
