/** The execs of the API: made, started once, inspected until some time after their end. */
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';
import type { ExecCreateRequest, ExecInspect } from '../api/index.ts';
import { createId } from '../lib/index.ts';
import type { TerminalSize } from '../runtime/index.ts';
import { isSyscallError } from '../../native/index.ts';
import { forwardInput } from './client-streams.ts';
import type { ClientStreams } from './client-streams.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { publishContainer } from './events.ts';
import type { Exec, Execs } from './exec-store.ts';
import { newExec } from './exec-store.ts';
import { closedWithin, ExecFailure, lastWordsMs, notRunning, runExec, tooOld } from './exec.ts';
import type { ExecEnd, RunningExec } from './exec.ts';
import { findUser } from './exec-process.ts';
import type { ExecProcessContext } from './exec-process.ts';
import { requireResponsive } from './responsive.ts';

type Context = ExecProcessContext & Pick<ContainerContext, 'containers' | 'events' | 'log'>;

export async function createExec(
  ctx: Context & { readonly execs: Execs },
  ref: string,
  request: ExecCreateRequest,
): Promise<{ readonly Id: string }> {
  const container = ctx.containers.find(ref);
  requireActive(container, ref);
  requireResponsive(container);
  if (container.process?.execs.areServed === false) throw tooOld(container);
  if ((request.Cmd ?? []).length === 0) {
    throw new EngineError('invalid-argument', 'No exec command specified');
  }
  parseDetachKeys(request.DetachKeys ?? '', 'escape');
  const { User: user = '' } = request;
  const { process, record } = container;
  // Looked up again at its start: here Docker's client still shows why there is none.
  if (user !== '' && process !== null) await findUser(ctx, { record, process }, user);
  const exec = newExec({ id: createId(), container, request });
  ctx.execs.add(exec);
  publish(ctx, exec, { action: `exec_create: ${commandOf(exec)}` });
  return { Id: exec.id };
}

function requireActive(container: Container, ref: string): void {
  switch (container.status) {
    case 'running':
      return;
    case 'paused':
      throw new EngineError(
        'conflict',
        `Container ${ref} is paused, unpause the container before exec`,
      );
    case 'restarting':
      throw new EngineError(
        'conflict',
        `Container ${container.id} is restarting, wait until the container is running`,
      );
    default:
      throw notRunning(container);
  }
}

export function inspectExec(ctx: { readonly execs: Execs }, id: string): ExecInspect {
  const exec = ctx.execs.find(id);
  const { request } = exec;
  const [entrypoint = '', ...rest] = request.Cmd ?? [];
  return {
    ID: exec.id,
    Running: exec.state === 'starting' || exec.state === 'running',
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: request.Tty === true,
      entrypoint,
      arguments: rest,
      privileged: request.Privileged === true,
      ...(request.User !== undefined && request.User !== '' && { user: request.User }),
    },
    OpenStdin: request.AttachStdin === true,
    OpenStderr: request.AttachStderr === true,
    OpenStdout: request.AttachStdout === true,
    CanRemove: false,
    ContainerID: exec.container.id,
    DetachKeys: request.DetachKeys ?? '',
    Pid: exec.pid,
  };
}

/** Throws before anything is promised to a client that there is such an exec. */
export function describeExec(
  ctx: { readonly execs: Execs },
  id: string,
): { readonly isTty: boolean } {
  return { isTty: ctx.execs.find(id).request.Tty === true };
}

export interface ExecStartOptions {
  /** null: the one it was made with. */
  readonly size: TerminalSize | null;
  /** null: nobody is there; it is only started. */
  readonly client: ClientStreams | null;
}

/** With a client it resolves when the session is over: with the program's end, or when the client has detached. */
export async function startExec(
  ctx: Context & { readonly execs: Execs },
  id: string,
  { size, client }: ExecStartOptions,
): Promise<void> {
  const exec = ctx.execs.find(id);
  requireFresh(exec);
  requireActive(exec.container, exec.container.id);
  exec.state = 'starting';
  // Before the program: an engine that finds it, or its end, knows whose it is.
  await ctx.execs.keep(exec).catch((error: unknown) => {
    exec.state = 'created';
    throw error;
  });
  const running = await launch(ctx, exec, { size, client }).catch(async (error: unknown) => {
    noteEnd(exec, { exitCode: error instanceof ExecFailure ? error.exitCode : 126 });
    await ctx.execs.keep(exec);
    if (!(error instanceof ExecFailure)) throw error;
    throw new EngineError('invalid-argument', error.message, { cause: error });
  });
  exec.running = running;
  exec.pid = running.pid;
  exec.state = 'running';
  publish(ctx, exec, { action: `exec_start: ${commandOf(exec)}` });
  const session = client === null ? null : serve(exec, running, client);
  const over = follow(ctx, exec, { running, session });
  await (session === null ? undefined : Promise.race([session.detached, over]));
}

