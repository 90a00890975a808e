/**
 * What happens in the engine, as Docker's events. The last 256 are kept for subscribers that ask for `since`.
 * A subscriber is never waited for: each has a queue of its own, and one that stops reading is cut off.
 */
import type { EventMessage, EventType, StringMap } from '../api/index.ts';

export interface EventDescription {
  readonly type: EventType;
  readonly action: string;
  readonly id: string;
  readonly attributes?: StringMap;
}

export interface SubscribeOptions {
  /** Nanoseconds since the epoch. Kept events from then on come first; without both bounds only new ones come. */
  readonly since?: bigint;
  /** The stream ends at this time; at once, after what is kept, when it has passed. */
  readonly until?: bigint;
  readonly filter?: (event: EventMessage) => boolean;
  readonly signal?: AbortSignal;
}

/** Iterable once. Registered when it is returned, so nothing published after that is missed. */
export interface Subscription extends AsyncIterableIterator<EventMessage, undefined>, Disposable {
  /** True when the reader fell so far behind that the stream was ended. */
  readonly isOverrun: boolean;
}

const keptEvents = 256;
const longestQueue = 65_536;
/** setTimeout(3p) fires at once for a longer delay. */
const longestTimerMs = 2 ** 31 - 1;

export class EventBus {
  readonly #now: () => bigint;
  readonly #kept: Stamped[] = [];
  readonly #listeners = new Set<(event: EventMessage) => void>();
  #lastNs = 0n;

  /** `now` gives nanoseconds since the epoch. */
  constructor(now: () => bigint = wallClock) {
    this.#now = now;
  }

  publish(description: EventDescription): EventMessage {
    const timeNs = this.#stamp();
    const event = toMessage(description, timeNs);
    this.#kept.push({ timeNs, event });
    if (this.#kept.length > keptEvents) this.#kept.shift();
    for (const listener of [...this.#listeners]) listener(event);
    return event;
  }

  /** Called within `publish`: for parts of the engine. Must not throw. */
  listen(listener: (event: EventMessage) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  subscribe(options: SubscribeOptions = {}): Subscription {
    const { since, until, filter = () => true, signal } = options;
    const queue = new Queue();
    if (since !== undefined || until !== undefined) {
      for (const { timeNs, event } of this.#kept) {
        const isInside = timeNs >= (since ?? 0n) && (until === undefined || timeNs <= until);
        if (isInside && filter(event)) queue.push(event);
      }
    }
    const remainingNs = until === undefined ? null : until - this.#now();
    if (signal?.aborted === true || (remainingNs !== null && remainingNs <= 0n)) queue.end();
    else this.#connect(queue, filter, { remainingNs, signal });
    return queue;
  }

  #connect(
    queue: Queue,
    filter: (event: EventMessage) => boolean,
    { remainingNs, signal }: { remainingNs: bigint | null; signal: AbortSignal | undefined },
  ): void {
    const listener = this.listen((event) => {
      if (filter(event)) queue.push(event);
    });
    const end = (): void => {
      queue.end();
    };
    const timer = remainingNs === null ? undefined : endAfter(remainingNs, end);
    signal?.addEventListener('abort', end, { once: true });
    queue.onEnd = () => {
      listener[Symbol.dispose]();
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
    };
  }

  /** Later than every event before it, as far as the wire's number can tell, unless the clock was set back. */
  #stamp(): bigint {
    const now = this.#now();
    const isSetBack = this.#lastNs - now > oneSecondNs;
    this.#lastNs = isSetBack || now >= this.#lastNs + wireStepNs ? now : this.#lastNs + wireStepNs;
    return this.#lastNs;
  }
}

interface Stamped {
  readonly timeNs: bigint;
  readonly event: EventMessage;
}

const oneSecondNs = 1_000_000_000n;
/** Doubles near 2^61 are 256 apart. */
const wireStepNs = 256n;

function wallClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function endAfter(remainingNs: bigint, end: () => void): NodeJS.Timeout | undefined {
  const remainingMs = Number(remainingNs / 1_000_000n) + 1;
  // A limit 24 days ahead is no limit for a stream that ends with the engine.
  return remainingMs > longestTimerMs ? undefined : setTimeout(end, remainingMs);
}

function toMessage(
  { type, action, id, attributes = {} }: EventDescription,
  timeNs: bigint,
): EventMessage {
  return {
    ...legacyFields({ type, action, id, attributes }),
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Number(timeNs / oneSecondNs),
    timeNano: Number(timeNs),
  };
}

/** Docker sends them for containers and images only (engine-api.md §4, events). */
function legacyFields({
  type,
  action,
  id,
  attributes,
}: Required<EventDescription>): Pick<EventMessage, 'status' | 'id' | 'from'> {
  if (type === 'image') return { status: action, id };
  if (type !== 'container') return {};
  const from = attributes['image'];
  return { status: action, id, ...(from !== undefined && { from }) };
}

class Queue implements Subscription {
  onEnd: () => void = () => undefined;
  readonly #events: EventMessage[] = [];
  #reader: ((result: IteratorResult<EventMessage, undefined>) => void) | null = null;
  #hasEnded = false;
  #isOverrun = false;

  get isOverrun(): boolean {
    return this.#isOverrun;
  }

  push(event: EventMessage): void {
    if (this.#hasEnded) return;
    if (this.#reader !== null) {
      this.#reader({ done: false, value: event });
      this.#reader = null;
    } else if (this.#events.length < longestQueue) {
      this.#events.push(event);
    } else {
      this.#isOverrun = true;
      this.end();
    }
  }

  /** What is queued is still read. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#reader?.({ done: true, value: undefined });
    this.#reader = null;
    this.onEnd();
  }

  next(): Promise<IteratorResult<EventMessage, undefined>> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined });
    if (this.#reader !== null) throw new TypeError('a subscription has one reader');
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  return(): Promise<IteratorResult<EventMessage, undefined>> {
    this.#events.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.dispose](): void {
    this.end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
