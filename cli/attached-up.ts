/** `up` that stays: progress while the plan is executed, then the logs, until all has ended or somebody interrupts. */
import {
  executePlan,
  type ExecuteResult,
  observe,
  planStop,
  replicasAsked,
  type Observed,
  type Plan,
  type ProgressEvent,
  type Project,
} from '../compose/index.ts';
import type { EngineClient } from '../engine/client/index.ts';
import { createPrinter } from './commands/logs.ts';
import { monitoredServices } from './attachment.ts';
import { Cascade } from './cascade.ts';
import type { Context } from './context.ts';
import { ExitMonitor } from './exit-monitor.ts';
import { LogFollower } from './log-follower.ts';
import { watchStarts } from './project-events.ts';
import { shortName } from './select.ts';
import { planOptions } from './plan-options.ts';
import { Interrupted } from './signals.ts';
import { compareText } from './ui/format.ts';
import type { LogPrinter } from './ui/log-printer.ts';
import { plainProgress } from './ui/progress-plain.ts';
import type { ProgressView } from './ui/progress.ts';
import type { UpRequest } from './up-request.ts';

export interface AttachedRequest {
  readonly request: UpRequest;
  readonly context: Context;
  /** Services whose logs are shown. */
  readonly attached: ReadonlySet<string>;
  readonly engine: EngineClient;
  readonly project: Project;
  readonly observed: Observed;
  readonly plan: Plan;
}

export async function runAttached(attached: AttachedRequest): Promise<number> {
  const { context } = attached;
  const ending = new AbortController();
  const session = createSession(attached, ending.signal);
  try {
    await session.opened;
    const names = expectedNames(attached);
    if (names.length > 0) context.ui.notice(`Attaching to ${names.join(', ')}`);
    await startAll(attached, session);
    const isInterrupted = await untilInterrupted(context.interrupts.graceful, [
      untilEnded(session),
      session.cascade.triggered,
      session.failed,
    ]);
    if (!isInterrupted) return await finish(attached, session);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    if (!context.interrupts.graceful.aborted) ending.abort();
  }
  try {
    context.ui.notice('Gracefully Stopping... press Ctrl+C again to force');
    await stopAll(attached, { signal: context.interrupts.forced, ...servicesOf(attached.request) });
    await untilEnded(session);
  } finally {
    ending.abort();
  }
  return 130;
}

/** All has ended by itself, or one end is to end all. */
async function finish(attached: AttachedRequest, session: Session): Promise<number> {
  const { context } = attached;
  if (session.cascade.isTriggered) {
    context.ui.notice('Aborting on container exit...');
    // Whoever is impatient now wants it at once.
    const { graceful: signal } = context.interrupts;
    await stopAll(attached, { signal, ...servicesOf(attached.request) });
    await untilEnded(session);
  }
  return session.cascade.exitCode;
}

async function untilEnded({ monitor, follower }: Session): Promise<void> {
  await monitor.ended();
  await follower.ended();
}

/** Output of hooks is no log of the container's. */
function hookName(name: string): string {
  return `${name} ->`;
}

interface Session {
  readonly printer: LogPrinter;
  readonly follower: LogFollower;
  readonly monitor: ExitMonitor;
  readonly cascade: Cascade;
  readonly opened: Promise<void>;
  readonly failed: Promise<never>;
  /** The plan was executed: starts from now on are news. */
  isStarted: boolean;
}

function createSession(attached: AttachedRequest, signal: AbortSignal): Session {
  const { request, context, engine, project } = attached;
  const printer = createPrinter(request, context);
  const hooked = Object.keys(project.services).filter(
    (name) => project.services[name]?.post_start !== undefined,
  );
  const names = expectedNames(attached);
  const ownNames = expectedNames({ ...attached, attached: new Set(hooked) });
  printer.reserve([...names, ...ownNames.filter((name) => names.includes(name)).map(hookName)]);
  const { revive } = context;
  const follower = new LogFollower({ engine, printer, signal, revive });
  const cascade = new Cascade(request);
  const monitor = new ExitMonitor({
    ...{ engine, signal, revive },
    onExit: (exit) => {
      cascade.see(exit);
    },
  });
  const monitored = monitoredServices(project, request);
  const starts = watchStarts({
    engine,
    project: project.name,
    signal,
    follower,
    revive,
    // While the plan is executed, its own progress says when; see startAll.
    isWanted: (service) => session.isStarted && attached.attached.has(service),
    onStart: (id, service) => {
      if (session.isStarted && monitored.has(service)) monitor.watch(id, service);
    },
  });
  const session: Session = {
    printer,
    follower,
    monitor,
    cascade,
    opened: starts.opened,
    failed: starts.failed,
    isStarted: false,
  };
  return session;
}

/** Known before the first line, so that the column of names never moves. */
function expectedNames({ project, attached, request }: AttachedRequest): string[] {
  const scale = new Map(request.scale);
  return Object.entries(project.services)
    .filter(([name]) => attached.has(name))
    .flatMap(([name, service]) =>
      Array.from(
        { length: scale.get(name) ?? replicasAsked(service) },
        (_, index) => service.container_name ?? `${name}-${index + 1}`,
      ),
    )
    .sort(compareText);
}

/** How long a progress display may hold back the logs of what has started already. */
const longestSilenceMs = 1000;

