import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { signalNumber } from './signals.ts';
import { startLocked } from './start.ts';
import { isAlive } from './state.ts';
import { endContainer, graceOf } from './stop.ts';
import type { StopOptions } from './stop.ts';

/** Stop, if it runs, and start, as one step for everybody else. */
export async function restartContainer(
  ctx: ContainerContext,
  ref: string,
  options: StopOptions,
): Promise<void> {
  const container = ctx.containers.find(ref);
  const signal = signalNumber(options.signal ?? container.record.config.StopSignal ?? 'SIGTERM');
  await ctx.locks.run(container.id, async () => {
    if (isAlive(container.status)) {
      await endContainer(ctx, container, { signal, graceSeconds: graceOf(container, options) });
    }
    await startLocked(ctx, container);
    publishContainer(ctx, container, { action: 'restart' });
  });
}