function requireFresh(exec: Exec): void {
  if (exec.state === 'created') return;
  const what = exec.state === 'ended' ? 'has already run' : 'is already running';
  throw new EngineError('conflict', `Error: Exec command ${exec.id} ${what}`);
}

function launch(
  ctx: Context,
  { id, container, request }: Exec,
  { size, client }: ExecStartOptions,
): Promise<RunningExec> {
  const [rows = 0, columns = 0] = request.ConsoleSize ?? [];
  const isAttached = client !== null;
  return runExec(ctx, container, {
    id,
    command: {
      args: request.Cmd ?? [],
      env: request.Env ?? [],
      user: request.User ?? '',
      workingDir: request.WorkingDir ?? '',
      isPrivileged: request.Privileged === true,
    },
    terminal: request.Tty === true ? (size ?? { rows, columns }) : null,
    attached: {
      stdin: isAttached && request.AttachStdin === true,
      stdout: isAttached && request.AttachStdout === true,
      stderr: isAttached && request.AttachStderr === true,
    },
  });
}

interface Session {
  readonly detached: Promise<void>;
  /** Everything that was printed has been passed on, or dropped for want of a client. */
  readonly drained: Promise<unknown>;
}

function serve({ request }: Exec, running: RunningExec, client: ClientStreams): Session {
  let isDetached = false;
  const drained = Promise.all(
    running.output.map(async ([stream, socket]) => {
      // The socket's own end is the session's; a failure is one too.
      for await (const chunk of socket as AsyncIterable<Uint8Array>) {
        if (!isDetached) await client.write(stream, chunk);
      }
    }),
  ).catch(() => undefined);
  const { input } = running;
  const wantsInput = input !== null && (request.AttachStdin === true || request.Tty !== true);
  const detached = new Promise<void>((resolve) => {
    if (!wantsInput) return;
    const keys = request.Tty === true ? parseDetachKeys(request.DetachKeys ?? '') : null;
    // A connection that breaks is a client that has gone.
    const forwarded = forwardInput(client, { input, detachKeys: keys }).catch(() => 'ended');
    void forwarded.then((why) => {
      if (why === 'detached') {
        isDetached = true;
        resolve();
      }
      // A terminal stays: to close it is to hang up.
      if (request.Tty !== true) input.end();
    });
  });
  return { detached, drained };
}

/** A client that leaves changes nothing: the program goes on, and what it prints is dropped. */
export async function follow(
  ctx: Pick<Context, 'events' | 'log'> & { readonly execs: Execs },
  exec: Exec,
  { running, session }: { readonly running: RunningExec; readonly session: Session | null },
): Promise<void> {
  const sockets = running.output.map(([, socket]) => socket);
  // A terminal that nobody reads would hold its programs up.
  if (session === null) for (const socket of sockets) socket.resume();
  const end = await running.ended;
  await Promise.race([session?.drained, closedWithin(sockets, lastWordsMs)]);
  await session?.drained;
  running.input?.destroy();
  noteEnd(exec, end);
  publish(ctx, exec, { action: 'exec_die', extra: { exitCode: String(end.exitCode) } });
  void keepEnd(ctx, exec, running);
}

/** The client that has heard of the end asks for its exit code: that comes first. */
const keepEndAfterMs = 10;

/** Never rejects. Nobody waits for it: until it is done, the shim would tell the next engine. */
async function keepEnd(
  ctx: Pick<Context, 'log'> & { readonly execs: Execs },
  exec: Exec,
  { forget }: RunningExec,
): Promise<void> {
  try {
    await delay(keepEndAfterMs);
    await ctx.execs.keep(exec);
    await forget();
  } catch (error) {
    ctx.log.error('cannot keep the end of an exec', { exec: exec.id, error: String(error) });
  }
}

export function noteEnd(exec: Exec, { exitCode }: ExecEnd): void {
  exec.state = 'ended';
  exec.exitCode = exitCode;
  exec.running = null;
  exec.endedAtMs = Date.now();
}

export async function resizeExec(
  ctx: { readonly execs: Execs },
  id: string,
  size: TerminalSize,
): Promise<void> {
  const exec = ctx.execs.find(id);
  if (exec.running === null) {
    throw new EngineError('conflict', `exec ${id} is not running`);
  }
  try {
    await exec.running.resize(size);
  } catch (error) {
    // It has ended since, or has no terminal.
    if (!isSyscallError(error, 'ESRCH')) throw error;
    throw new EngineError('conflict', `exec ${id} has no terminal`, { cause: error });
  }
}

function commandOf({ request }: Exec): string {
  return (request.Cmd ?? []).join(' ');
}

function publish(
  ctx: Pick<Context, 'events'>,
  { container, id }: Exec,
  event: { readonly action: string; readonly extra?: Readonly<Record<string, string>> },
): void {
  publishContainer(ctx, container, {
    action: event.action,
    extra: { execID: id, ...event.extra },
  });
}