/**
 * Executes the plan. Logs are on disk from a container's first byte on, so reading them may begin later than the
 * container without losing any: in a terminal they wait until the display is complete, or a second at most.
 */
async function startAll(attached: AttachedRequest, session: Session): Promise<void> {
  const { context, engine, project, observed, plan, request } = attached;
  const display = await createDisplay(context, plan);
  const monitored = monitoredServices(project, request);
  const follow = (name: string, id: string, since?: string): void => {
    session.follower.follow(
      id,
      shortName(name, project.name),
      since === undefined ? {} : { since },
    );
  };
  const since = await engineNow(engine, context.interrupts.graceful);
  let started: ExecuteResult;
  try {
    started = await executePlan(plan, {
      ...{ engine, project, observed, ...planOptions(context) },
      signal: context.interrupts.graceful,
      onOutput: ({ container, service, stream, text }) => {
        if (service === null || !attached.attached.has(service)) return;
        const name = hookName(shortName(container, project.name));
        display.whenLogsMayFlow(
          () => void session.printer.print(name, { stream, text, timestamp: null }),
        );
      },
      onProgress: (event) => {
        display.event(event);
        const { resource, status, id, service, name } = event;
        const isNew = resource === 'container' && status === 'started' && id !== undefined;
        if (!isNew || service === undefined) return;
        if (monitored.has(service)) session.monitor.watch(id, service);
        if (!attached.attached.has(service)) return;
        const isOld = observed.containers.some((container) => container.id === id);
        display.whenLogsMayFlow(() => {
          follow(name, id, isOld ? since : undefined);
        });
      },
    });
  } finally {
    await display.end();
  }
  for (const warning of started.warnings) context.ui.warn(warning);
  session.isStarted = true;
  for (const { name, id, service } of plan.kept) {
    if (monitored.has(service)) session.monitor.watch(id, service);
    if (attached.attached.has(service)) follow(name, id, since);
  }
}

/** The engine's clock, not ours: it may run on another machine. */
async function engineNow(engine: EngineClient, signal: AbortSignal): Promise<string> {
  const { SystemTime } = await engine.info({ signal });
  return SystemTime;
}

interface Display {
  event(event: ProgressEvent): void;
  /** Runs the action now or as soon as log lines would not tear the display. */
  whenLogsMayFlow(action: () => void): void;
  end(): Promise<void>;
}

async function createDisplay({ ui }: Context, plan: Plan): Promise<Display> {
  let view: ProgressView = await ui.progress();
  let held: (() => void)[] | null = ui.progressStyle === 'tty' ? [] : null;
  let timer: NodeJS.Timeout | undefined;
  view.begin(plan);
  const release = async (): Promise<void> => {
    clearTimeout(timer);
    const before = view;
    // What is not done yet goes on as plain lines between those of the logs.
    if (held !== null) view = plainProgress(ui.stderr);
    await before.end();
    const actions = held ?? [];
    held = null;
    for (const action of actions) action();
  };
  return {
    event: (event) => {
      view.event(event);
    },
    whenLogsMayFlow: (action) => {
      if (held === null) {
        action();
        return;
      }
      held.push(action);
      timer ??= setTimeout(() => void release(), longestSilenceMs);
    },
    end: release,
  };
}

/** True when the interrupt came first. */
async function untilInterrupted(
  signal: AbortSignal,
  ends: readonly Promise<unknown>[],
): Promise<boolean> {
  let onAbort: () => void = () => undefined;
  const interrupted = new Promise<boolean>((resolve) => {
    onAbort = () => {
      resolve(true);
    };
    if (signal.aborted) resolve(true);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([interrupted, ...ends.map((end) => end.then(() => false))]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function servicesOf({ services }: UpRequest): { readonly services?: readonly string[] } {
  return services !== undefined && services.length > 0 ? { services } : {};
}

/** Stops in reverse order of dependency while the logs flow on; the signal kills what still runs. */
async function stopAll(
  { context, engine, project, request }: AttachedRequest,
  { signal, services }: { readonly signal: AbortSignal; readonly services?: readonly string[] },
): Promise<void> {
  const { ui } = context;
  const view = ui.progressStyle === 'tty' ? plainProgress(ui.stderr) : await ui.progress();
  try {
    const observed = await observe(engine, project.name, { signal });
    const { timeout } = request;
    const plan = planStop(observed, {
      project,
      ...(services !== undefined && { services }),
      ...(timeout !== undefined && { timeoutSeconds: timeout }),
    });
    view.begin(plan);
    await executePlan(plan, {
      engine,
      project,
      observed,
      signal,
      onProgress: (event) => {
        view.event(event);
      },
    });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    await killAll(engine, project.name);
  } finally {
    await view.end();
  }
}

async function killAll(engine: EngineClient, project: string): Promise<void> {
  const signal = AbortSignal.timeout(5000);
  const { containers } = await observe(engine, project, { signal });
  const running = containers.filter(
    ({ status, isOneOff }) => !isOneOff && (status === 'running' || status === 'paused'),
  );
  const results = await Promise.allSettled(
    running.map(({ id }) => engine.containers.kill(id, { signal })),
  );
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failures.length > 0)
    throw new AggregateError(failures, 'not every container could be killed');
}
