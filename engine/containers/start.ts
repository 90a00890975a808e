import { EngineError } from '../api/index.ts';
import { NetworkError } from '../../network/index.ts';
import { isSyscallError } from '../../native/index.ts';
import { ShimError } from '../runtime/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishAttachments, publishContainer } from './events.ts';
import { launch, startFailure } from './launch.ts';
import { assertMove, isAlive } from './state.ts';
import { cancelRestart } from './stop.ts';
import { adopt } from './supervise.ts';

/** Resolves when the program runs; `not-modified` when it does already. */
export async function startContainer(
  ctx: ContainerContext,
  ref: string,
  signal?: AbortSignal,
): Promise<void> {
  const container = ctx.containers.find(ref);
  await ctx.locks.run(container.id, () => startLocked(ctx, container, signal), signal);
}

/** The caller holds the container's lock. */
export async function startLocked(
  ctx: ContainerContext,
  container: Container,
  signal?: AbortSignal,
): Promise<void> {
  if (container.restart !== null) await cancelRestart(ctx, container);
  if (isAlive(container.status)) {
    throw new EngineError('not-modified', `container "${container.name}" is running already`);
  }
  assertMove(container.name, container.status, 'running');
  container.lastDelayMs = 0;
  container.record = {
    ...container.record,
    run: { ...container.record.run, restartCount: 0 },
  };
  try {
    await launch(ctx, container, signal);
  } catch (error) {
    await noteFailure(ctx, container, error);
    throw toEngineError(container, error);
  }
  publishAttachments(ctx, container, 'taken');
  publishContainer(ctx, container, { action: 'start' });
  void adopt(ctx, container);
}

/** The status stays what it was; inspect shows why the start failed (moby `daemon/start.go`). */
async function noteFailure(
  ctx: ContainerContext,
  container: Container,
  error: unknown,
): Promise<void> {
  const { exitCode, message } = startFailure(error);
  const { run } = container.record;
  container.record = { ...container.record, run: { ...run, exitCode, error: message } };
  await ctx.records.put(container.id, container.record);
}

const kindOf = {
  'invalid-argument': 'invalid-argument',
  'network-not-found': 'not-found',
  'port-in-use': 'conflict',
  unsupported: 'not-implemented',
} as const satisfies Partial<Record<NetworkError['code'], EngineError['kind']>>;

function toEngineError(container: Container, error: unknown): unknown {
  if (error instanceof NetworkError) {
    const kind =
      (kindOf as Readonly<Record<string, EngineError['kind']>>)[error.code] ?? 'forbidden';
    return new EngineError(kind, `cannot start "${container.name}": ${error.message}`, {
      ...(error.hint !== undefined && { hint: error.hint }),
      details: { code: error.code, container: container.name, ...texts(error.fields) },
      cause: error,
    });
  }
  if (error instanceof ShimError) {
    return new EngineError('invalid-argument', startFailure(error).message, { cause: error });
  }
  if (isSyscallError(error)) {
    return new EngineError('internal', `cannot start "${container.name}": ${error.message}`, {
      cause: error,
    });
  }
  return error;
}

function texts(fields: NetworkError['fields']): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)]));
}
