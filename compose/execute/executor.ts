import { EngineError } from '../../engine/api/index.ts';
import { ComposeError, ComposeErrors } from '../errors.ts';
import type { Project } from '../model/project.ts';
import type { Action } from '../plan/action.ts';
import type { Observed } from '../plan/observed.ts';
import type { Plan, PlanEdge, PlanNode } from '../plan/plan.ts';
import { errorAt } from '../positions.ts';
import { Conditions } from './conditions.ts';
import type { EnginePort } from './engine.ts';
import { placeWarning } from './engine-warning.ts';
import { explain } from './explain.ts';
import { handle } from './handlers.ts';
import { containerEvent, type OnProgress, type ProgressResource } from './progress.ts';
import type { RestartPolicies } from './restart-policies.ts';
import { type EndedUpdate, rollBack } from './rollback.ts';
import { type OnHookOutput, Run } from './run.ts';
import { Slots } from './slots.ts';
import { undo } from './undo.ts';
import { pause, Updates } from './updates.ts';

export interface ExecuteOptions {
  readonly engine: EnginePort;
  /** For positions in errors. */
  readonly project?: Project;
  /** What the plan was made from: containers that are kept may be waited for. */
  readonly observed?: Observed;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** What hooks print, line by line. */
  readonly onOutput?: OnHookOutput;
  /** How many engine calls at a time; absent or below 1 is as many as are ready. */
  readonly concurrency?: number;
  /** What the run that is taken back has changed; its own where there is none. */
  readonly policies?: RestartPolicies;
}

export interface ExecutedContainer {
  readonly name: string;
  readonly service: string;
  readonly id: string;
}

export interface ExecuteResult {
  /** What runs now: started by this plan, or found running. */
  readonly containers: readonly ExecutedContainer[];
  readonly warnings: readonly string[];
}

/**
 * Walks a plan: a node starts when what it waits for is done. After a failure no new node starts, those under way
 * are awaited, and what this run created is removed again, newest first; a dependency that is not healthy or did not
 * complete leaves everything for a look at it. Updates that ask for it are taken back. Rejects with ComposeErrors, or with
 * the signal's reason.
 */
export async function executePlan(plan: Plan, options: ExecuteOptions): Promise<ExecuteResult> {
  const executor = new Executor(plan, options);
  try {
    return await executor.execute();
  } catch (error) {
    const updates = executor.endedUpdates;
    const { policies } = executor;
    try {
      if (updates.length === 0) throw error;
      throw await rollBack({ error, updates }, { ...options, policies }, executePlan);
    } finally {
      await policies.restoreRunning(options.engine);
    }
  }
}

class Executor {
  readonly #plan: Plan;
  readonly #project: Project | null;
  readonly #observed: Observed | null;
  readonly #run: Run;
  readonly #slots: Slots;
  readonly #conditions: Conditions;
  readonly #updates: Updates;
  readonly #signal: AbortSignal;
  /** Ends every wait once a node has failed. */
  readonly #stop = new AbortController();
  readonly #done = new Map<number, Promise<void>>();
  readonly #failures: unknown[] = [];
  /** Ids of containers whose start has failed in an update that goes on. */
  readonly #passedOver = new Set<string>();

  constructor(plan: Plan, options: ExecuteOptions) {
    this.#plan = plan;
    this.#project = options.project ?? null;
    this.#observed = options.observed ?? null;
    this.#signal = options.signal ?? new AbortController().signal;
    this.#run = new Run(options.engine, this.#signal, options);
    this.#slots = new Slots(options.concurrency ?? 0);
    this.#conditions = new Conditions(options.engine, this.#observed);
    this.#updates = new Updates(this.#run, this.#conditions, this.#project);
  }

  get policies(): RestartPolicies {
    return this.#run.policies;
  }

