import { errorAt } from '../positions.ts';
import type { ServiceMount } from '../model/mount.ts';
import type { Service } from '../model/service.ts';
import { builtImageName, containerName, isAnonymous } from '../names.ts';
import type { ContainerTarget } from './action.ts';
import { serviceHash } from './config-hash.ts';
import { containerCreate } from './container-create.ts';
import { networksOf } from './create/networks.ts';
import { findImage } from './images.ts';
import type { ObservedContainer } from './observed.ts';
import type { ReconcileOptions } from './options.ts';
import type { Condition, KeptContainer, PlanEdge } from './plan.ts';
import { planAnonymousVolumes, type ReconcileState } from './resources.ts';

export interface ContainerState extends ReconcileState {
  readonly options: ReconcileOptions;
  readonly kept: KeptContainer[];
  /** Service → what of it runs once the plan is done: a node that starts it, or a container that is kept. */
  readonly runners: Map<string, Runner[]>;
  /** Services with a container that is replaced, for those that share a namespace with it. */
  readonly recreated: Set<string>;
}

export type Runner = { readonly node: number } | { readonly container: ObservedContainer };

/** Replicas of one service: created, recreated, started, kept or removed. */
export function planService(state: ContainerState, name: string): void {
  const service = state.project.services[name];
  if (service === undefined) return;
  const existing = replicasOf(state, name);
  const wanted = state.options.scale?.[name] ?? service.scale ?? service.deploy?.replicas ?? 1;
  if (wanted > 1 && service.container_name !== undefined) {
    state.errors.push(
      errorAt(
        state.project,
        [
          'conflicting-attributes',
          `service "${name}" cannot run ${wanted} times: container_name "${service.container_name}" can be given once`,
        ],
        { path: ['services', name, 'container_name'], hint: 'remove container_name' },
      ),
    );
    return;
  }
  const imageId = imageIdOf(state, name, service);
  const { keep, surplus } = partition(existing, wanted);
  for (const container of surplus) planRemoval(state, container, 'surplus');
  const scope = { name, service, imageId };
  for (const container of keep) planExisting(state, scope, container);
  for (const number of freeNumbers(keep, wanted)) planNew(state, scope, number);
}

function replicasOf({ observed }: ContainerState, name: string): ObservedContainer[] {
  return observed.containers
    .filter(({ service, isOneOff }) => service === name && !isOneOff)
    .sort((left, right) => left.number - right.number);
}

/** The lowest numbers stay. */
function partition(
  existing: readonly ObservedContainer[],
  wanted: number,
): { readonly keep: readonly ObservedContainer[]; readonly surplus: readonly ObservedContainer[] } {
  return { keep: existing.slice(0, wanted), surplus: existing.slice(wanted).reverse() };
}

function freeNumbers(keep: readonly ObservedContainer[], wanted: number): number[] {
  const taken = new Set(keep.map(({ number }) => number));
  const numbers: number[] = [];
  for (let number = 1; numbers.length < wanted - keep.length; number += 1) {
    if (!taken.has(number)) numbers.push(number);
  }
  return numbers;
}

/** "" when there is none: the error is recorded, and nothing of this plan will run. */
function imageIdOf(state: ContainerState, name: string, service: Service): string {
  const { project, observed, errors } = state;
  const image = service.image ?? builtImageName(project.name, name);
  const id = findImage(observed.images, image);
  if (id !== null) return id;
  if (service.provider !== undefined) {
    errors.push(
      errorAt(
        project,
        ['not-supported', `service "${name}" is run by a provider, which is not possible yet`],
        {
          path: ['services', name, 'provider'],
        },
      ),
    );
  } else if (service.build !== undefined) {
    errors.push(
      errorAt(
        project,
        [
          'not-supported',
          `image "${image}" of service "${name}" is not there, and building is not possible yet`,
        ],
        {
          path: ['services', name, 'build'],
          hint: 'build it elsewhere and load it, or set "image:" to one the engine has',
        },
      ),
    );
  } else {
    errors.push(
      errorAt(
        project,
        ['missing-image', `image "${image}" of service "${name}" is not on this engine`],
        {
          path: ['services', name, 'image'],
          hint: 'load or import it (pulling is not possible yet), or use "tscompose.local/host" for programs of this host',
        },
      ),
    );
  }
  return '';
}

interface ServiceScope {
  readonly name: string;
  readonly service: Service;
  readonly imageId: string;
}

function planNew(state: ContainerState, scope: ServiceScope, number: number): void {
  const { project, builder, options } = state;
  const name = scope.service.container_name ?? containerName(project.name, scope.name, number);
  const target: ContainerTarget = { name, service: scope.name, ref: name };
  const body = containerCreate({ ...identityOf(state, scope), number, name });
  const created = builder.add(
    { kind: 'createContainer', ...target, body, cause: 'no container' },
    resourceEdges(state, scope),
  );
  if (options.noStart === true) return;
  const cause = `created by #${created}`;
  const started = builder.add({ kind: 'startContainer', ...target, cause }, [
    ...dependencyEdges(state, scope.service),
    { node: created },
  ]);
  addRunner(state, scope.name, { node: started });
}

function identityOf(
  state: ContainerState,
  { name, service, imageId }: ServiceScope,
): {
  readonly project: ContainerState['project'];
  readonly serviceName: string;
  readonly service: Service;
  readonly imageId: string;
} {
  return { project: state.project, serviceName: name, service, imageId };
}

