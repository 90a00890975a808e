/** Plans of the commands that change how existing containers run, and make or remove none. */
import { dependencyOrder } from '../dependencies.ts';
import type { Project } from '../model/project.ts';
import {
  type ExistingScope,
  isOfProject,
  isSetAside,
  isUp,
  labelledDependencies,
  replicasOf,
  targetOf,
} from './existing.ts';
import { planPostStart, planPreStop } from './hooks.ts';
import { planFilesAgain } from './injected-files.ts';
import type { Observed, ObservedContainer } from './observed.ts';
import { type Condition, type Plan, PlanBuilder, type PlanEdge } from './plan.ts';
import { planInitLeftovers, planPreStart } from './pre-start.ts';
import { finishPlan, newState } from './reconcile.ts';
import { edgesTo, type ReconcileState } from './state.ts';

export interface RestartOptions extends ExistingScope {
  /** Leave the dependents that a restart concerns. */
  readonly noDeps?: boolean;
  /** Grace in seconds; absent is each container's own. */
  readonly timeoutSeconds?: number;
}

export interface KillOptions extends ExistingScope {
  readonly signal: string;
  /** Containers of services that the project does not have get it as well. */
  readonly withOrphans?: boolean;
}

/** Starts what does not run, and what it depends on first. */
export function planStart(observed: Observed, options: ExistingScope = {}): Plan {
  const { project } = options;
  const inits = project === undefined ? null : newState({ project, observed, ...noOptions });
  const builder = inits?.builder ?? new PlanBuilder();
  const all = byService(replicasOf(observed, withoutServices(options)));
  const chosen = withDependencies(all, options.services);
  const started = new Map<string, number>();
  for (const service of inOrder(all, chosen)) {
    for (const container of all.get(service) ?? []) {
      if (container.status === 'running') continue;
      const edges = [
        ...startEdges(container, { all, started, project }),
        ...(inits === null ? [] : initEdges(inits, container, all.get(service) ?? [])),
      ];
      const action = {
        kind: 'startContainer',
        ...targetOf(container),
        cause: container.status,
      } as const;
      const hooked = { project, builder, target: targetOf(container) };
      const ready = filesAgain(inits, container, edges);
      started.set(container.name, planPostStart(hooked, builder.add(action, ready)));
    }
  }
  return inits === null ? builder.build() : finishPlan(inits);
}

function filesAgain(
  state: ReconcileState | null,
  container: ObservedContainer,
  after: readonly PlanEdge[],
): readonly PlanEdge[] {
  const name = container.service ?? '';
  const service = state?.project.services[name];
  if (state === null || service === undefined) return after;
  return planFilesAgain(state, { name, service }, { target: targetOf(container), after });
}

const noOptions = { options: {}, services: [] };

/** Of one that has never run: what it was made with waits for its init containers as in `up`. */
function initEdges(
  state: ReconcileState,
  container: ObservedContainer,
  replicas: readonly ObservedContainer[],
): PlanEdge[] {
  const name = container.service ?? '';
  const service = state.project.services[name];
  if (container.status !== 'created' || service === undefined) return [];
  if (replicas.some(isUp)) state.running.add(name);
  planInitLeftovers(state, name);
  const starting = { target: targetOf(container), imageId: container.imageId, ready: null };
  return edgesTo(planPreStart(state, { name, service }, starting));
}

/** Restarts containers, stopped ones too, and then the dependents that asked for it with `restart: true`. */
export function planRestart(observed: Observed, options: RestartOptions = {}): Plan {
  const builder = new PlanBuilder();
  const all = byService(replicasOf(observed, withoutServices(options)));
  const named = options.services ?? [];
  const chosen = new Set(named.length > 0 ? named : all.keys());
  if (options.noDeps !== true) addRestartedDependents(all, chosen);
  const restarted = new Map<string, number[]>();
  for (const service of inOrder(all, chosen, ({ restart }) => restart)) {
    const cause =
      named.length === 0 || named.includes(service) ? 'restart' : 'dependency restarted';
    const nodes = (all.get(service) ?? []).map((container) => {
      const target = targetOf(container);
      const hooked = { project: options.project, builder, target };
      const needed = labelledDependencies(container)
        .filter(({ restart }) => restart)
        .flatMap((dependency) => restarted.get(dependency.service) ?? []);
      const edges = isUp(container) ? planPreStop(hooked, edgesTo(needed)) : edgesTo(needed);
      const timeoutSeconds = options.timeoutSeconds ?? null;
      const action = { kind: 'restartContainer', ...target, timeoutSeconds, cause } as const;
      return planPostStart(hooked, builder.add(action, edges));
    });
    restarted.set(service, nodes);
  }
  return builder.build();
}

