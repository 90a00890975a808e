import { containerName } from '../names.ts';
import type { Service } from '../model/service.ts';
import { errorAt } from '../positions.ts';
import type { ContainerTarget } from './action.ts';
import { containerCreate } from './container-create.ts';
import { isSetAside, isUp, replicasOf, targetOf } from './existing.ts';
import { planPostStart } from './hooks.ts';
import { planFiles, planFilesAgain } from './injected-files.ts';
import type { ObservedContainer } from './observed.ts';
import { divergenceOf, inheriting, planRecreation } from './recreate.ts';
import { planInitLeftovers, planPreStart } from './pre-start.ts';
import { planRemoval } from './removal.ts';
import {
  addTo,
  dependencyEdges,
  edgesTo,
  type ReconcileState,
  resourceEdges,
  type ServiceScope,
} from './state.ts';
import { planUpdate, type Replaced } from './update.ts';
import { updatePolicy } from './update-policy.ts';
import { imageIdOf } from './wanted-image.ts';

/** Replicas of one service: created, recreated, started, kept or removed. */
export function planService(state: ReconcileState, name: string): void {
  const service = state.project.services[name];
  // What a provider runs has no containers; a service may have had some before it got one.
  if (service === undefined || service.provider !== undefined) return;
  const existing = replicasOf(state.observed, { services: [name] }).sort(
    (left, right) => left.number - right.number,
  );
  const wanted = state.options.scale?.[name] ?? replicasAsked(service);
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
  const scope = { name, service, imageId };
  const { keep, surplus } = partition(state, scope, { existing, wanted });
  if (keep.some((container) => goesOnRunning(state, scope, container))) state.running.add(name);
  planInitLeftovers(state, name);
  for (const container of surplus) planRemoval(state, container, 'surplus');
  const replaced = keep.flatMap((container) => planExisting(state, scope, container) ?? []);
  planReplacements(state, scope, replaced);
  for (const number of freeNumbers(keep, wanted)) planNew(state, scope, { number });
}

/** One of each on every node of a cluster: this is one node. */
const globalModes: readonly (string | undefined)[] = ['global', 'global-job'];

/** How many the file asks for. */
export function replicasAsked({ scale, deploy }: Service): number {
  return scale ?? (globalModes.includes(deploy?.mode) ? 1 : (deploy?.replicas ?? 1));
}

function goesOnRunning(
  state: ReconcileState,
  scope: ServiceScope,
  container: ObservedContainer,
): boolean {
  if (!isUp(container) || state.removals.has(container.id)) return false;
  return state.options.noRecreate === true || divergenceOf(state, scope, container) === null;
}

/** What an update has set aside for another goes first, then what has to be replaced, then the highest numbers. */
function partition(
  state: ReconcileState,
  scope: ServiceScope,
  {
    existing,
    wanted,
  }: { readonly existing: readonly ObservedContainer[]; readonly wanted: number },
): { readonly keep: readonly ObservedContainer[]; readonly surplus: readonly ObservedContainer[] } {
  const replicas = existing.filter((container) => !hasSuccessor(container, existing));
  const isObsolete = new Map(
    replicas.map((container) => [container, divergenceOf(state, scope, container) !== null]),
  );
  const current = replicas.filter((container) => isObsolete.get(container) !== true);
  const obsolete = replicas.filter((container) => isObsolete.get(container) === true);
  const kept = new Set([...current, ...obsolete].slice(0, wanted));
  return {
    keep: existing.filter((container) => kept.has(container)),
    surplus: existing.filter((container) => !kept.has(container)).reverse(),
  };
}

/** Of two that are set aside, the first is the replica. */
function hasSuccessor(
  container: ObservedContainer,
  existing: readonly ObservedContainer[],
): boolean {
  if (!isSetAside(container)) return false;
  const same = existing.filter(({ number }) => number === container.number);
  return (same.find((other) => !isSetAside(other)) ?? same[0]) !== container;
}

function freeNumbers(keep: readonly ObservedContainer[], wanted: number): number[] {
  const taken = new Set(keep.map(({ number }) => number));
  const numbers: number[] = [];
  for (let number = 1; numbers.length < wanted - keep.length; number += 1) {
    if (!taken.has(number)) numbers.push(number);
  }
  return numbers;
}

