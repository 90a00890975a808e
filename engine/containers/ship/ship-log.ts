/** Which containers have their log shipped, and when. */
import type { Container } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import { lastExit } from '../logs.ts';
import { LogShipping } from './shipping.ts';
import { targetOf } from './target.ts';

type Context = Pick<ContainerContext, 'containers' | 'layout' | 'log'>;

/** From a container's start, or the engine's, until it has ended for good and all of it was sent. */
export function shipLog(ctx: Context, container: Container): void {
  // One that still sends the end of the last run looks again when that is done.
  if (container.shipping !== null) return;
  const target = targetOf(container.record);
  if (target === null) return;
  const { log, shipping: placeFile } = ctx.layout.container(container.id);
  const shipping = new LogShipping({
    ...{ log, placeFile, target },
    // One for each container, which is never given up.
    ended: isOver(container)
      ? Promise.resolve()
      : lastExit(container, new AbortController().signal),
    onTrouble: (error) => {
      ctx.log.warn('the log of a container cannot be sent; it is kept until its files rotate', {
        container: container.id,
        driver: container.record.hostConfig.LogConfig?.Type,
        error: String(error),
      });
    },
  });
  container.shipping = shipping;
  void shipping.done.then(() => {
    container.shipping = null;
    if (shipping.isComplete && !isOver(container)) shipLog(ctx, container);
  });
}

/** Of a container that is about to go, with its log. */
export async function finishShipping(
  ctx: Pick<Context, 'log'>,
  container: Container,
): Promise<void> {
  const { shipping } = container;
  if (shipping === null) return;
  await shipping.finish();
  if (shipping.isComplete) return;
  ctx.log.warn('a container is removed before all of its log was sent', {
    container: container.id,
  });
}

function isOver(container: Container): boolean {
  return container.process === null && container.restart === null;
}