/** Sends a signal to what runs, all at once; also to what `run` has started. */
export function planKill(observed: Observed, options: KillOptions): Plan {
  const { project, services = [], signal, withOrphans } = options;
  const builder = new PlanBuilder();
  for (const container of observed.containers.filter(isUp)) {
    const { service } = container;
    const isNamed = services.length === 0 || (service !== null && services.includes(service));
    const isKnown = service !== null && (project === undefined || isOfProject(project, service));
    if (!isNamed || !(isKnown || withOrphans === true)) continue;
    builder.add({ kind: 'killContainer', ...targetOf(container), signal, cause: signal });
  }
  return builder.build();
}

/** Freezes what runs; the engine refuses what is frozen already. */
export function planPause(observed: Observed, options: ExistingScope = {}): Plan {
  const builder = new PlanBuilder();
  for (const container of replicasOf(observed, options).filter(isUp)) {
    builder.add({ kind: 'pauseContainer', ...targetOf(container), cause: container.status });
  }
  return builder.build();
}

export function planUnpause(observed: Observed, options: ExistingScope = {}): Plan {
  const builder = new PlanBuilder();
  for (const container of replicasOf(observed, options).filter(isUp)) {
    builder.add({ kind: 'unpauseContainer', ...targetOf(container), cause: container.status });
  }
  return builder.build();
}

export interface RemoveOptions extends ExistingScope {
  /** Anonymous volumes go with their container. */
  readonly volumes?: boolean;
  /** What the containers will be once they are stopped: those that run now are removed as well. */
  readonly isStopped?: boolean;
}

/** Removes containers that do not run. */
export function planRemove(observed: Observed, options: RemoveOptions = {}): Plan {
  const builder = new PlanBuilder();
  for (const container of replicasOf(observed, options)) {
    if (options.isStopped !== true && isUp(container)) continue;
    builder.add({
      kind: 'removeContainer',
      ...targetOf(container),
      withVolumes: options.volumes === true,
      cause: container.status,
    });
  }
  return builder.build();
}

type ByService = ReadonlyMap<string, readonly ObservedContainer[]>;

function withoutServices({ project }: ExistingScope): ExistingScope {
  return project === undefined ? {} : { project };
}

function byService(containers: readonly ObservedContainer[]): ByService {
  const found = new Map<string, ObservedContainer[]>();
  // What an update has set aside is no replica.
  for (const container of containers.filter((one) => !isSetAside(one))) {
    const service = container.service ?? '';
    found.set(service, [...(found.get(service) ?? []), container]);
  }
  for (const replicas of found.values()) {
    replicas.sort((left, right) => left.number - right.number);
  }
  return found;
}

function dependenciesOf(all: ByService, service: string): ReturnType<typeof labelledDependencies> {
  return (all.get(service) ?? []).flatMap(labelledDependencies);
}

function withDependencies(all: ByService, services: readonly string[] = []): Set<string> {
  const chosen = new Set(services.length > 0 ? services : all.keys());
  for (const service of chosen) {
    for (const dependency of dependenciesOf(all, service)) chosen.add(dependency.service);
  }
  return chosen;
}

function addRestartedDependents(all: ByService, chosen: Set<string>): void {
  for (const restarted of chosen) {
    for (const service of all.keys()) {
      const concerns = dependenciesOf(all, service).some(
        (dependency) => dependency.restart && dependency.service === restarted,
      );
      if (concerns) chosen.add(service);
    }
  }
}

function inOrder(
  all: ByService,
  chosen: ReadonlySet<string>,
  isEdge: (dependency: { readonly restart: boolean }) => boolean = () => true,
): string[] {
  const names = [...chosen].filter((name) => all.has(name)).sort();
  return dependencyOrder(
    new Map(
      names.map((name) => {
        const needed = dependenciesOf(all, name).filter(isEdge);
        return [name, [...new Set(needed.map(({ service }) => service))].sort()];
      }),
    ),
  );
}

interface StartState {
  readonly all: ByService;
  /** Container name → node. */
  readonly started: ReadonlyMap<string, number>;
  readonly project: Project | undefined;
}

const conditions: Readonly<Record<string, Condition>> = {
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
};

/** On every replica of every dependency, with the condition the container was created with. */
function startEdges(
  container: ObservedContainer,
  { all, started, project }: StartState,
): PlanEdge[] {
  return labelledDependencies(container).flatMap(({ service, condition }) => {
    const asked = conditions[condition];
    const entry = project?.services[container.service ?? '']?.depends_on?.[service];
    const options = {
      ...(asked !== undefined && { condition: asked }),
      ...(entry?.required === false && { isOptional: true }),
    };
    return (all.get(service) ?? []).flatMap((dependency): PlanEdge[] => {
      const node = started.get(dependency.name);
      if (node !== undefined) return [{ node, ...options }];
      return asked === undefined
        ? []
        : [{ container: dependency.name, ...options, condition: asked }];
    });
  });
}