function planExisting(
  state: ContainerState,
  scope: ServiceScope,
  container: ObservedContainer,
): void {
  const { builder, options, kept } = state;
  const divergence = divergenceOf(state, scope, container);
  if (divergence !== null && options.noRecreate !== true) {
    planRecreation(state, { ...scope, container }, divergence);
    return;
  }
  const { id, name, status } = container;
  const isUp = status === 'running' || status === 'restarting' || status === 'paused';
  if (isUp || options.noStart === true) {
    kept.push({ id, name, service: scope.name });
    addRunner(state, scope.name, { container });
    return;
  }
  const target = { name, service: scope.name, ref: id };
  const started = builder.add(
    { kind: 'startContainer', ...target, cause: status === 'created' ? 'not started' : status },
    dependencyEdges(state, scope.service),
  );
  addRunner(state, scope.name, { node: started });
}

/** Why a container must be replaced, or null. */
function divergenceOf(
  state: ContainerState,
  scope: ServiceScope,
  container: ObservedContainer,
): string | null {
  const { service, imageId } = scope;
  if (state.options.forceRecreate === true) return 'forced';
  if (container.configHash !== serviceHash(service, state.project)) return 'configuration changed';
  if (container.imageId !== imageId) return 'image changed';
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

function sharedServices({ network_mode, ipc, pid, volumes_from }: Service): string[] {
  const namespaces = [network_mode, ipc, pid].flatMap((mode) =>
    mode?.startsWith('service:') === true ? [mode.slice('service:'.length)] : [],
  );
  return [...namespaces, ...(volumes_from ?? []).map((source) => source.split(':')[0] ?? '')];
}

/** The data of anonymous volumes, the image's as well, belongs to the service: the new container goes on with it. */
function inheriting({ service, container }: Recreation): readonly ServiceMount[] {
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

interface Recreation extends ServiceScope {
  readonly container: ObservedContainer;
}

/** create under a temporary name → stop → remove → rename → start: a failing create leaves the old one as it is. */
function planRecreation(state: ContainerState, scope: Recreation, cause: string): void {
  const { builder, options } = state;
  const { container, name: service } = scope;
  state.recreated.add(service);
  const { id, number } = container;
  const name = scope.service.container_name ?? containerName(state.project.name, service, number);
  const temporary = `${id.slice(0, 12)}_${name}`;
  const target = { name: temporary, service, ref: temporary };
  const volumes = options.renewAnonymousVolumes === true ? {} : { volumes: inheriting(scope) };
  const body = containerCreate({ ...identityOf(state, scope), ...volumes, number, name });
  const made = builder.add(
    { kind: 'createContainer', ...target, body, replaces: name, cause },
    resourceEdges(state, scope),
  );
  const gone = planReplaced(state, container, made);
  const renamed = builder.add(
    { kind: 'renameContainer', ...target, newName: name, cause: `replaces ${container.name}` },
    [{ node: gone }],
  );
  if (options.noStart === true) return;
  const started = builder.add(
    { kind: 'startContainer', name, service, ref: name, cause: `created by #${made}` },
    [...dependencyEdges(state, scope.service), { node: renamed }],
  );
  addRunner(state, service, { node: started });
}

/** Stops and removes the container that #made takes the place of. */
function planReplaced(
  { builder, options }: ContainerState,
  container: ObservedContainer,
  made: number,
): number {
  const old = { name: container.name, service: container.service, ref: container.id };
  const cause = `replaced by #${made}`;
  const timeoutSeconds = options.timeoutSeconds ?? null;
  const last = isStopped(container)
    ? made
    : builder.add({ kind: 'stopContainer', ...old, timeoutSeconds, isReplaced: true, cause }, [
        { node: made },
      ]);
  const withVolumes = options.renewAnonymousVolumes === true;
  const action = { kind: 'removeContainer', ...old, withVolumes, isReplaced: true, cause } as const;
  const removed = builder.add(action, [{ node: last }]);
  if (withVolumes) planAnonymousVolumes(builder, [{ container, node: removed }]);
  return removed;
}

function isStopped({ status }: ObservedContainer): boolean {
  return status === 'exited' || status === 'created' || status === 'dead';
}

export function planRemoval(
  { builder, options }: Pick<ContainerState, 'builder' | 'options'>,
  container: ObservedContainer,
  cause: string,
): void {
  const target = { name: container.name, service: container.service, ref: container.id };
  const timeoutSeconds = options.timeoutSeconds ?? null;
  const edges = isStopped(container)
    ? []
    : [{ node: builder.add({ kind: 'stopContainer', ...target, timeoutSeconds, cause }) }];
  builder.add({ kind: 'removeContainer', ...target, withVolumes: false, cause }, edges);
}

function addRunner({ runners }: ContainerState, service: string, runner: Runner): void {
  const list = runners.get(service) ?? [];
  list.push(runner);
  runners.set(service, list);
}

/** Networks and volumes that this plan creates and the service uses. */
function resourceEdges(state: ContainerState, { service }: ServiceScope): PlanEdge[] {
  const keys = [
    ...Object.keys(service.networks ?? {}).map((key) => `networks/${key}`),
    ...(service.volumes ?? []).flatMap(({ type, source }) =>
      type === 'volume' && source !== undefined ? [`volumes/${source}`] : [],
    ),
  ];
  const nodes = new Set(keys.flatMap((key) => state.creators.get(key) ?? []));
  return [...nodes].sort((left, right) => left - right).map((node) => ({ node }));
}

const conditionOf: Readonly<Record<string, Condition | undefined>> = {
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
};

/** What must run, be healthy or have completed before a container of this service starts. */
function dependencyEdges({ runners }: ContainerState, service: Service): PlanEdge[] {
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
