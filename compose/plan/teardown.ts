import { labels } from '../labels.ts';
import type { Project } from '../model/project.ts';
import { isOfProject, isUp, labelledDependencies, replicasOf, targetOf } from './existing.ts';
import { findImage } from './images.ts';
import type { Observed, ObservedContainer } from './observed.ts';
import { planPreStop } from './hooks.ts';
import { type Plan, PlanBuilder } from './plan.ts';
import { edgesTo } from './state.ts';
import { planAnonymousVolumes } from './removal.ts';

export interface StopOptions {
  /** Where there is one: what is not of it is an orphan. */
  readonly project?: Project;
  /** Only these; networks and volumes stay then. */
  readonly services?: readonly string[];
  /** Grace in seconds; absent is each container's own. */
  readonly timeoutSeconds?: number;
}

export interface DownOptions extends StopOptions {
  /** Named volumes of the project and anonymous ones go as well. */
  readonly volumes?: boolean;
  readonly removeOrphans?: boolean;
  /** Images of the services go as well: all, or only those that have no name of their own. */
  readonly images?: 'local' | 'all';
}

/** Stops replicas, dependents before what they depend on. They stay. */
export function planStop(observed: Observed, options: StopOptions = {}): Plan {
  const builder = new PlanBuilder();
  planStops(builder, replicasOf(observed, options), options);
  return builder.build();
}

/** Stops and removes containers, then the project's networks, and its volumes where asked. */
export function planDown(observed: Observed, options: DownOptions = {}): Plan {
  const builder = new PlanBuilder();
  const isPartial = options.services !== undefined && options.services.length > 0;
  const containers = selected(observed, options);
  const stops = planStops(builder, containers, options);
  const removals = containers.map((container) => {
    const stop = stops.get(container.name);
    const node = builder.add(
      {
        kind: 'removeContainer',
        ...targetOf(container),
        withVolumes: options.volumes === true,
        cause: 'down',
      },
      stop === undefined ? [] : [{ node: stop }],
    );
    return { container, node };
  });
  const warnings: string[] = [];
  if (options.volumes === true) planAnonymousVolumes(builder, removals);
  if (options.images !== undefined) planImages(builder, { observed, options, removals });
  if (!isPartial) {
    const left = observed.containers.filter((container) => !containers.includes(container));
    planResources(builder, { observed, options, removals, left, warnings });
  }
  return builder.build({ warnings });
}

function selected(observed: Observed, options: DownOptions): ObservedContainer[] {
  const { project, services, removeOrphans } = options;
  const wanted = services !== undefined && services.length > 0 ? new Set(services) : null;
  return observed.containers.filter(({ service, isOneOff }) => {
    if (wanted !== null) return service !== null && wanted.has(service) && !isOneOff;
    if (project === undefined || removeOrphans === true) return true;
    return service !== null && isOfProject(project, service);
  });
}

/** Container name → node that stops it. What a container depends on is read from its labels: no file is needed. */
function planStops(
  builder: PlanBuilder,
  containers: readonly ObservedContainer[],
  { timeoutSeconds, project }: StopOptions,
): Map<string, number> {
  const stops = new Map<string, number>();
  const dependents = dependentsOf(containers);
  const visit = (container: ObservedContainer, trail: ReadonlySet<string>): void => {
    if (stops.has(container.name) || trail.has(container.name) || !isUp(container)) return;
    const deeper = new Set(trail).add(container.name);
    const waiting = dependents.get(container.service ?? '') ?? [];
    for (const dependent of waiting) visit(dependent, deeper);
    const before = waiting.flatMap(({ name }) => stops.get(name) ?? []);
    const target = targetOf(container);
    const edges = planPreStop({ project, builder, target }, edgesTo(before));
    const action = {
      kind: 'stopContainer',
      ...target,
      timeoutSeconds: timeoutSeconds ?? null,
      cause: container.status,
    } as const;
    stops.set(container.name, builder.add(action, edges));
  };
  for (const container of containers) visit(container, new Set());
  return stops;
}

/** Service → containers whose services depend on it. */
function dependentsOf(containers: readonly ObservedContainer[]): Map<string, ObservedContainer[]> {
  const dependents = new Map<string, ObservedContainer[]>();
  for (const container of containers) {
    for (const { service } of labelledDependencies(container)) {
      const list = dependents.get(service) ?? [];
      list.push(container);
      dependents.set(service, list);
    }
  }
  return dependents;
}

interface ResourceScope {
  readonly observed: Observed;
  readonly options: DownOptions;
  readonly removals: readonly { readonly container: ObservedContainer; readonly node: number }[];
  readonly left: readonly ObservedContainer[];
  readonly warnings: string[];
}

function planResources(builder: PlanBuilder, scope: ResourceScope): void {
  const { observed, options, removals, left, warnings } = scope;
  const isOurs = ({
    labels: own,
  }: {
    readonly labels: Readonly<Record<string, string>>;
  }): boolean => own[labels.project] === observed.projectName;
  for (const { name } of observed.networks.filter(isOurs)) {
    const user = left.find(({ networks }) => networks.includes(name));
    if (user !== undefined) {
      warnings.push(`network "${name}" stays: container "${user.name}" is on it`);
      continue;
    }
    const edges = removals.filter(({ container }) => container.networks.includes(name));
    builder.add(
      { kind: 'removeNetwork', name, cause: 'down' },
      edges.map(({ node }) => ({ node })),
    );
  }
  if (options.volumes !== true) return;
  const { project } = options;
  for (const { name, labels: own } of observed.volumes.filter(isOurs)) {
    const key = own[labels.volume] ?? '';
    // With a file at hand, only what it declares is given up for good.
    if (project !== undefined && !Object.hasOwn(project.volumes, key)) continue;
    const edges = removals.filter(({ container }) => container.volumes.includes(name));
    builder.add(
      { kind: 'removeVolume', name, cause: 'down -v' },
      edges.map(({ node }) => ({ node })),
    );
  }
}

/** Only what is there: an image that was never built or pulled needs no removal. */
function planImages(
  builder: PlanBuilder,
  { observed, options, removals }: Omit<ResourceScope, 'left' | 'warnings'>,
): void {
  const edges = removals.map(({ node }) => ({ node }));
  const named = [...imagesOfServices(observed, options)].sort();
  for (const name of named.filter((image) => findImage(observed.images, image) !== null)) {
    builder.add({ kind: 'removeImage', name, cause: `down --rmi ${options.images ?? ''}` }, edges);
  }
}

function imagesOfServices(
  { projectName, containers }: Observed,
  { project, services, images }: DownOptions,
): Set<string> {
  const names = services ?? [
    ...Object.keys(project?.services ?? {}),
    ...containers.flatMap(({ service }) => service ?? []),
  ];
  const found = new Set<string>();
  for (const name of names) {
    const image = project?.services[name]?.image;
    // A service without an image is built under this name (compose-features.md RT-2).
    const own = image ?? `${projectName}-${name}`;
    if (images === 'all' || image === undefined) found.add(withTag(own));
  }
  return found;
}

function withTag(image: string): string {
  return /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
}
