/** Containers of a project that start while somebody watches: restarts, and replicas that another command makes. */
import type { ContainerSummary, EventMessage } from '../engine/api/index.ts';
import type { EventsOptions, EventStream, ListContainersOptions } from '../engine/client/index.ts';
import type { LogFollower } from './log-follower.ts';
import {
  isOneOff,
  nameOf,
  oneOffLabel,
  projectFilter,
  serviceLabel,
  serviceOf,
  shortName,
} from './select.ts';

const numberLabel = 'com.docker.compose.container-number';

/** The engine calls that watching makes. */
export interface EventsPort {
  events(options: EventsOptions): EventStream;
  readonly containers: {
    list(options: ListContainersOptions): Promise<readonly ContainerSummary[]>;
  };
}

export interface StartsRequest {
  readonly engine: EventsPort;
  readonly project: string;
  readonly signal: AbortSignal;
  readonly follower: LogFollower;
  readonly isWanted: (service: string, number: string) => boolean;
  /** Told of every start of a service's container, wanted or not. */
  readonly onStart?: (id: string, service: string) => void;
  /** Resolves when the engine answers again; rejects when it does not come back. */
  readonly revive: () => Promise<void>;
}

export interface WatchedStarts {
  /** Resolves when no start can be missed any more. */
  readonly opened: Promise<void>;
  /** Never resolves; rejects when the engine is gone for good. */
  readonly failed: Promise<never>;
}

/** Hands every start of a wanted service to the follower until the signal. */
export function watchStarts(request: StartsRequest): WatchedStarts {
  const first = subscribe(request);
  const failed = watch(first, request).then(
    () => new Promise<never>(() => undefined),
    (error: unknown) => {
      if (request.signal.aborted) return new Promise<never>(() => undefined);
      throw error;
    },
  );
  // Whoever does not wait for it still must not be ended by it.
  failed.catch(() => undefined);
  return { opened: first.opened, failed };
}

function subscribe({ engine, project, signal }: StartsRequest): EventStream {
  const filters = {
    ...projectFilter(project),
    type: ['container'],
    event: ['start', 'die', 'stop', 'destroy'],
  };
  return engine.events({ filters, signal });
}

async function watch(first: EventStream, request: StartsRequest): Promise<void> {
  let events = first;
  while (!request.signal.aborted) {
    try {
      for await (const event of events) handle(event, request);
    } catch {
      // The engine has gone, by a crash or an upgrade; whether it comes back, revive tells.
      request.signal.throwIfAborted();
    }
    await request.revive();
    events = subscribe(request);
    await events.opened;
    await catchUp(request);
  }
}

function handle({ Action, Actor }: EventMessage, request: StartsRequest): void {
  const { ID, Attributes } = Actor;
  if (Action === 'die') {
    request.follower.noteEnd(ID, Number(Attributes['exitCode']));
    return;
  }
  if (Action !== 'start') {
    request.follower.release(ID);
    return;
  }
  // What `run` starts is nobody's replica, and has its own reader.
  if (Attributes[oneOffLabel] === 'True') return;
  const service = Attributes[serviceLabel] ?? '';
  request.onStart?.(ID, service);
  if (!request.isWanted(service, Attributes[numberLabel] ?? '')) return;
  const name = Attributes['name'] ?? ID.slice(0, 12);
  request.follower.follow(ID, shortName(name, request.project));
}

/** What started while nobody told us. */
async function catchUp({
  engine,
  project,
  signal,
  follower,
  isWanted,
  onStart,
}: StartsRequest): Promise<void> {
  const running = await engine.containers.list({ filters: projectFilter(project), signal });
  for (const container of running) {
    if (isOneOff(container)) continue;
    onStart?.(container.Id, serviceOf(container));
    if (isWanted(serviceOf(container), container.Labels[numberLabel] ?? '')) {
      follower.follow(container.Id, shortName(nameOf(container), project));
    }
  }
}
