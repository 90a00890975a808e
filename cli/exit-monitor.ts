/** Notices the ends of containers, each through its restarts, whether or not anybody shows their logs. */
import { EngineError, type ContainerInspect } from '../engine/api/index.ts';
import type { ContainerWait, WaitContainerOptions } from '../engine/client/index.ts';

/** The engine calls that noticing makes. */
export interface ExitsPort {
  readonly containers: {
    watchExit(ref: string, options: WaitContainerOptions): Promise<ContainerWait>;
    inspect(ref: string, options: { readonly signal: AbortSignal }): Promise<ContainerInspect>;
  };
}

export interface ContainerExit {
  readonly service: string;
  readonly exitCode: number;
}

export interface ExitMonitorOptions {
  readonly engine: ExitsPort;
  readonly signal: AbortSignal;
  /** Resolves when an engine that went away answers again. */
  readonly revive: () => Promise<void>;
  /** Called for every end, also for one that a restart policy follows. */
  readonly onExit: (exit: ContainerExit) => void;
}

export class ExitMonitor {
  readonly #options: ExitMonitorOptions;
  readonly #watched = new Map<string, Promise<void>>();
  #failure: Error | undefined;

  constructor(options: ExitMonitorOptions) {
    this.#options = options;
  }

  /** Watching one twice does nothing; one that has ended for good may be watched anew. */
  watch(id: string, service: string): void {
    if (this.#watched.has(id)) return;
    const watching = this.#untilOver(id, service)
      .catch((error: unknown) => {
        if (!this.#options.signal.aborted) this.#failure ??= error as Error;
      })
      .finally(() => this.#watched.delete(id));
    this.#watched.set(id, watching);
  }

  /** Resolves when nothing that is watched runs any more. */
  async ended(): Promise<void> {
    while (this.#watched.size > 0) await Promise.race(this.#watched.values());
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #untilOver(id: string, service: string): Promise<void> {
    for (;;) {
      try {
        if (await this.#isOver(id, service)) return;
      } catch (error) {
        const kind = error instanceof EngineError ? error.kind : null;
        if (kind === 'not-found') return;
        if (kind !== 'unavailable' || this.#options.signal.aborted) throw error;
        await this.#options.revive();
      }
    }
  }

  /** Waits for one end; true when there will not be another. */
  async #isOver(id: string, service: string): Promise<boolean> {
    const { engine, signal, onExit } = this.#options;
    // Watched before it is looked at: an end in between is seen by one of the two.
    const { exited } = await engine.containers.watchExit(id, { condition: 'next-exit', signal });
    const { State } = await engine.containers.inspect(id, { signal });
    if (!State.Running && !State.Restarting) {
      onExit({ service, exitCode: State.ExitCode });
      return true;
    }
    const { StatusCode } = await exited;
    const after = await engine.containers.inspect(id, { signal });
    if (!after.State.Running && !after.State.Restarting) {
      onExit({ service, exitCode: after.State.ExitCode });
      return true;
    }
    onExit({ service, exitCode: StatusCode });
    return false;
  }
}
