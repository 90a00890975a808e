import { EngineError } from '../api/index.ts';
import { isSyscallError } from '../../native/index.ts';
import { reasonOf } from '../lib/index.ts';
import { ShimError } from '../runtime/index.ts';
import { changeRecord } from './change.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishAttachments, publishContainer } from './events.ts';
import { RuntimeFailure } from './foreign.ts';
import { launch, startFailure } from './launch.ts';
import { withContainer } from './locked.ts';
import { networkFailure } from './network-failure.ts';
import { withPortHolder } from './port-holder.ts';
import { removeStopped } from './remove.ts';
import { assertMove, isAlive } from './state.ts';
import { cancelRestart } from './stop.ts';
import { adopt } from './supervise.ts';

/** Resolves when the program runs; `not-modified` when it does already. `signal` ends the wait for its turn only. */
export async function startContainer(
  ctx: ContainerContext,
  ref: string,
  signal?: AbortSignal,
): Promise<void> {
  await withContainer(ctx, ref, { work: (container) => startLocked(ctx, container), signal });
}

/** The caller holds the container's lock. */
export async function startLocked(ctx: ContainerContext, container: Container): Promise<void> {
  const wasRestarting = container.restart !== null;
  if (wasRestarting) await cancelRestart(ctx, container);
  if (isAlive(container.status)) {
    throw new EngineError('not-modified', `container "${container.name}" is running already`);
  }
  assertMove(container.name, container.status, 'running');
  container.record = {
    ...container.record,
    run: { ...container.record.run, restartCount: 0, restartDelayMs: 0, goodRestarts: 0 },
  };
  try {
    await launch(ctx, container);
  } catch (error) {
    await noteFailure(ctx, container, error);
    if (wasRestarting) container.announceExit();
    throw toEngineError(ctx, container, error);
  }
  publishAttachments(ctx, container, 'taken');
  publishContainer(ctx, container, { action: 'start' });
  void adopt(ctx, container);
}

/**
 * The status stays what it was; inspect shows why the start failed. One that removes itself has nobody else to do it,
 * and clients wait for its removal (moby `daemon/start.go`).
 */
async function noteFailure(
  ctx: ContainerContext,
  container: Container,
  error: unknown,
): Promise<void> {
  const { exitCode, message } = startFailure(error);
  await changeRecord(ctx, container, (record) => ({
    ...record,
    run: { ...record.run, exitCode, error: message },
  }));
  if (container.record.hostConfig.AutoRemove !== true) return;
  await removeStopped(ctx, container, { withVolumes: true });
}

function toEngineError(
  { containers }: ContainerContext,
  container: Container,
  failure: unknown,
): unknown {
  const error = reasonOf(failure);
  const refused = networkFailure(error, {
    prefix: `cannot start "${container.name}": `,
    details: { container: container.name },
  });
  if (refused !== null) return withPortHolder(refused, containers);
  if (error instanceof ShimError && error.isKilled) {
    return new EngineError('internal', `cannot start "${container.name}": ${error.message}`, {
      hint: 'the kernel’s log (dmesg) says whether memory was short, of the machine or of the container; start it again',
      cause: error,
    });
  }
  if (error instanceof ShimError || error instanceof RuntimeFailure) {
    return new EngineError('invalid-argument', startFailure(error).message, { cause: error });
  }
  if (isSyscallError(error)) {
    return new EngineError('internal', `cannot start "${container.name}": ${error.message}`, {
      cause: error,
    });
  }
  return error;
}
