import { readShimLog } from '../runtime/index.ts';
import type { LogRecord } from '../runtime/index.ts';
import type { ContainerContext } from './context.ts';
import { isAlive } from './state.ts';

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly sinceNs: bigint | null;
  readonly untilNs: bigint | null;
  readonly tail: number | null;
}

/** With `follow` it ends when the container has ended for good, or quietly when `signal` aborts. */
export function readLogs(
  ctx: Pick<ContainerContext, 'containers' | 'layout'>,
  ref: string,
  options: LogOptions & { readonly signal: AbortSignal },
): { readonly isTty: boolean; readonly records: AsyncIterable<readonly LogRecord[]> } {
  const container = ctx.containers.find(ref);
  const path = ctx.layout.container(container.id).log;
  const mayStillWrite = isAlive(container.status) || container.status === 'created';
  const records = readShimLog(path, {
    stdout: options.stdout,
    stderr: options.stderr,
    follow: options.follow && mayStillWrite,
    ended: lastExit(container),
    signal: options.signal,
    ...(options.sinceNs !== null && { sinceNs: options.sinceNs }),
    ...(options.untilNs !== null && { untilNs: options.untilNs }),
    ...(options.tail !== null && { tail: options.tail }),
  });
  return { isTty: container.record.config.Tty === true, records };
}

/** Settles with the first exit after which no restart follows, or with the removal. */
async function lastExit(
  container: ReturnType<ContainerContext['containers']['find']>,
): Promise<void> {
  do await Promise.race([container.nextExit, container.removed]);
  while (container.restart !== null);
}
