import { EngineError } from '../api/index.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { signalNumber } from './signals.ts';
import { isAlive } from './state.ts';
import { endContainer, markStoppedByUser, sendSignal } from './stop.ts';

const sigKill = 9;

/** Sends one signal. After SIGKILL it returns when the container has ended, as Docker does. */
export async function killContainer(
  ctx: Pick<ContainerContext, 'containers' | 'locks' | 'records' | 'events'>,
  ref: string,
  written: string | null,
): Promise<void> {
  const container = ctx.containers.find(ref);
  const signal = signalNumber(written ?? 'SIGKILL');
  if (!isAlive(container.status)) {
    throw new EngineError(
      'conflict',
      `cannot kill container: ${ref}: container ${container.id} is not running`,
    );
  }
  if (signal === sigKill) {
    // A stop under way holds the lock for its whole grace; the kill must not wait for it.
    markStoppedByUser(container);
    if (ctx.locks.isHeld(container.id)) await sendSignal(container, sigKill);
    await ctx.locks.run(container.id, async () => {
      if (isAlive(container.status))
        await endContainer(ctx, container, { signal, graceSeconds: 0 });
    });
    return;
  }
  if (isStopSignal(signal, container.record.config.StopSignal)) markStoppedByUser(container);
  await sendSignal(container, signal);
  publishContainer(ctx, container, { action: 'kill', extra: { signal: String(signal) } });
}

/** A restart policy does not undo what the container's own stop signal was sent for. */
function isStopSignal(signal: number, configured: string | undefined): boolean {
  return signal === signalNumber(configured ?? 'SIGTERM');
}
