import type { ContainerSummary } from '../../engine/api/index.ts';
import type { EngineClient, LogsOptions } from '../../engine/client/index.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { advance, LogFollower, type LogStart, type ShownUntil } from '../log-follower.ts';
import { mergeByTime } from '../log-merge.ts';
import { parseIndex, parseMoment, parseTail, servicesArgument } from '../options.ts';
import { watchStarts } from '../project-events.ts';
import { isOneOff, nameOf, shortName } from '../select.ts';
import { LogPrinter } from '../ui/log-printer.ts';
import { plainStyle } from '../ui/style.ts';

interface LogsRequest {
  readonly services?: readonly string[];
  readonly follow?: boolean;
  readonly tail?: number | 'all';
  readonly since?: string;
  readonly until?: string;
  readonly timestamps?: boolean;
  readonly noColor?: boolean;
  readonly noLogPrefix?: boolean;
  readonly index?: number;
}

const numberLabel = 'com.docker.compose.container-number';

export const logsCommand: Command = defineCommand<LogsRequest>({
  name: 'logs',
  summary: 'show what the containers have written, in the order of time',
  arguments: [servicesArgument],
  options: {
    services: null,
    follow: { flags: '-f, --follow', description: 'go on with what they write from now on' },
    tail: {
      flags: '-n, --tail <lines>',
      description: 'only the last lines of each container, or "all"',
      parse: parseTail,
    },
    since: {
      flags: '--since <moment>',
      description: 'only lines from this moment on: an age like 42m, or a date',
      parse: (text) => parseMoment(text, Date.now()),
    },
    until: {
      flags: '--until <moment>',
      description: 'only lines before this moment',
      parse: (text) => parseMoment(text, Date.now()),
    },
    timestamps: { flags: '-t, --timestamps', description: 'put the time before each line' },
    noColor: { flags: '--no-color', description: 'prefixes without colour' },
    noLogPrefix: {
      flags: '--no-log-prefix',
      description: 'lines without the name of their container',
    },
    index: {
      flags: '--index <number>',
      description: 'only of this replica of the one service that is named',
      parse: parseIndex,
    },
  },
  examples: ['tscompose logs -f', 'tscompose logs --tail 20 web'],
  run: async (request, context) => {
    const project = await context.projectName();
    const engine = await context.engine();
    const signal = context.interrupts.graceful;
    const containers = await chosenContainers(request, context);
    const printer = createPrinter(request, context);
    printer.reserve(containers.map((container) => shortName(nameOf(container), project)));
    const session: Session = { engine, printer, project, signal, request, revive: context.revive };

    const shown = await printHistory(session, containers);
    if (request.follow === true) await followOn(session, containers, shown);
    await printer.flush();
    return undefined;
  },
});

/** What `run` has made is not the service's. */
async function chosenContainers(
  { services = [], index }: LogsRequest,
  context: Context,
): Promise<readonly ContainerSummary[]> {
  const [service = ''] = services;
  if (index !== undefined && services.length !== 1) {
    throw new CliError('--index requires one service to be selected');
  }
  const { listContainers } = await import('../listed.ts');
  const found = await listContainers(context, { services, all: true });
  const replicas = found.filter((container) => !isOneOff(container));
  if (index === undefined) return replicas;
  const chosen = replicas.filter(({ Labels }) => Labels[numberLabel] === String(index));
  if (chosen.length === 0) {
    throw new CliError(`service "${service}" is not running container #${index}`);
  }
  return chosen;
}

interface Session {
  readonly engine: EngineClient;
  readonly printer: LogPrinter;
  readonly project: string;
  readonly signal: AbortSignal;
  readonly request: LogsRequest;
  readonly revive: () => Promise<void>;
}

export function createPrinter(
  request: Pick<LogsRequest, 'noColor' | 'noLogPrefix' | 'timestamps'>,
  { ui }: Context,
): LogPrinter {
  return new LogPrinter({
    stdout: ui.stdout,
    stderr: ui.stderr,
    style: request.noColor === true ? plainStyle : ui.stdoutStyle,
    hasPrefix: request.noLogPrefix !== true,
    hasTimestamps: request.timestamps === true,
  });
}

/** What is there already. Returns how far that went for each container, for who follows on. */
async function printHistory(
  { engine, printer, project, signal, request }: Session,
  containers: readonly ContainerSummary[],
): Promise<ReadonlyMap<string, ShownUntil>> {
  const shown = new Map<string, ShownUntil>();
  const ids = new Map<string, string>();
  const options: LogsOptions = { ...rangeOf(request), timestamps: true, signal };
  const followed = new Set(
    request.follow === true ? containers.filter(mayGoOn).map(({ Id }) => Id) : [],
  );
  const sources = containers.map((container) => {
    const name = shortName(nameOf(container), project);
    ids.set(name, container.Id);
    return { name, lines: engine.containers.logs(container.Id, options) };
  });
  for await (const { name, line } of mergeByTime(sources)) {
    const id = ids.get(name) ?? name;
    // Who follows on gives it whole, or at the container's end.
    if (line.isUnfinished === true && followed.has(id)) continue;
    const next = advance(shown.get(id), line);
    if (next !== undefined) shown.set(id, next);
    const slow = printer.print(name, line);
    if (slow !== undefined) await slow;
  }
  return shown;
}

function mayGoOn({ State }: ContainerSummary): boolean {
  return State !== 'exited' && State !== 'dead';
}

/** Ends when every container has ended, or with the interrupt. */
async function followOn(
  session: Session,
  containers: readonly ContainerSummary[],
  shown: ReadonlyMap<string, ShownUntil>,
): Promise<void> {
  const { engine, printer, project, signal, request } = session;
  const ending = new AbortController();
  const follower = new LogFollower({
    engine,
    printer,
    signal: AbortSignal.any([signal, ending.signal]),
    revive: session.revive,
  });
  const services = new Set(request.services ?? []);
  const starts = watchStarts({
    engine,
    project,
    signal: ending.signal,
    follower,
    revive: session.revive,
    isWanted: (service, number) =>
      (services.size === 0 || services.has(service)) &&
      (request.index === undefined || number === String(request.index)),
  });
  await starts.opened;
  for (const container of containers) {
    if (!mayGoOn(container)) continue;
    const after = shown.get(container.Id);
    // Nothing shown means that nothing in the range was there, unless no history was asked for.
    const start: LogStart =
      after === undefined ? rangeOf(request) : { after: behind(after, request) };
    follower.follow(container.Id, shortName(nameOf(container), project), start);
  }
  try {
    await Promise.race([follower.ended(), starts.failed]);
  } finally {
    ending.abort();
  }
  signal.throwIfAborted();
}

/**
 * The history was read to its end, so all of its last moment was there. With --tail only some of that moment's lines
 * were shown, and which they were their number does not tell: all are old.
 */
function behind({ timestamp, count }: ShownUntil, { tail }: LogsRequest): ShownUntil {
  return { timestamp, count: typeof tail === 'number' ? Infinity : count };
}

function rangeOf({ tail, since, until }: LogsRequest): Pick<LogsOptions, 'since' | 'until'> & {
  readonly tail?: number;
} {
  return {
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(typeof tail === 'number' && { tail }),
  };
}
