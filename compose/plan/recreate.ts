/** Why a container must be replaced, and the steps that replace it. */
import { containerName, isAnonymous } from '../names.ts';
import type { ServiceMount } from '../model/mount.ts';
import type { Project } from '../model/project.ts';
import type { Service } from '../model/service.ts';
import type { ContainerTarget } from './action.ts';
import { serviceHash } from './config-hash.ts';
import { containerCreate } from './container-create.ts';
import { networksOf } from './create/networks.ts';
import { isSetAside, isUp, targetOf } from './existing.ts';
import { planPostStart } from './hooks.ts';
import { planFiles } from './injected-files.ts';
import type { ObservedContainer } from './observed.ts';
import type { PlanEdge } from './plan.ts';
import { planPreStart } from './pre-start.ts';
import { planAnonymousVolumes, planStopOf } from './removal.ts';
import {
  addTo,
  dependencyEdges,
  edgesTo,
  type ReconcileState,
  resourceEdges,
  type ServiceScope,
  sharedServices,
} from './state.ts';
import type { ServiceUpdate } from './update-policy.ts';

/** Why a container must be replaced, or null. */
export function divergenceOf(
  state: ReconcileState,
  scope: ServiceScope,
  container: ObservedContainer,
): string | null {
  const { service, imageId } = scope;
  if (isForced(state, scope.name)) return 'forced';
  // Nobody else has its place, but its name is not the service's.
  if (isSetAside(container)) return 'set aside by an update';
  if (container.configHash !== serviceHash(service, state.project)) return 'configuration changed';
  if (container.imageId !== imageId) return 'image changed';
  const unmounted = missingVolume(state.project, service, container);
  if (unmounted !== undefined) return `without volume ${unmounted}`;
  const missing = networksOf(state.project, service).find(
    ({ name }) => !container.networks.includes(name),
  );
  if (
    container.status === 'running' &&
    missing !== undefined &&
    service.network_mode === undefined
  ) {
    return `not on network ${missing.name}`;
  }
  const shared = sharedServices(service).find((name) => state.recreated.has(name));
  return shared === undefined ? null : `shares a namespace with ${shared}`;
}

function isForced({ options }: ReconcileState, name: string): boolean {
  const { services = [], forceRecreate, alwaysRecreateDeps } = options;
  const isNamed = services.length === 0 || services.includes(name);
  return isNamed ? forceRecreate === true : alwaysRecreateDeps === true;
}

function missingVolume(
  project: Project,
  { volumes = [] }: Service,
  container: ObservedContainer,
): string | undefined {
  return volumes
    .flatMap(({ type, source }) =>
      type === 'volume' && source !== undefined ? [project.volumes[source]?.name ?? source] : [],
    )
    .find((name) => !container.volumes.includes(name));
}

/** The data of anonymous volumes, the image's as well, belongs to the service: the new container goes on with it. */
export function inheriting(
  { service }: Pick<ServiceScope, 'service'>,
  container: ObservedContainer,
): readonly ServiceMount[] {
  const own = service.volumes ?? [];
  const inherited = Object.entries(container.volumeAt)
    .filter(([, name]) => isAnonymous(name))
    .map(([target, source]): ServiceMount => ({ type: 'volume', source, target }));
  const isTaken = ({ target }: ServiceMount): boolean =>
    own.some((mount) => mount.target === target && mount.source !== undefined);
  const heirs = inherited.filter((mount) => !isTaken(mount));
  const isInherited = ({ target }: ServiceMount): boolean =>
    heirs.some((heir) => heir.target === target);
  return [...own.filter((mount) => !isInherited(mount)), ...heirs];
}

export interface Recreation extends ServiceScope {
  readonly container: ObservedContainer;
}

/** A container that was made to take the place of another, under a temporary name. */
export interface Successor {
  /** The name that it is to have. */
  readonly name: string;
  readonly target: ContainerTarget;
  /** The node that makes it. */
  readonly made: number;
  /** The node after which it has its files. */
  readonly complete: number;
}

/** create under a temporary name → stop → remove → rename → start: a failing create leaves the old one as it is. */
export function planRecreation(state: ReconcileState, scope: Recreation, cause: string): void {
  const { name: service } = scope;
  const successor = planSuccessor(state, scope, { cause });
  const { made, name } = successor;
  const gone = planReplaced(state, scope.container, successor);
  const renamed = planTakeOver(state, scope, { successor, after: gone });
  if (state.options.noStart === true) return;
  const target = { name, service, ref: name };
  const node = planStartOf(state, scope, { target, made, ready: renamed });
  addTo(state.runners, service, { node });
}

