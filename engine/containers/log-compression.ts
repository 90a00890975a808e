/** Which containers have the rotated files of their log compressed, and when. */
import { compressLog } from '../runtime/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { logLimitsOf } from './log-options.ts';
import { lastExit } from './logs.ts';

/** From a container's start, or the engine's, until it has ended for good. */
export function compressLogOf(
  ctx: Pick<ContainerContext, 'layout' | 'log'>,
  container: Container,
): void {
  const { maxFiles, isCompressed } = logLimitsOf(container.record.hostConfig);
  if (!isCompressed || container.compression !== null) return;
  const given = new AbortController();
  const isOver = container.process === null && container.restart === null;
  const done = compressLog(ctx.layout.container(container.id).log, {
    maxFiles,
    ended: isOver ? Promise.resolve() : lastExit(container, given.signal),
    signal: given.signal,
    onTrouble: (error) => {
      ctx.log.warn('a rotated log file of a container cannot be compressed', {
        container: container.id,
        error: String(error),
      });
    },
  });
  container.compression = {
    stop: async () => {
      given.abort();
      await done;
    },
  };
  void done.then(() => {
    container.compression = null;
    // Started again while the last files of its run were compressed.
    const isAlive = container.process !== null || container.restart !== null;
    if (isAlive && !given.signal.aborted) compressLogOf(ctx, container);
  });
}
