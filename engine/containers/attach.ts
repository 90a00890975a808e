/**
 * Clients at a container's own streams. What it prints is read back from its log, which is complete and has no
 * reader to wait for: so a client may be as slow as it likes, come back, or begin with what was printed before. What
 * clients type goes to the shim, and on to the container.
 */
import { EngineError } from '../api/index.ts';
import { endOfLog, followFrames, startOfLog } from '../runtime/index.ts';
import type { TerminalSize } from '../runtime/index.ts';
import { isSyscallError } from '../../native/index.ts';
import { forwardInput } from './client-streams.ts';
import type { ClientStreams } from './client-streams.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { publishContainer } from './events.ts';
import { notRunning, openSocket, tooOld } from './exec.ts';
import { requireResponsive } from './responsive.ts';

type Context = Pick<ContainerContext, 'containers' | 'layout' | 'events' | 'log'>;

export interface AttachOptions {
  /** What was printed before comes first. */
  readonly logs: boolean;
  /** What is printed from now on, until the container has ended. */
  readonly stream: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string;
}

export interface Attachment {
  readonly isTty: boolean;
  /** Resolves when the session is over. */
  readonly run: (client: ClientStreams) => Promise<void>;
}

/** Begins at the moment it returns: whatever is printed after it reaches the client. A container may start later. */
export async function attachContainer(
  ctx: Context,
  ref: string,
  options: AttachOptions,
): Promise<Attachment> {
  const container = ctx.containers.find(ref);
  if (container.status === 'paused') {
    throw new EngineError(
      'conflict',
      `container ${ref} is paused, unpause the container before attach`,
    );
  }
  if (container.status === 'restarting') {
    throw new EngineError(
      'conflict',
      `container ${ref} is restarting, wait until the container is running`,
    );
  }
  const detachKeys = parseDetachKeys(options.detachKeys);
  const { log } = ctx.layout.container(container.id);
  const from = options.logs ? await startOfLog(log) : await endOfLog(log);
  const over = new AbortController();
  const ended = endOf(container, options, over.signal);
  const isTty = container.record.config.Tty === true;
  publishContainer(ctx, container, { action: 'attach' });
  return {
    isTty,
    run: (client) =>
      noted(container, async () => {
        const stop = (): void => {
          over.abort();
        };
        client.gone.addEventListener('abort', stop, { once: true });
        // It may have left before there was anybody to tell.
        if (client.gone.aborted) stop();
        const input =
          options.stdin && options.stream ? serveInput(container, client, detachKeys) : null;
        void input?.then((why) => {
          if (why !== 'detached') return;
          publishContainer(ctx, container, { action: 'detach' });
          over.abort();
        });
        try {
          for await (const { frames } of followFrames(log, { from, ended, signal: over.signal })) {
            for (const frame of frames) await pass(client, options, frame);
          }
        } finally {
          client.gone.removeEventListener('abort', stop);
          over.abort();
        }
      }),
  };
}

/** What is to be read stays until the reader has it. */
async function noted(container: Container, session: () => Promise<void>): Promise<void> {
  const over = session();
  const settled = over.catch(() => undefined);
  container.attachments.add(settled);
  try {
    await over;
  } finally {
    container.attachments.delete(settled);
  }
}

async function pass(
  client: ClientStreams,
  { stdout, stderr }: AttachOptions,
  { stream, payload }: { readonly stream: string; readonly payload: Uint8Array },
): Promise<void> {
  if (stream === 'stdout' && stdout) await client.write('stdout', payload);
  if (stream === 'stderr' && stderr) await client.write('stderr', payload);
}

/** Of the run under way, or of the next one; at once when only the past is wanted. */
function endOf(
  container: Container,
  { stream }: AttachOptions,
  signal: AbortSignal,
): Promise<unknown> {
  return stream ? container.nextExitUnless(signal) : Promise.resolve();
}

async function serveInput(
  container: Container,
  client: ClientStreams,
  detachKeys: readonly number[],
): Promise<'ended' | 'detached'> {
  const { config } = container.record;
  if (config.OpenStdin !== true) return 'ended';
  await container.started;
  const { process } = container;
  if (process === null) return 'ended';
  await process.answers;
  try {
    const input = openSocket(await process.openInput(), { writable: true });
    const keys = config.Tty === true ? detachKeys : null;
    const why = await forwardInput(client, { input, detachKeys: keys });
    input.end();
    // With StdinOnce the first client's end is the program's end of input; without, others may come.
    if (why === 'ended' && config.StdinOnce === true && config.Tty !== true) {
      await process.endInput();
    }
    return why;
  } catch (error) {
    // The container has ended, its input was closed before, or its shim is one of an older engine and has none.
    if (isSyscallError(error, 'EPIPE', 'ESRCH', 'EAGAIN', 'EOPNOTSUPP')) return 'ended';
    throw error;
  }
}

export async function resizeContainer(
  ctx: Pick<Context, 'containers' | 'events'>,
  ref: string,
  size: TerminalSize,
): Promise<void> {
  const container = ctx.containers.find(ref);
  if (container.process === null) throw notRunning(container);
  requireResponsive(container);
  try {
    await container.process.resize(size);
  } catch (error) {
    if (isSyscallError(error, 'EOPNOTSUPP')) throw tooOld(container, error);
    if (!isSyscallError(error, 'ENOTTY')) throw error;
    const message = `container ${container.id} has no terminal`;
    throw new EngineError('conflict', message, { cause: error });
  }
  const extra = { height: String(size.rows), width: String(size.columns) };
  publishContainer(ctx, container, { action: 'resize', extra });
}
