/** What becomes of rolling updates while a plan is executed: who has settled, who has failed, and what follows. */
import { EngineError } from '../../engine/api/index.ts';
import { ComposeError } from '../errors.ts';
import type { Project } from '../model/project.ts';
import type { ServiceUpdate } from '../plan/update-policy.ts';
import { errorAt } from '../positions.ts';
import type { Conditions } from './conditions.ts';
import { containerEvent } from './progress.ts';
import type { Run } from './run.ts';

export interface UpdatedContainer {
  readonly id: string;
  readonly name: string;
  readonly service: string | null;
}

/** Where neither the file nor a healthcheck says how long; Swarm's. */
const defaultMonitorMs = 5000;
const mostLines = 10;

export class Updates {
  readonly #run: Run;
  readonly #conditions: Conditions;
  readonly #project: Project | null;
  /** Names of the containers that have failed. */
  readonly #failed = new Map<ServiceUpdate, Set<string>>();
  readonly #settled = new Map<string, Promise<void>>();
  readonly #stopped = new Set<ServiceUpdate>();

  constructor(run: Run, conditions: Conditions, project: Project | null) {
    this.#run = run;
    this.#conditions = conditions;
    this.#project = project;
  }

  /** Whether an update has failed and is to be taken back as a whole. */
  isToBeTakenBack(update: ServiceUpdate): boolean {
    return this.#stopped.has(update) && update.policy.failureAction === 'rollback';
  }

  /** Once a container, whoever waits for it. Rejects when its failure is one too many. */
  settle(update: ServiceUpdate, container: UpdatedContainer, signal: AbortSignal): Promise<void> {
    const key = `${container.id} ${update.kind}`;
    const settled = this.#settled.get(key) ?? this.#settle(update, container, signal);
    this.#settled.set(key, settled);
    return settled;
  }

  /** Of a container that cannot run. False where the update goes on without it. */
  isTooMuch(update: ServiceUpdate, name: string, error: unknown): boolean {
    const failed = this.#failed.get(update) ?? new Set();
    this.#failed.set(update, failed.add(name));
    const { failureAction, maxFailureRatio } = update.policy;
    if (failureAction === 'continue' || failed.size / update.total <= maxFailureRatio) {
      this.#run.warnings.add(
        `${update.kind} of service "${update.service}" goes on: ${messageOf(error)}`,
      );
      return false;
    }
    this.#stopped.add(update);
    return true;
  }

  /** What stops the plan, with what the policy makes of it. */
  explain({ service, kind, policy }: ServiceUpdate, error: unknown): ComposeError {
    const what = policy.failureAction === 'rollback' ? 'is taken back' : 'is paused';
    const hint =
      policy.failureAction === 'rollback'
        ? 'mend what is wrong, and run "up" again'
        : 'containers that were not replaced yet are as they were; mend what is wrong, and run "up" again';
    return errorAt(
      this.#project,
      ['update-failed', `${kind} of service "${service}" ${what}: ${messageOf(error)}`],
      { path: ['services', service, 'deploy', `${kind}_config`], hint, cause: causeOf(error) },
    );
  }

  async #settle(
    update: ServiceUpdate,
    container: UpdatedContainer,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#failed.get(update)?.has(container.name) === true) return;
    try {
      await this.#watch(update, container, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = await this.#withOutput(container, error);
      if (this.isTooMuch(update, container.name, failure)) throw failure;
    }
  }

  async #watch(
    { policy }: ServiceUpdate,
    container: UpdatedContainer,
    signal: AbortSignal,
  ): Promise<void> {
    const event = containerEvent(container);
    const beganAt = performance.now();
    const { State } = await this.#run.engine.containers.inspect(container.id);
    const isChecked = State.Health !== undefined;
    const monitorMs = policy.monitorMs ?? (isChecked ? 0 : defaultMonitorMs);
    if (!isChecked && monitorMs === 0) return;
    this.#run.report({ ...event, status: 'waiting' });
    if (isChecked) await this.#conditions.wait(container, 'settled', signal);
    const left = monitorMs - (performance.now() - beganAt);
    if (left > 0) await this.#stays(container, left, signal);
    this.#run.report({ ...event, status: isChecked ? 'healthy' : 'running' });
  }

  async #stays(container: UpdatedContainer, ms: number, signal: AbortSignal): Promise<void> {
    const over = AbortSignal.timeout(Math.ceil(ms));
    try {
      await this.#conditions.wait(container, 'steady', AbortSignal.any([signal, over]));
    } catch (error) {
      if (error !== over.reason) throw error;
    }
  }

  /** The container may be gone before anybody can look at it. Unchanged where the engine keeps no output. */
  async #withOutput({ id }: UpdatedContainer, error: unknown): Promise<unknown> {
    if (!(error instanceof ComposeError)) return error;
    const lines: string[] = [];
    try {
      for await (const { text } of this.#run.engine.containers.logs(id, { follow: false })) {
        lines.push(text);
        if (lines.length > mostLines) lines.shift();
      }
    } catch (reason) {
      if (!(reason instanceof EngineError)) throw reason;
      return error;
    }
    return new ComposeError(error.code, [error.message, ...lines].join('\n  '));
  }
}

/** Resolves after that time, or rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
