/** `run`: a container more of a service, in front of the user until it ends. */
import { randomBytes } from 'node:crypto';
import { observe, oneOffName, type OneOffOptions, planOneOff } from '../compose/index.ts';
import { EngineError } from '../engine/api/index.ts';
import type { EngineClient } from '../engine/client/index.ts';
import type { RunRequest } from './commands/run.ts';
import type { Context } from './context.ts';
import { planOptions } from './plan-options.ts';
import { orphanOptions } from './prepare.ts';
import { overridesOf } from './run-overrides.ts';
import { executeShowing } from './show-plan.ts';
import { Interrupted } from './signals.ts';
import { quietProgress } from './ui/progress.ts';
import { runSession } from './ui/terminal.ts';

export async function runService(request: RunRequest, context: Context): Promise<number> {
  const { ui, interrupts, env } = context;
  const signal = interrupts.graceful;
  const { service = '', removeOrphans } = request;
  const overrides = overridesOf(request, { env, workingDirectory: process.cwd() });
  const loaded = await context.project({ services: [service] });
  await context.consent(loaded, {});
  const { completeProject } = await import('./outside/complete.ts');
  const { noDeps, dryRun } = request;
  const project = await completeProject(context, loaded, {
    ...{ services: [service], noDeps, isDryRun: dryRun },
  });
  const options = optionsOf(request, {
    overrides,
    ...orphanOptions(project, { removeOrphans: removeOrphans === true }),
  });
  const engine = await context.engine();
  const observed = await observe(engine, project.name, { signal });
  const plan = planOneOff(project, observed, options);
  for (const warning of plan.warnings) ui.warn(warning);
  const shown =
    request.quiet === true ? { ...ui, progress: () => Promise.resolve(quietProgress) } : ui;
  const executed = await executeShowing({
    ...{ plan, engine, observed, project, ui: shown, signal },
    ...planOptions(context, request),
  });
  if (executed === null) return 0;
  const { Id } = await engine.containers.inspect(oneOffName(project, options), { signal });
  if (!options.isDetached) return runAttached({ engine, context, id: Id, options });
  await ui.stdout.write(`${Id}\n`);
  return 0;
}

function optionsOf(
  request: RunRequest,
  given: Pick<OneOffOptions, 'overrides' | 'ignoreOrphans' | 'removeOrphans'>,
): OneOffOptions {
  const isPlain = request.noTty === true || request.noTTY === true;
  const { name, pull } = request;
  return {
    ...given,
    service: request.service ?? '',
    slug: randomBytes(32).toString('hex'),
    ...(name !== undefined && { name }),
    ...(pull !== undefined && { pull: pull as 'always' | 'missing' | 'never' }),
    build: request.build === true,
    noDeps: request.noDeps === true,
    isTty: !isPlain && process.stdout.isTTY,
    isInteractive: request.noInteractive !== true,
    isDetached: request.detach === true,
    autoRemove: request.rm === true,
    useAliases: request.useAliases === true,
  };
}

interface AttachedRun {
  readonly engine: EngineClient;
  readonly context: Context;
  readonly id: string;
  readonly options: OneOffOptions;
}

/** Attached before it is started, so that its first byte and its end are seen. */
async function runAttached({ engine, context, id, options }: AttachedRun): Promise<number> {
  const { autoRemove, isTty, isInteractive } = options;
  const condition = autoRemove ? 'removed' : 'next-exit';
  const { exited } = await engine.containers.watchExit(id, { condition });
  const connection = await engine.containers.attach(id, { stdin: isInteractive });
  using _forwarding = forwardSignals(engine, context, id);
  try {
    await engine.containers.start(id);
  } catch (error) {
    connection.socket.destroy();
    // Nobody will end it, so nobody would remove it.
    if (autoRemove) await removeIfThere(engine, id);
    throw error;
  }
  const { stdin, stdout, stderr } = process;
  await runSession(connection, {
    ...{ streams: { stdin, stdout, stderr }, sendsInput: isInteractive, isTty },
    resize: (size) => engine.containers.resize(id, size),
    // Interrupts are the program's business: what it makes of them ends the session.
    signal: new AbortController().signal,
  });
  if (await isDetachedNow(engine, id)) return 0;
  return (await exited).StatusCode;
}

async function removeIfThere(engine: EngineClient, id: string): Promise<void> {
  try {
    await engine.containers.remove(id, { force: true, volumes: true });
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
  }
}

/** By its detach keys: it goes on, and that is what was asked for. */
async function isDetachedNow(engine: EngineClient, id: string): Promise<boolean> {
  try {
    const { State } = await engine.containers.inspect(id);
    return State.Running;
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
    return false;
  }
}

function forwardSignals(engine: EngineClient, { interrupts }: Context, id: string): Disposable {
  const forward = function (this: AbortSignal): void {
    const reason: unknown = this.reason;
    const killSignal = reason instanceof Interrupted ? reason.signal : 'SIGINT';
    // It may have ended meanwhile.
    engine.containers.kill(id, { killSignal }).catch(() => undefined);
  };
  const signals = [interrupts.graceful, interrupts.forced];
  for (const signal of signals) signal.addEventListener('abort', forward, { once: true });
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) signal.removeEventListener('abort', forward);
    },
  };
}
