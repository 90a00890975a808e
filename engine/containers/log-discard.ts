/** The driver `none`: clients that are attached read a container's output from its log, which goes when it has ended. */
import { discardLog } from '../runtime/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { keepsLog } from './log-options.ts';
import { isAlive } from './state.ts';

export async function discardUnkept(
  ctx: Pick<ContainerContext, 'containers' | 'layout' | 'locks'>,
  container: Container,
): Promise<void> {
  if (keepsLog(container.record.hostConfig)) return;
  await Promise.all(container.attachments);
  await ctx.locks.run(container.id, async () => {
    if (ctx.containers.get(container.id) !== container || isAlive(container.status)) return;
    await discardLog(ctx.layout.container(container.id).log);
  });
}
