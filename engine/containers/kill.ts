import { EngineError } from '../api/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { letGoOn } from './pause.ts';
import { requireResponsive } from './responsive.ts';
import { signalNumber } from './signals.ts';
import { isAlive } from './state.ts';
import { endContainer, noteStopByUser, sendKill, sendSignal, stopSignalOf } from './stop.ts';

type Context = Pick<ContainerContext, 'containers' | 'locks' | 'records' | 'events' | 'cgroups'>;

const sigKill = 9;

/** Sends one signal. After SIGKILL it returns when the container has ended, as Docker does. */
export async function killContainer(
  ctx: Context,
  ref: string,
  written: string | null,
): Promise<void> {
  const container = ctx.containers.find(ref);
  const signal = signalNumber(written ?? 'SIGKILL');
  if (signal === sigKill) await killAtOnce(ctx, container, ref);
  else await sendOne(ctx, container, { ref, signal });
}

async function killAtOnce(ctx: Context, container: Container, ref: string): Promise<void> {
  if (!isAlive(container.status)) throw notRunning(container, ref);
  // A stop under way holds the lock for its whole grace; the kill must not wait for it.
  if (ctx.locks.isHeld(container.id)) await sendKill(ctx, container);
  const work = async (): Promise<void> => {
    if (isAlive(container.status)) {
      await endContainer(ctx, container, { signal: sigKill, graceSeconds: 0 });
    }
  };
  await ctx.locks.run(container.id, work);
}

async function sendOne(
  ctx: Context,
  container: Container,
  { ref, signal }: { readonly ref: string; readonly signal: number },
): Promise<void> {
  if (container.process === null) throw notRunning(container, ref);
  requireResponsive(container);
  // A restart policy does not undo what the container's own stop signal was sent for.
  const isStop = signal === stopSignalOf(container);
  if (isStop) await noteStopByUser(ctx, container);
  if (await sendSignal(ctx, container, signal)) {
    publishContainer(ctx, container, { action: 'kill', extra: { signal: String(signal) } });
  }
  // Frozen processes see no signal; what is to end them must reach them (moby `daemon/kill.go`).
  if (isStop) letGoOn(ctx, container);
}

function notRunning(container: Container, ref: string): EngineError {
  return new EngineError(
    'conflict',
    `cannot kill container: ${ref}: container ${container.id} is not running`,
  );
}