  /** Updates that may have come to no end. */
  get endedUpdates(): readonly EndedUpdate[] {
    if (this.#signal.aborted) return [];
    const all = new Set(this.#plan.nodes.flatMap(({ update }) => update ?? []));
    return [...all]
      .filter(({ kind }) => kind === 'update')
      .map((update) => ({
        service: update.service,
        isWhole: this.#updates.isToBeTakenBack(update),
      }));
  }

  async execute(): Promise<ExecuteResult> {
    this.#signal.throwIfAborted();
    const { nodes, kept } = this.#plan;
    for (const { name, service, id } of kept) {
      this.#run.report({ resource: 'container', name, service, id, status: 'running' });
    }
    const isWaiting = nodes.some(({ edges }) =>
      edges.some(({ condition }) => condition !== undefined),
    );
    if (isWaiting) await this.#conditions.open(this.#observed, this.#projectName());
    try {
      for (const node of nodes) this.#done.set(node.id, this.#runNode(node));
      await Promise.allSettled(this.#done.values());
    } finally {
      if (isWaiting) await this.#conditions.close();
    }
    if (this.#failures.length > 0 || this.#signal.aborted) await this.#giveUp();
    return { containers: this.#running(), warnings: this.#warnings() };
  }

  #projectName(): string {
    return this.#project?.name ?? this.#observed?.projectName ?? '';
  }

  /** Replicas of a service have the same ones. */
  #warnings(): string[] {
    const { warnings, engineWarnings } = this.#run;
    return [
      ...new Set([...engineWarnings.map((one) => placeWarning(one, this.#project)), ...warnings]),
    ];
  }

  #running(): ExecutedContainer[] {
    const started = this.#plan.nodes.flatMap(({ action }) =>
      action.kind === 'startContainer' && action.service !== null
        ? [{ name: action.name, service: action.service, id: this.#run.idOf(action.ref) }]
        : [],
    );
    return [...this.#plan.kept, ...started];
  }

  async #runNode(node: PlanNode): Promise<void> {
    await Promise.all(node.edges.map((edge) => this.#waitFor(edge, node)));
    const release = await this.#slots.take();
    try {
      if (this.#isOver()) throw new Skipped();
      const { action } = node;
      if (action.kind === 'startContainer')
        this.#conditions.expectStart(this.#run.idOf(action.ref));
      await handle(this.#run, action);
    } catch (error) {
      if (this.#goesOn(error, node)) return;
      this.#fail(error, node);
      throw error;
    } finally {
      release();
    }
  }

  #isOver(): boolean {
    return this.#failures.length > 0 || this.#signal.aborted;
  }

  #goesOn(error: unknown, { action, update }: PlanNode): boolean {
    if (update === undefined || this.#isNoFailure(error)) return false;
    if (this.#updates.isTooMuch(update, action.name, explain(error, action, null))) return false;
    if (action.kind === 'startContainer') this.#passedOver.add(this.#run.idOf(action.ref));
    return true;
  }

  #isNoFailure(error: unknown): boolean {
    return error instanceof Skipped || (this.#signal.aborted && isAbort(error, this.#signal));
  }

  #fail(error: unknown, { action, update }: Pick<PlanNode, 'action' | 'update'>): void {
    if (this.#isNoFailure(error)) return;
    const reason = explain(error, action, this.#project);
    const explained = update === undefined ? reason : this.#updates.explain(update, reason);
    this.#failures.push(explained);
    this.#stop.abort();
    const message = explained instanceof Error ? explained.message : String(explained);
    this.#run.report({ resource: resourceOf(action), name: action.name, status: 'error', message });
  }

  async #waitFor(edge: PlanEdge, node: PlanNode): Promise<void> {
    if ('node' in edge) await this.#done.get(edge.node);
    if (edge.condition === undefined) return;
    if (edge.condition === 'settled') {
      await this.#settle(edge, node);
      return;
    }
    const target = this.#targetOf(edge);
    try {
      await this.#meet(target, edge.condition);
    } catch (error) {
      if (this.#isOver()) throw new Skipped();
      if (edge.isOptional === true && error instanceof ComposeError) {
        const dependency = target.service ?? target.name;
        this.#run.warnings.add(
          `optional dependency "${dependency}" failed to start: ${error.message.replace(/^dependency failed to start: /, '')}`,
        );
        return;
      }
      this.#fail(this.#atDependency(error, node.action, target.service), node);
      throw error;
    }
  }

  async #settle(edge: PlanEdge, { action }: PlanNode): Promise<void> {
    const target = this.#targetOf(edge);
    const update = 'node' in edge ? this.#plan.nodes[edge.node - 1]?.update : undefined;
    if (update === undefined) throw new TypeError(`${target.name} is not updated`);
    const signal = AbortSignal.any([this.#signal, this.#stop.signal]);
    try {
      await this.#updates.settle(update, target, signal);
      if ('node' in edge && edge.delayMs !== undefined) await pause(edge.delayMs, signal);
    } catch (error) {
      if (this.#isOver()) throw new Skipped();
      this.#fail(error, { action: { ...action, name: target.name }, update });
      throw error;
    }
  }

  /** At the depends_on entry that asked for it. */
  #atDependency(error: unknown, { ...action }: Action, dependency: string | null): unknown {
    const service = 'service' in action ? action.service : null;
    if (!(error instanceof ComposeError) || service === null || dependency === null) return error;
    return errorAt(this.#project, [error.code, error.message], {
      path: ['services', service, 'depends_on', dependency],
      hint: error.hint ?? 'look at its output with "logs"; what was started is still there',
    });
  }

  #targetOf(edge: PlanEdge): {
    readonly id: string;
    readonly name: string;
    readonly service: string | null;
  } {
    if ('container' in edge) {
      const found = this.#observed?.containers.find(({ name }) => name === edge.container);
      return {
        id: found?.id ?? edge.container,
        name: edge.container,
        service: found?.service ?? null,
      };
    }
    const action = this.#plan.nodes[edge.node - 1]?.action;
    if (action === undefined || !('ref' in action))
      throw new TypeError(`edge to #${edge.node}, which is no container`);
    return { id: this.#run.idOf(action.ref), name: action.name, service: action.service };
  }

  async #meet(
    target: { readonly id: string; readonly name: string; readonly service: string | null },
    condition: NonNullable<PlanEdge['condition']>,
  ): Promise<void> {
    const event = containerEvent(target);
    if (this.#passedOver.has(target.id)) {
      const message = `dependency failed to start: container ${target.name} was not started`;
      throw new ComposeError('dependency-failed', message);
    }
    if (condition === 'healthy' && !(await this.#isChecked(target))) return;
    this.#run.report({ ...event, status: 'waiting' });
    await this.#conditions.wait(
      target,
      condition,
      AbortSignal.any([this.#signal, this.#stop.signal]),
    );
    this.#run.report({ ...event, status: condition === 'healthy' ? 'healthy' : 'exited' });
  }

  /** Whether the engine runs the container's healthcheck. Waiting for one that does not exist would never end. */
  async #isChecked({ id, name }: { readonly id: string; readonly name: string }): Promise<boolean> {
    const { State, Config } = await this.#run.engine.containers.inspect(id);
    if (State.Health !== undefined) return true;
    const [kind] = Config.Healthcheck?.Test ?? [];
    if (kind === undefined || kind === 'NONE') {
      const message = `dependency failed to start: container ${name} has no healthcheck configured`;
      const hint = 'give it a healthcheck, or wait for "service_started" only';
      throw new ComposeError('dependency-failed', message, { hint });
    }
    this.#run.warnings.add(
      `"${name}" counts as healthy once it is started: this engine does not run healthchecks yet`,
    );
    return false;
  }

  async #giveUp(): Promise<never> {
    const isForLooking = this.#failures.some(
      (error) => error instanceof ComposeError && error.code === 'dependency-failed',
    );
    const undone = isForLooking ? [] : await undo(this.#run);
    if (this.#failures.length === 0 && undone.length === 0) throw this.#signal.reason;
    throw new ComposeErrors([...this.#failures, ...undone].map(asComposeError));
  }
}

/** A node that did not run because another failed. */
class Skipped extends Error {}

function isAbort(error: unknown, { reason }: AbortSignal): boolean {
  return error === reason || (error instanceof Error && error.name === 'AbortError');
}

function asComposeError(error: unknown): ComposeError {
  if (error instanceof ComposeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof EngineError ? error.hint : undefined;
  return new ComposeError('engine-refused', message, { hint, cause: error });
}

function resourceOf({ kind }: Action): ProgressResource {
  if (kind.endsWith('Image')) return 'image';
  if (kind.endsWith('Network')) return 'network';
  return kind.endsWith('Volume') ? 'volume' : 'container';
}
