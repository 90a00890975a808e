/**
 * Follows the logs of several containers at once, each through its restarts, without losing or repeating a line:
 * where a stream ends, the next one begins at the last line's time and skips what was already shown of that moment.
 */
import { EngineError, type ContainerInspect, type ContainerState } from '../engine/api/index.ts';
import type { LogLine, LogsOptions } from '../engine/client/index.ts';
import type { LogPrinter } from './ui/log-printer.ts';

/** The engine calls that following makes. */
export interface LogsPort {
  readonly containers: {
    logs(ref: string, options: LogsOptions): AsyncIterable<LogLine>;
    inspect(ref: string, options: { readonly signal: AbortSignal }): Promise<ContainerInspect>;
  };
}

export interface LogFollowerOptions {
  readonly engine: LogsPort;
  readonly printer: LogPrinter;
  readonly signal: AbortSignal;
  /**
   * Resolves when an engine that went away answers again. Containers and their logs do not depend on it, so what
   * follows them need not end with it.
   */
  readonly revive: () => Promise<void>;
}

/** Where following a container begins. */
export interface LogStart {
  readonly since?: string;
  readonly until?: string;
  readonly tail?: number;
  /** Lines of this moment were shown already. */
  readonly after?: ShownUntil;
}

export interface ShownUntil {
  readonly timestamp: string;
  /** How many lines carried it: the shim stamps whatever one read brought with one time. */
  readonly count: number;
}

interface Followed {
  readonly id: string;
  readonly name: string;
  start: LogStart;
  /** `waiting`: between two runs; its next start resumes it. */
  phase: 'reading' | 'waiting' | 'ended';
  /** The run whose end was already reported. */
  reportedRun: string | null;
  /** What an event has told of its last end. */
  exitCode: number | null;
  onExitCode: () => void;
}

/** An event comes on a connection of its own, and may be behind what we have read here. */
const longestEventDelayMs = 1_000;

export class LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #followed = new Map<string, Followed>();
  #failure: Error | undefined;
  #onChange: () => void = () => undefined;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
  }

  /** Begins, or resumes when a container that ended has started again. Following one twice does nothing. */
  follow(id: string, name: string, start: LogStart = {}): void {
    let followed = this.#followed.get(id);
    if (followed === undefined) {
      const neverEnded = { reportedRun: null, exitCode: null, onExitCode: () => undefined };
      followed = { id, name, start, phase: 'ended', ...neverEnded };
      this.#followed.set(id, followed);
      this.#options.printer.reserve([name]);
    }
    if (followed.phase === 'reading') return;
    followed.phase = 'reading';
    this.#run(followed).catch((error: unknown) => {
      this.#failure ??= error as Error;
      this.#onChange();
    });
  }

  isFollowing(id: string): boolean {
    return this.#followed.has(id);
  }

  /** It has ended. One that is removed right afterwards can no longer be asked. */
  noteEnd(id: string, exitCode: number): void {
    const followed = this.#followed.get(id);
    if (followed === undefined) return;
    followed.exitCode = exitCode;
    followed.onExitCode();
  }

  /** There will be no next start: somebody stopped or removed it while it waited for one. */
  release(id: string): void {
    const followed = this.#followed.get(id);
    if (followed?.phase !== 'waiting') return;
    followed.phase = 'ended';
    this.#onChange();
  }

  /** Resolves when everything that is followed has ended; rejects when a log cannot be read. */
  async ended(): Promise<void> {
    while (this.#failure === undefined && this.#hasOpen()) {
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #hasOpen(): boolean {
    return [...this.#followed.values()].some(({ phase }) => phase !== 'ended');
  }

  async #run(followed: Followed): Promise<void> {
    let state = await this.#readToEnd(followed);
    while (state === 'running') state = await this.#readToEnd(followed);
    void this.#options.printer.flush();
    followed.phase = state === 'restarting' ? 'waiting' : 'ended';
    this.#onChange();
  }

  /** One stream, to its end; then what the container does. */
  async #readToEnd(followed: Followed): Promise<'running' | 'restarting' | 'ended'> {
    const { engine, signal, revive } = this.#options;
    try {
      await this.#readLines(followed);
      const { State } = await engine.containers.inspect(followed.id, { signal });
      return this.#judge(followed, State);
    } catch (error) {
      if (signal.aborted) return 'ended';
      const kind = error instanceof EngineError ? error.kind : null;
      // Removed while we looked: there is no more to show, and only the event still knows the code.
      if (kind === 'not-found') {
        await this.#reportRemoved(followed);
        return 'ended';
      }
      if (kind !== 'unavailable') throw error;
      await revive();
      return 'running';
    }
  }

  async #reportRemoved(followed: Followed): Promise<void> {
    if (followed.exitCode === null) {
      await new Promise<void>((resolve) => {
        followed.onExitCode = resolve;
        setTimeout(resolve, longestEventDelayMs).unref();
      });
    }
    if (followed.exitCode === null) return;
    this.#options.printer.note(followed.name, `exited with code ${followed.exitCode}`);
  }

  #judge(followed: Followed, state: ContainerState): 'running' | 'restarting' | 'ended' {
    if (state.Running && !state.Restarting) return 'running';
    if (state.Status === 'created') return 'ended';
    if (followed.reportedRun !== state.StartedAt) {
      followed.reportedRun = state.StartedAt;
      const suffix = state.Restarting ? ' (restarting)' : '';
      this.#options.printer.note(followed.name, `exited with code ${state.ExitCode}${suffix}`);
    }
    return state.Restarting ? 'restarting' : 'ended';
  }

  async #readLines(followed: Followed): Promise<void> {
    const { engine, printer, signal } = this.#options;
    const { since, until, tail, after } = followed.start;
    const lines = engine.containers.logs(followed.id, {
      follow: true,
      timestamps: true,
      signal,
      ...(until !== undefined && { until }),
      ...(after !== undefined ? { since: after.timestamp } : since !== undefined && { since }),
      ...(after === undefined && tail !== undefined && { tail }),
    });
    const isShown = skipShown(after);
    let shown = after;
    followed.exitCode = null;
    for await (const line of lines) {
      if (isShown(line)) continue;
      shown = advance(shown, line);
      followed.start = { ...followed.start, ...(shown !== undefined && { after: shown }) };
      const slow = printer.print(followed.name, line);
      if (slow !== undefined) await slow;
    }
  }
}

/** `shown` with one more line. Lines without a time (a foreign engine's) cannot be told apart and change nothing. */
export function advance(shown: ShownUntil | undefined, line: LogLine): ShownUntil | undefined {
  if (line.timestamp === null) return shown;
  const isSame = shown?.timestamp === line.timestamp;
  return { timestamp: line.timestamp, count: isSame ? shown.count + 1 : 1 };
}

/** Tells of each line of a stream that begins at `after` whether it was shown before. */
function skipShown(after: ShownUntil | undefined): (line: LogLine) => boolean {
  if (after === undefined) return () => false;
  let left = after.count;
  return ({ timestamp }) => {
    if (timestamp === null || timestamp > after.timestamp) return false;
    if (timestamp < after.timestamp) return true;
    left -= 1;
    return left >= 0;
  };
}
