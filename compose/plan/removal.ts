import { isAnonymous } from '../names.ts';
import { isUp, labelledDependencies, targetOf } from './existing.ts';
import { planPreStop } from './hooks.ts';
import type { ObservedContainer } from './observed.ts';
import type { PlanBuilder, PlanEdge } from './plan.ts';
import { edgesTo, type ReconcileState } from './state.ts';

/** The node after which a container does not run any more, or null where it does not run now. */
export function planStopOf(
  state: ReconcileState,
  container: ObservedContainer,
  {
    edges = [],
    cause,
    isReplaced,
  }: {
    readonly edges?: readonly PlanEdge[];
    readonly cause: string;
    readonly isReplaced?: boolean;
  },
): number | null {
  const earlier = state.stops.get(container.id);
  if (earlier !== undefined || !isUp(container)) return earlier ?? null;
  const timeoutSeconds = state.options.timeoutSeconds ?? null;
  const action = {
    kind: 'stopContainer',
    ...targetOf(container),
    timeoutSeconds,
    ...(isReplaced === true && { isReplaced }),
    cause,
  } as const;
  const { project, builder } = state;
  const hooked = { project, builder, target: targetOf(container) };
  const node = builder.add(action, planPreStop(hooked, edges));
  state.stops.set(container.id, node);
  return node;
}

/** Stops and removes a container for good. */
export function planRemoval(
  state: ReconcileState,
  container: ObservedContainer,
  cause: string,
): number {
  return planRemovalAfter(state, container, { cause });
}

function planRemovalAfter(
  state: ReconcileState,
  container: ObservedContainer,
  { cause, edges = [] }: { readonly cause: string; readonly edges?: readonly PlanEdge[] },
): number {
  const earlier = state.removals.get(container.id);
  if (earlier !== undefined) return earlier.node;
  const stopped = planStopOf(state, container, { cause, edges });
  const action = {
    kind: 'removeContainer',
    ...targetOf(container),
    withVolumes: false,
    cause,
  } as const;
  const node = state.builder.add(action, stopped === null ? [] : [{ node: stopped }]);
  state.removals.set(container.id, { node, cause });
  return node;
}

/** Removes containers of what is to be made anew, those that depend on others of them first. */
export function planRemovals(
  state: ReconcileState,
  containers: readonly ObservedContainer[],
  cause: string,
): PlanEdge[] {
  const order = [...state.services].reverse();
  const rank = ({ service }: ObservedContainer): number => order.indexOf(service ?? '');
  const sorted = [...containers].sort((left, right) => rank(left) - rank(right));
  const nodes = sorted.map((container) => {
    const dependents = containers.filter((other) =>
      labelledDependencies(other).some(({ service }) => service === container.service),
    );
    const edges = edgesTo(dependents.flatMap(({ id }) => state.stops.get(id) ?? []));
    return planRemovalAfter(state, container, { cause, edges });
  });
  return edgesTo(nodes);
}

/**
 * An engine removes with a container only the volumes that this container was the first to mount: one that was handed on
 * when the container was recreated has to be named.
 */
export function planAnonymousVolumes(
  builder: PlanBuilder,
  removals: readonly { readonly container: ObservedContainer; readonly node: number }[],
): void {
  const names = new Set(removals.flatMap(({ container }) => container.volumes.filter(isAnonymous)));
  for (const name of names) {
    const users = removals.filter(({ container }) => container.volumes.includes(name));
    const edges = users.map(({ node }) => ({ node }));
    builder.add({ kind: 'removeVolume', name, cause: 'anonymous' }, edges);
  }
}