interface NewContainer {
  readonly number: number;
  /** Removed before, for something it uses: the new one goes on with its anonymous volumes. */
  readonly successorOf?: ObservedContainer;
}

function planNew(
  state: ReconcileState,
  scope: ServiceScope,
  { number, successorOf }: NewContainer,
): void {
  const { project, builder, options } = state;
  const { name: serviceName, service, imageId } = scope;
  const name = service.container_name ?? containerName(project.name, serviceName, number);
  const target: ContainerTarget = { name, service: serviceName, ref: name };
  const volumes =
    successorOf === undefined || options.renewAnonymousVolumes === true
      ? {}
      : { volumes: inheriting(scope, successorOf) };
  const body = containerCreate({
    ...{ project, serviceName, service, imageId, number, name },
    ...volumes,
  });
  const removed = state.removals.get(successorOf?.id ?? '');
  const created = builder.add(
    { kind: 'createContainer', ...target, body, cause: removed?.cause ?? 'no container' },
    [...edgesTo(removed === undefined ? [] : [removed.node]), ...resourceEdges(state, scope)],
  );
  addTo(state.makers, serviceName, created);
  const complete = planFiles(state, scope, { target, created });
  if (options.noStart === true) return;
  const cause = `created by #${created}`;
  const inits = planPreStart(state, scope, { target, imageId, ready: complete });
  const started = builder.add({ kind: 'startContainer', ...target, cause }, [
    ...dependencyEdges(state, service),
    ...edgesTo([...inits, complete]),
  ]);
  addTo(state.runners, serviceName, { node: planPostStart({ project, builder, target }, started) });
}

/** One that cannot start without files that it has lost is tried again and again until it is given them. */
function goesOn(
  { observed }: ReconcileState,
  { service }: ServiceScope,
  container: ObservedContainer,
): boolean {
  if (!isUp(container)) return false;
  const hasFiles = (service.secrets ?? service.configs) !== undefined;
  return container.status !== 'restarting' || !hasFiles || observed.isOtherEngine === true;
}

/** All at once, unless the service says how. */
function planReplacements(
  state: ReconcileState,
  scope: ServiceScope,
  replaced: readonly Replaced[],
): void {
  const policy = state.options.noStart === true ? null : updatePolicy(scope.service);
  if (policy !== null && replaced.length > 0) {
    planUpdate(state, scope, { replaced, policy });
    return;
  }
  for (const { container, cause } of replaced)
    planRecreation(state, { ...scope, container }, cause);
}

/** What is to be replaced is returned, for the whole service. */
function planExisting(
  state: ReconcileState,
  scope: ServiceScope,
  container: ObservedContainer,
): Replaced | null {
  const { builder, options, kept } = state;
  if (state.removals.has(container.id)) {
    planNew(state, scope, { number: container.number, successorOf: container });
    return null;
  }
  const divergence = divergenceOf(state, scope, container);
  const isLeft = options.noRecreate === true && !isSetAside(container);
  if (divergence !== null && !isLeft) return { container, cause: divergence };
  const { id, name, status } = container;
  const stopped = state.stops.get(id);
  if ((goesOn(state, scope, container) && stopped === undefined) || options.noStart === true) {
    kept.push({ id, name, service: scope.name });
    addTo(state.runners, scope.name, { container });
    return null;
  }
  const cause =
    stopped === undefined
      ? status === 'created'
        ? 'not started'
        : status
      : `stopped by #${stopped}`;
  const starting = { target: targetOf(container), imageId: scope.imageId, ready: null };
  const inits = stopped === undefined ? planPreStart(state, scope, starting) : [];
  const ready = edgesTo(stopped === undefined ? inits : [stopped]);
  const complete = planFilesAgain(state, scope, { target: targetOf(container), after: ready });
  const started = builder.add({ kind: 'startContainer', ...targetOf(container), cause }, [
    ...dependencyEdges(state, scope.service),
    ...complete,
  ]);
  const hooked = { project: state.project, builder, target: targetOf(container) };
  addTo(state.runners, scope.name, { node: planPostStart(hooked, started) });
  return null;
}
