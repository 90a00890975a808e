import { EngineError } from '../api/index.ts';
import { readShimLog } from '../runtime/index.ts';
import type { LogRecord } from '../runtime/index.ts';
import type { ContainerContext } from './context.ts';
import { logDetailsOf } from './log-details.ts';
import { isLogReadable } from './log-options.ts';
import { isAlive } from './state.ts';

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly sinceNs: bigint | null;
  readonly untilNs: bigint | null;
  readonly tail: number | null;
}

export interface ReadLogs {
  readonly isTty: boolean;
  /** What stands before each line when details are asked for. */
  readonly details: string;
  readonly records: AsyncIterable<readonly LogRecord[]>;
}

/** With `follow` it ends when the container has ended for good, or quietly when `signal` aborts. */
export function readLogs(
  ctx: Pick<ContainerContext, 'containers' | 'layout'>,
  ref: string,
  options: LogOptions & { readonly signal: AbortSignal },
): ReadLogs {
  const container = ctx.containers.find(ref);
  const { config, hostConfig } = container.record;
  if (!isLogReadable(hostConfig)) {
    const message = 'configured logging driver does not support reading';
    throw new EngineError('not-implemented', message);
  }
  const path = ctx.layout.container(container.id).log;
  const mayStillWrite = isAlive(container.status) || container.status === 'created';
  const records = readShimLog(path, {
    stdout: options.stdout,
    stderr: options.stderr,
    follow: options.follow && mayStillWrite,
    ended: lastExit(container, options.signal),
    signal: options.signal,
    ...(options.sinceNs !== null && { sinceNs: options.sinceNs }),
    ...(options.untilNs !== null && { untilNs: options.untilNs }),
    ...(options.tail !== null && { tail: options.tail }),
  });
  return { isTty: config.Tty === true, details: logDetailsOf(container.record), records };
}

/** Settles with the first exit after which no restart follows, with the removal, or with the signal. */
export async function lastExit(
  container: ReturnType<ContainerContext['containers']['find']>,
  signal: AbortSignal,
): Promise<void> {
  do {
    if ((await container.nextExitUnless(signal)) === null) return;
    await container.userRestart;
  } while (container.restart !== null || container.process !== null);
}
