import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { withContainer } from './locked.ts';
import { signalNumber } from './signals.ts';
import { startLocked } from './start.ts';
import { isAlive } from './state.ts';
import { endContainer, graceOf, stopSignalOf } from './stop.ts';
import type { StopOptions } from './stop.ts';

/** Stop, if it runs, and start, as one step for everybody else. */
export async function restartContainer(
  ctx: ContainerContext,
  ref: string,
  options: StopOptions,
): Promise<void> {
  const asked = options.signal === null ? null : signalNumber(options.signal);
  const work = async (container: Container): Promise<void> => {
    const again = stopAndStart(ctx, container, { asked, options });
    const over = again.catch(() => undefined);
    container.userRestart = over;
    try {
      await again;
    } finally {
      container.userRestart = null;
    }
    publishContainer(ctx, container, { action: 'restart' });
  };
  await withContainer(ctx, ref, { work });
}

async function stopAndStart(
  ctx: ContainerContext,
  container: Container,
  { asked, options }: { readonly asked: number | null; readonly options: StopOptions },
): Promise<void> {
  if (isAlive(container.status)) {
    const signal = asked ?? stopSignalOf(container);
    await endContainer(ctx, container, { signal, graceSeconds: graceOf(container, options) });
  }
  await startLocked(ctx, container);
}
