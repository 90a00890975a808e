import { EngineError } from '../api/index.ts';
import { isSyscallError } from '../../native/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { signalNumber } from './signals.ts';
import { isAlive } from './state.ts';

type Context = Pick<ContainerContext, 'containers' | 'locks' | 'records' | 'events'>;

const defaultStopSignal = 'SIGTERM';
const defaultGraceSeconds = 10;
const sigKill = 9;

export interface StopOptions {
  /** null: the container's own, else 10; negative waits for ever. */
  readonly timeoutSeconds: number | null;
  readonly signal: string | null;
}

/** Signal, grace, kill. Returns when the container has ended and what it held is released. */
export async function stopContainer(
  ctx: Context,
  ref: string,
  options: StopOptions,
): Promise<void> {
  const container = ctx.containers.find(ref);
  const signal = signalNumber(
    options.signal ?? container.record.config.StopSignal ?? defaultStopSignal,
  );
  await ctx.locks.run(container.id, async () => {
    if (!isAlive(container.status)) {
      throw new EngineError('not-modified', `container "${container.name}" is not running`);
    }
    await endContainer(ctx, container, { signal, graceSeconds: graceOf(container, options) });
    publishContainer(ctx, container, { action: 'stop' });
  });
}

/** The caller holds the container's lock. */
export async function endContainer(
  ctx: Pick<ContainerContext, 'records' | 'events'>,
  container: Container,
  { signal, graceSeconds }: { readonly signal: number; readonly graceSeconds: number },
): Promise<void> {
  markStoppedByUser(container);
  if (container.restart !== null) {
    await cancelRestart(ctx, container);
    return;
  }
  const ended = container.nextExit;
  if (await sendSignal(container, signal)) {
    publishContainer(ctx, container, { action: 'kill', extra: { signal: String(signal) } });
  }
  const mustKill = signal !== sigKill && !(await endsWithin(ended, graceSeconds));
  if (mustKill && (await sendSignal(container, sigKill))) {
    publishContainer(ctx, container, { action: 'kill', extra: { signal: String(sigKill) } });
  }
  await ended;
}

/** It stays down. The caller holds the container's lock. */
export async function cancelRestart(
  ctx: Pick<ContainerContext, 'records'>,
  container: Container,
): Promise<void> {
  container.restart?.cancel.abort();
  container.restart = null;
  await ctx.records.put(container.id, container.record);
}

/** The restart policy must know before the exit is seen; it reaches the disk with the exit's record. */
export function markStoppedByUser(container: Container): void {
  const { run } = container.record;
  container.record = { ...container.record, run: { ...run, isStoppedByUser: true } };
}

/** False when the process has ended already: its exit is on the way. */
export async function sendSignal(container: Container, signal: number): Promise<boolean> {
  const { process } = container;
  try {
    await process?.signal(signal);
    return process !== null;
  } catch (error) {
    if (isSyscallError(error, 'ESRCH')) return false;
    throw error;
  }
}

export function graceOf(container: Container, { timeoutSeconds }: StopOptions): number {
  return timeoutSeconds ?? container.record.config.StopTimeout ?? defaultGraceSeconds;
}

async function endsWithin(ended: Promise<unknown>, seconds: number): Promise<boolean> {
  if (seconds < 0) {
    await ended;
    return true;
  }
  const timer = new AbortController();
  const timeout = new Promise<boolean>((resolve) => {
    const handle = setTimeout(resolve, seconds * 1000, false);
    timer.signal.addEventListener('abort', () => {
      clearTimeout(handle);
    });
  });
  try {
    return await Promise.race([ended.then(() => true), timeout]);
  } finally {
    timer.abort();
  }
}