export function planSuccessor(
  state: ReconcileState,
  scope: Recreation,
  { cause, edges = [] }: { readonly cause: string; readonly edges?: readonly PlanEdge[] },
): Successor {
  const { builder, options, project } = state;
  const { container, name: service } = scope;
  state.recreated.add(service);
  const { id, number } = container;
  const name = scope.service.container_name ?? containerName(project.name, service, number);
  const temporary = `${id.slice(0, 12)}_${name}`;
  const target = { name: temporary, service, ref: temporary };
  const volumes =
    options.renewAnonymousVolumes === true ? {} : { volumes: inheriting(scope, container) };
  const identity = { project, serviceName: service, service: scope.service, number, name };
  const body = containerCreate({ ...identity, ...volumes, imageId: scope.imageId });
  const made = builder.add({ kind: 'createContainer', ...target, body, replaces: name, cause }, [
    ...resourceEdges(state, scope),
    ...edges,
  ]);
  const complete = planFiles(state, scope, { target, created: made });
  return { name, target, made, complete };
}

/** The successor gets its name; nobody else has it after `after`. */
export function planTakeOver(
  { builder, makers }: ReconcileState,
  { container, name: service }: Recreation,
  { successor, after }: { readonly successor: Successor; readonly after: number },
): number {
  const { target, name: newName } = successor;
  const cause = `replaces ${container.name}`;
  const renamed = builder.add({ kind: 'renameContainer', ...target, newName, cause }, [
    { node: after },
  ]);
  addTo(makers, service, renamed);
  return renamed;
}

/** The node after which it runs, and its hooks have. */
export function planStartOf(
  state: ReconcileState,
  scope: ServiceScope,
  {
    target,
    made,
    ready,
    update,
  }: {
    readonly target: ContainerTarget;
    readonly made: number;
    readonly ready: number;
    readonly update?: ServiceUpdate;
  },
): number {
  const { builder, project } = state;
  const inits = planPreStart(state, scope, { target, imageId: scope.imageId, ready });
  const action = { kind: 'startContainer', ...target, cause: `created by #${made}` } as const;
  const edges = [...dependencyEdges(state, scope.service), ...edgesTo([...inits, ready])];
  const started = builder.add(action, edges, update);
  return planPostStart({ project, builder, target, update }, started);
}

/** The nodes after which the container that #made takes the place of does not run. */
export function planStopOfReplaced(
  state: ReconcileState,
  container: ObservedContainer,
  {
    made,
    complete,
    edges,
  }: Pick<Successor, 'made' | 'complete'> & {
    readonly edges: readonly PlanEdge[];
  },
): readonly number[] {
  const dependents = planDependentStops(state, container.service ?? '', complete);
  const stopped = planStopOf(state, container, {
    edges: [...edges, ...edgesTo([complete, ...dependents])],
    cause: `replaced by #${made}`,
    isReplaced: true,
  });
  // It may have been stopped before its successor was made, with something that it depends on.
  const isBefore = stopped === null || stopped < made;
  return [...(isBefore ? [complete] : []), ...(stopped === null ? [] : [stopped])];
}

/** Stops and removes the container that #made takes the place of, after those that are to be restarted with it. */
function planReplaced(
  state: ReconcileState,
  container: ObservedContainer,
  successor: Successor,
): number {
  const { builder, options } = state;
  const stopped = planStopOfReplaced(state, container, { ...successor, edges: [] });
  const withVolumes = options.renewAnonymousVolumes === true;
  const action = {
    kind: 'removeContainer',
    ...targetOf(container),
    withVolumes,
    isReplaced: true,
    cause: `replaced by #${successor.made}`,
  } as const;
  const removed = builder.add(action, edgesTo(stopped));
  if (withVolumes) planAnonymousVolumes(builder, [{ container, node: removed }]);
  return removed;
}

/** `restart: true` in depends_on: who has it must not notice that the dependency is away (compose-spec 05-services). */
function planDependentStops(state: ReconcileState, service: string, made: number): number[] {
  const { project, observed, services } = state;
  const dependents = services.filter(
    (name) => project.services[name]?.depends_on?.[service]?.restart === true,
  );
  return dependents.flatMap((name) => {
    const running = observed.containers.filter(
      (container) => container.service === name && !container.isOneOff && isUp(container),
    );
    if (running.length === 0) return [];
    const deeper = planDependentStops(state, name, made);
    const cause = `${service} is recreated`;
    const edges = edgesTo([made, ...deeper]);
    return running.flatMap((container) => planStopOf(state, container, { edges, cause }) ?? []);
  });
}
