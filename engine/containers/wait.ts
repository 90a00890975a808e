import type { WaitCondition } from '../api/index.ts';
import type { ContainerExit } from './container.ts';
import type { ContainerContext } from './context.ts';
import { isAlive } from './state.ts';

/** Watches from the moment it returns. `not-running` is true at once for a container that does not run. */
export function waitContainer(
  ctx: Pick<ContainerContext, 'containers'>,
  ref: string,
  condition: WaitCondition,
): { readonly exited: Promise<ContainerExit> } {
  const container = ctx.containers.find(ref);
  switch (condition) {
    case 'removed':
      return { exited: container.removed };
    case 'next-exit':
      return { exited: container.nextExit };
    case 'not-running':
      return {
        exited: isAlive(container.status)
          ? container.nextExit
          : Promise.resolve(container.lastExit),
      };
  }
}
