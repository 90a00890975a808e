import type { WaitCondition } from '../api/index.ts';
import type { Container, ContainerExit } from './container.ts';
import type { ContainerContext } from './context.ts';
import { isAlive } from './state.ts';

/** Watches from the moment it returns. `not-running` is true at once for a container that does not run. */
export function waitContainer(
  ctx: Pick<ContainerContext, 'containers'>,
  ref: string,
  { condition, signal }: { readonly condition: WaitCondition; readonly signal: AbortSignal },
): { readonly exited: Promise<ContainerExit> } {
  const container = ctx.containers.find(ref);
  switch (condition) {
    case 'removed':
      return { exited: container.removed };
    case 'next-exit':
      return { exited: nextExit(container, signal) };
    case 'not-running':
      return {
        exited: isAlive(container.status)
          ? nextExit(container, signal)
          : Promise.resolve(container.lastExit),
      };
  }
}

/** Never settles for who has left. */
async function nextExit(container: Container, signal: AbortSignal): Promise<ContainerExit> {
  return (await container.nextExitUnless(signal)) ?? (await new Promise(() => undefined));
}
