/** What reconciling collects on its way. */
import type { ComposeError } from '../errors.ts';
import type { Project } from '../model/project.ts';
import type { Service } from '../model/service.ts';
import type { Observed, ObservedContainer } from './observed.ts';
import type { ReconcileOptions } from './options.ts';
import type { Condition, KeptContainer, PlanBuilder, PlanEdge } from './plan.ts';

export interface ReconcileState {
  readonly project: Project;
  readonly observed: Observed;
  readonly options: ReconcileOptions;
  /** Services that the plan is about, each after what it needs. */
  readonly services: readonly string[];
  readonly builder: PlanBuilder;
  readonly errors: ComposeError[];
  readonly warnings: string[];
  /** "networks/default" → node that creates it. */
  readonly creators: Map<string, number>;
  /** Container id → node that stops it before its own turn, because of something it uses. */
  readonly stops: Map<string, number>;
  /** Container id → node that removes it before its own turn, with the reason. */
  readonly removals: Map<string, { readonly node: number; readonly cause: string }>;
  readonly kept: KeptContainer[];
  /** Service → what of it runs once the plan is done: a node that starts it, or a container that is kept. */
  readonly runners: Map<string, Runner[]>;
  /** Service → nodes after which its new containers have their names. */
  readonly makers: Map<string, number[]>;
  /** Services of which a container runs before and after. */
  readonly running: Set<string>;
  /** Service → nodes after which its init containers have run. */
  readonly inits: Map<string, readonly number[]>;
  /** Services with a container that is replaced, for those that share a namespace with it. */
  readonly recreated: Set<string>;
}

export type Runner = { readonly node: number } | { readonly container: ObservedContainer };

/** A service with the image it runs. */
export interface ServiceScope {
  readonly name: string;
  readonly service: Service;
  readonly imageId: string;
}

export function addTo<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key) ?? [];
  list.push(value);
  map.set(key, list);
}

/** Services whose namespaces or volumes this one uses. */
export function sharedServices({ network_mode, ipc, pid, volumes_from }: Service): string[] {
  const namespaces = [network_mode, ipc, pid].flatMap((mode) =>
    mode?.startsWith('service:') === true ? [mode.slice('service:'.length)] : [],
  );
  return [...namespaces, ...(volumes_from ?? []).map((source) => source.split(':')[0] ?? '')];
}

/** Networks and volumes that this plan creates and the service uses, and the containers whose namespaces it joins. */
export function resourceEdges(state: ReconcileState, { service }: ServiceScope): PlanEdge[] {
  const keys = [
    ...Object.keys(service.networks ?? {}).map((key) => `networks/${key}`),
    ...(service.volumes ?? []).flatMap(({ type, source }) =>
      type === 'volume' && source !== undefined ? [`volumes/${source}`] : [],
    ),
  ];
  return edgesTo([
    ...keys.flatMap((key) => state.creators.get(key) ?? []),
    ...sharedServices(service).flatMap((name) => state.makers.get(name) ?? []),
  ]);
}

/** Each node once, in their order. */
export function edgesTo(nodes: readonly number[]): PlanEdge[] {
  return [...new Set(nodes)].sort((left, right) => left - right).map((node) => ({ node }));
}

const conditionOf: Readonly<Record<string, Condition | undefined>> = {
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
};

/** What must run, be healthy or have completed before a container of this service starts. */
export function dependencyEdges({ runners }: ReconcileState, service: Service): PlanEdge[] {
  const edges = Object.entries(service.depends_on ?? {}).flatMap(([name, dependency]) =>
    (runners.get(name) ?? []).flatMap((runner): PlanEdge[] => {
      const condition = conditionOf[dependency.condition];
      const optional = dependency.required ? {} : { isOptional: true };
      if ('node' in runner)
        return [{ node: runner.node, ...(condition && { condition }), ...optional }];
      return condition === undefined
        ? []
        : [{ container: runner.container.name, condition, ...optional }];
    }),
  );
  return edges.sort((left, right) =>
    'node' in left && 'node' in right ? left.node - right.node : 0,
  );
}
