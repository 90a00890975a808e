import { EngineError } from '../api/index.ts';
import { isSyscallError } from '../../native/index.ts';
import { changeRecord } from './change.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { withContainer } from './locked.ts';
import { letGoOn } from './pause.ts';
import { requireResponsive } from './responsive.ts';
import { signalNumber, tryReadSignal } from './signals.ts';
import { isAlive } from './state.ts';

type Context = Pick<ContainerContext, 'containers' | 'locks' | 'records' | 'events' | 'cgroups'>;

const defaultGraceSeconds = 10;
const sigKill = 9;
const sigTerm = 15;
/** setTimeout(3p) fires at once for a longer delay. */
const longestTimerMs = 2 ** 31 - 1;

export interface StopOptions {
  /** null: the container's own, else 10; negative waits for ever. */
  readonly timeoutSeconds: number | null;
  readonly signal: string | null;
}

/** Signal, grace, kill. Returns when the container has ended, as everybody else is told. */
export async function stopContainer(
  ctx: Context,
  ref: string,
  options: StopOptions,
): Promise<void> {
  const asked = options.signal === null ? null : signalNumber(options.signal);
  const work = async (container: Container): Promise<void> => {
    if (!isAlive(container.status)) {
      throw new EngineError('not-modified', `container "${container.name}" is not running`);
    }
    const signal = asked ?? stopSignalOf(container);
    await endContainer(ctx, container, { signal, graceSeconds: graceOf(container, options) });
    publishContainer(ctx, container, { action: 'stop' });
  };
  await withContainer(ctx, ref, { work });
}

/** The caller holds the container's lock. */
export async function endContainer(
  ctx: Pick<ContainerContext, 'records' | 'events' | 'cgroups'>,
  container: Container,
  { signal, graceSeconds }: { readonly signal: number; readonly graceSeconds: number },
): Promise<void> {
  requireResponsive(container);
  const ended = container.nextExit;
  await noteStopByUser(ctx, container);
  if (container.restart !== null) {
    await cancelRestart(ctx, container);
    // Whoever waits for its end waits for a run that will not come.
    container.announceExit();
    return;
  }
  const isHeard = await tryStopSignal(ctx, container, signal);
  letGoOn(ctx, container);
  const mustKill = !isHeard || (signal !== sigKill && !(await endsWithin(ended, graceSeconds)));
  if (mustKill) await sendKill(ctx, container);
  await ended;
}

/** False: a security module keeps it from the container, and waiting would be in vain. */
async function tryStopSignal(
  ctx: Pick<ContainerContext, 'events' | 'cgroups'>,
  container: Container,
  signal: number,
): Promise<boolean> {
  try {
    if (await sendSignal(ctx, container, signal)) publishKill(ctx, container, signal);
    return true;
  } catch (error) {
    if (signal !== sigKill && error instanceof EngineError && error.kind === 'forbidden')
      return false;
    throw error;
  }
}

/** It stays down. The caller holds the container's lock. */
export async function cancelRestart(
  ctx: Pick<ContainerContext, 'records'>,
  container: Container,
): Promise<void> {
  container.restart?.cancel.abort();
  container.restart = null;
  await changeRecord(ctx, container, (record) => record);
}

/** The container's own; what an image asks for and nobody understands is SIGTERM, as in Docker. */
export function stopSignalOf({ record }: Container): number {
  return tryReadSignal(record.config.StopSignal ?? '') ?? sigTerm;
}

/** Needs no lock: whoever holds it waits for the same end. */
export async function sendKill(
  ctx: Pick<ContainerContext, 'records' | 'events' | 'cgroups'>,
  container: Container,
): Promise<void> {
  requireResponsive(container);
  await noteStopByUser(ctx, container);
  if (await sendSignal(ctx, container, sigKill)) publishKill(ctx, container, sigKill);
  letGoOn(ctx, container);
}

function publishKill(
  ctx: Pick<ContainerContext, 'events'>,
  container: Container,
  signal: number,
): void {
  publishContainer(ctx, container, { action: 'kill', extra: { signal: String(signal) } });
}

/**
 * The restart policy must know before the exit is seen. Where there is one it reaches the disk before the signal is sent,
 * as the next engine may be the one that sees the exit; else with the exit's record.
 */
export async function noteStopByUser(
  ctx: Pick<ContainerContext, 'records'>,
  container: Container,
): Promise<void> {
  const { run, hostConfig } = container.record;
  if (run.isStoppedByUser) return;
  container.record = { ...container.record, run: { ...run, isStoppedByUser: true } };
  const { Name: policy = '' } = hostConfig.RestartPolicy ?? {};
  if (!['', 'no'].includes(policy)) await changeRecord(ctx, container, (record) => record);
}

/**
 * False when the process has ended already: its exit is on the way. Throws `forbidden` where a security module refuses
 * the signal, which SIGKILL by cgroup does not ask (cgroup v2).
 */
export async function sendSignal(
  ctx: Pick<ContainerContext, 'cgroups'>,
  container: Container,
  signal: number,
): Promise<boolean> {
  const { process } = container;
  try {
    await process?.signal(signal);
    return process !== null;
  } catch (error) {
    if (isSyscallError(error, 'ESRCH')) return false;
    if (!isSyscallError(error, 'EACCES', 'EPERM')) throw error;
    if (signal === sigKill && ctx.cgroups.kill(container.id)) return true;
    throw refusedSignal(container, { signal, cause: error });
  }
}

function refusedSignal(
  { name, record }: Container,
  { signal, cause }: { readonly signal: number; readonly cause: unknown },
): EngineError {
  const profile = record.run.appArmorProfile ?? '';
  const [whose, hint] =
    profile === ''
      ? ['the security policy of this machine', 'see its audit log']
      : [`AppArmor profile "${profile}"`, 'add "signal (receive) peer=unconfined," to the profile'];
  const message = `cannot send signal ${signal} to container "${name}": ${whose} does not allow it`;
  return new EngineError('forbidden', message, { hint, cause });
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
    const handle = setTimeout(resolve, Math.min(seconds * 1000, longestTimerMs), false);
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
