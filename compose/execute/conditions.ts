import type { EventMessage } from '../../engine/api/index.ts';
import { labels } from '../labels.ts';
import { ComposeError } from '../errors.ts';
import type { Observed } from '../plan/observed.ts';
import type { Condition } from '../plan/plan.ts';
import type { EnginePort } from './engine.ts';

/** What is known of a container: by the first look at it, then by events. */
interface Known {
  readonly phase: 'pending' | 'running' | 'exited';
  readonly health: 'unknown' | 'healthy' | 'unhealthy';
  readonly exitCode: number;
}

const pending: Known = { phase: 'pending', health: 'unknown', exitCode: 0 };

interface Waiter {
  readonly name: string;
  readonly check: () => boolean | ComposeError;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Target {
  readonly name: string;
  readonly service: string | null;
}

/** Holds whoever waits for a container to be healthy or to have completed, with one subscription for all. */
export class Conditions {
  readonly #engine: EnginePort;
  readonly #abort = new AbortController();
  readonly #known = new Map<string, Known>();
  readonly #waiters = new Set<Waiter>();
  #failure: { readonly error: Error } | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor(engine: EnginePort, observed: Observed | null) {
    this.#engine = engine;
    for (const { id, status, health, exitCode } of observed?.containers ?? []) {
      const isUp = status === 'running' || status === 'paused' || status === 'restarting';
      this.#known.set(id, {
        phase: isUp ? 'running' : status === 'exited' ? 'exited' : 'pending',
        health: health === 'healthy' || health === 'unhealthy' ? health : 'unknown',
        exitCode: exitCode ?? 0,
      });
    }
  }

  /** Resolves once events arrive: from then on nothing is missed. `since` closes the gap to the first look. */
  async open(observed: Observed | null, project: string): Promise<void> {
    const events = this.#engine.events({
      filters: { type: ['container'], label: [`${labels.project}=${project}`] },
      ...(observed !== null && { since: String(observed.readAt) }),
      signal: this.#abort.signal,
    });
    await events.opened;
    this.#reading = this.#read(events);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#reading;
  }

  /** About to be started: what is known of an earlier run says nothing of this one. */
  expectStart(id: string): void {
    this.#known.set(id, pending);
  }

  wait(
    { id, name, service }: Target & { readonly id: string },
    condition: Condition | 'steady',
    signal: AbortSignal,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#settle(waiter, asError(signal.reason));
      };
      const waiter: Waiter = {
        name,
        check: () => verdict(condition, { name, service }, this.#known.get(id) ?? pending),
        resolve: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
        reject: (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      else this.#check(waiter);
    });
  }

  async #read(events: AsyncIterable<EventMessage>): Promise<void> {
    try {
      for await (const event of events) this.#apply(event);
      this.#failure = {
        error: new ComposeError('dependency-failed', 'the engine stopped sending events'),
      };
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failure = { error: asError(error) };
    }
    for (const waiter of [...this.#waiters]) this.#check(waiter);
  }

  #apply({ Action, Actor }: EventMessage): void {
    const before = this.#known.get(Actor.ID) ?? pending;
    const after = next(before, Action, Actor.Attributes);
    if (after === before) return;
    this.#known.set(Actor.ID, after);
    for (const waiter of [...this.#waiters]) this.#check(waiter);
  }

  #check(waiter: Waiter): void {
    const result = waiter.check();
    if (result === true) {
      this.#waiters.delete(waiter);
      waiter.resolve();
    } else if (result !== false) this.#settle(waiter, result);
    else if (this.#failure !== null) this.#settle(waiter, this.#failure.error);
  }

  #settle(waiter: Waiter, error: Error): void {
    this.#waiters.delete(waiter);
    waiter.reject(error);
  }
}

function next(before: Known, action: string, attributes: Readonly<Record<string, string>>): Known {
  if (action === 'start') return { phase: 'running', health: 'unknown', exitCode: 0 };
  // A death before the start that is expected belongs to an earlier run.
  if (before.phase === 'pending') return before;
  if (action === 'die') {
    return { ...before, phase: 'exited', exitCode: Number(attributes['exitCode'] ?? 0) };
  }
  const health = /^health_status: (healthy|unhealthy)$/.exec(action)?.[1];
  return health === undefined ? before : { ...before, health: health as Known['health'] };
}

/** Met, not yet, or never. The words are docker compose's own: scripts look for them. */
function verdict(
  condition: Condition | 'steady',
  { name, service }: Target,
  known: Known,
): boolean | ComposeError {
  if (condition === 'completed') {
    if (known.phase !== 'exited') return false;
    return (
      known.exitCode === 0 ||
      failed(`service "${service ?? name}" didn't complete successfully: exit ${known.exitCode}`)
    );
  }
  const isUpdate = condition === 'settled' || condition === 'steady';
  const prefix = `${isUpdate ? '' : 'dependency failed to start: '}container ${name}`;
  if (known.phase === 'exited') return failed(`${prefix} exited (${known.exitCode})`);
  if (known.health === 'unhealthy') return failed(`${prefix} is unhealthy`);
  // How long a container has to stay is for its waiter to say.
  return condition !== 'steady' && known.health === 'healthy';
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

function failed(message: string): ComposeError {
  return new ComposeError('dependency-failed', message);
}
