/**
 * Replaces the containers of a service batch by batch. What is replaced is set aside, and removed when its successor has
 * settled, or, where a failure is to be taken back, when all have.
 */
import { textAt } from '../positions.ts';
import { asideName, targetOf } from './existing.ts';
import type { ObservedContainer } from './observed.ts';
import type { PlanEdge } from './plan.ts';
import {
  planSuccessor,
  planStartOf,
  planStopOfReplaced,
  planTakeOver,
  type Recreation,
  type Successor,
} from './recreate.ts';
import { planAnonymousVolumes } from './removal.ts';
import { addTo, edgesTo, type ReconcileState, type ServiceScope } from './state.ts';
import { batchesOf, loneliness, type ServiceUpdate, type UpdatePolicy } from './update-policy.ts';

export interface Replaced {
  readonly container: ObservedContainer;
  readonly cause: string;
}

/** What one of them has become: nodes of the plan. */
interface Step {
  readonly container: ObservedContainer;
  readonly made: number;
  /** After which the successor runs. */
  readonly started: number;
  /** After which the old one is out of the way and the new one has its name. */
  readonly renamed: number;
}

export function planUpdate(
  state: ReconcileState,
  scope: ServiceScope,
  {
    replaced,
    policy: asked,
  }: { readonly replaced: readonly Replaced[]; readonly policy: UpdatePolicy },
): void {
  const policy = possiblePolicy(state, scope, asked);
  const update = { service: scope.name, kind: 'update', policy, total: replaced.length } as const;
  const planOne = policy.isStartFirst ? planStartFirst : planStopFirst;
  const steps: Step[] = [];
  let before: readonly PlanEdge[] = [];
  for (const batch of batchesOf(replaced, policy)) {
    const done = batch.map(({ container, cause }) =>
      planOne(state, { ...scope, container }, { update, cause, edges: before }),
    );
    before = afterBatch(done, policy);
    steps.push(...done);
  }
  for (const step of steps) {
    planRemovalOfOld(state, step, policy.failureAction === 'rollback' ? steps : [step]);
  }
}

/** The next batch waits until all of one have settled, and for the delay. */
export function afterBatch(
  steps: readonly Pick<Step, 'started' | 'renamed'>[],
  { delayMs }: UpdatePolicy,
): PlanEdge[] {
  const settled = steps.map(({ started }) => settledEdge(started, delayMs));
  return [...settled, ...edgesTo(steps.map(({ renamed }) => renamed))];
}

export function settledEdge(node: number, delayMs = 0): PlanEdge {
  return { node, condition: 'settled', ...(delayMs > 0 && { delayMs }) };
}

function possiblePolicy(
  { project, warnings }: ReconcileState,
  { name, service }: ServiceScope,
  policy: UpdatePolicy,
): UpdatePolicy {
  const reason = policy.isStartFirst ? loneliness(service) : null;
  if (reason === null) return policy;
  const path = ['services', name, 'deploy', 'update_config', 'order'];
  const message = `service "${name}" stops first: it ${reason}, which two containers cannot do at the same time`;
  warnings.push(textAt(project, path, message));
  return { ...policy, isStartFirst: false };
}

interface Making {
  readonly update: ServiceUpdate;
  readonly cause: string;
  readonly edges: readonly PlanEdge[];
}

function planStopFirst(state: ReconcileState, scope: Recreation, making: Making): Step {
  const { container, name: service } = scope;
  const successor = planSuccessor(state, scope, making);
  const stopped = planStopOfReplaced(state, container, { ...successor, edges: [] });
  const renamed = planExchange(state, scope, { successor, after: edgesTo(stopped) });
  const target = { name: successor.name, service, ref: successor.name };
  const starting = { target, made: successor.made, ready: renamed, update: making.update };
  const started = planStartOf(state, scope, starting);
  addTo(state.runners, service, { node: started });
  return { container, made: successor.made, started, renamed };
}

/** The new one runs under its temporary name until it has settled. */
function planStartFirst(state: ReconcileState, scope: Recreation, making: Making): Step {
  const { container, name: service } = scope;
  const successor = planSuccessor(state, scope, making);
  const { made, complete, name, target } = successor;
  const started = planStartOf(state, scope, {
    target: { ...target, name },
    made,
    ready: complete,
    update: making.update,
  });
  const edges = [settledEdge(started)];
  const stopped = planStopOfReplaced(state, container, { ...successor, edges });
  const renamed = planExchange(state, scope, { successor, after: [...edges, ...edgesTo(stopped)] });
  addTo(state.runners, service, { node: started });
  return { container, made, started, renamed };
}

/** The old one gives its name to the new one. */
function planExchange(
  state: ReconcileState,
  scope: Recreation,
  { successor, after }: { readonly successor: Successor; readonly after: readonly PlanEdge[] },
): number {
  const { container } = scope;
  const newName = asideName(container);
  const aside = state.builder.add(
    {
      kind: 'renameContainer',
      ...targetOf(container),
      newName,
      isReplaced: true,
      cause: `replaced by #${successor.made}`,
    },
    after,
  );
  return planTakeOver(state, scope, { successor, after: aside });
}

function planRemovalOfOld(
  { builder, options }: ReconcileState,
  { container, made, renamed }: Step,
  awaited: readonly Step[],
): void {
  const withVolumes = options.renewAnonymousVolumes === true;
  const node = builder.add(
    {
      kind: 'removeContainer',
      ...targetOf(container),
      withVolumes,
      isReplaced: true,
      cause: `replaced by #${made}`,
    },
    [...awaited.map(({ started }) => settledEdge(started)), ...edgesTo([renamed])],
  );
  if (withVolumes) planAnonymousVolumes(builder, [{ container, node }]);
}
