/** The way back of an update that has failed: what was set aside takes its place again. */
import type { Project } from '../model/project.ts';
import { asideName, isUp, targetOf } from './existing.ts';
import { planPostStart } from './hooks.ts';
import type { Observed, ObservedContainer } from './observed.ts';
import type { Plan, PlanEdge } from './plan.ts';
import { finishPlan, newState } from './reconcile.ts';
import { planStopOf } from './removal.ts';
import { edgesTo, type ReconcileState } from './state.ts';
import { afterBatch, settledEdge } from './update.ts';
import { batchesOf, rollbackPolicy, type ServiceUpdate } from './update-policy.ts';

/** What the update was planned from, and what it has left. */
export interface FailedUpdate {
  readonly project: Project;
  readonly service: string;
  /** Also what has a successor. */
  readonly isWhole: boolean;
  readonly before: Observed;
  readonly now: Observed;
}

interface Pair {
  readonly old: ObservedContainer;
  /** As it was called, and whether it ran. */
  readonly was: ObservedContainer;
  readonly successor: ObservedContainer | undefined;
}

/** Empty where nothing was replaced yet. */
export function planRollback(failed: FailedUpdate): Plan {
  const { project, service: name, isWhole, before, now } = failed;
  const state = newState({ project, observed: now, options: {}, services: [] });
  const service = project.services[name];
  const pairs = pairsOf(name, before, now).filter(
    ({ successor }) => isWhole || successor === undefined,
  );
  if (service === undefined || pairs.length === 0) return finishPlan(state);
  const policy = rollbackPolicy(service);
  const update = { service: name, kind: 'rollback', policy, total: pairs.length } as const;
  const takeBack = policy.isStartFirst ? takeBackStartFirst : takeBackStopFirst;
  let edges: readonly PlanEdge[] = [];
  for (const batch of batchesOf(pairs, policy)) {
    const steps = batch.map((pair) => takeBack(state, pair, { update, edges }));
    edges = afterBatch(
      steps.flatMap((step) => step ?? []),
      policy,
    );
  }
  return finishPlan(state);
}

/** Those that are not as they were: set aside, stopped, or with a successor. */
function pairsOf(service: string, before: Observed, now: Observed): Pair[] {
  const known = new Set(before.containers.map(({ id }) => id));
  const ours = now.containers.filter((one) => one.service === service && !one.isOneOff);
  return before.containers.flatMap((was) => {
    const old = ours.find(({ id }) => id === was.id);
    if (old === undefined) return [];
    const successor = ours.find(({ id, number }) => !known.has(id) && number === was.number);
    const isAsItWas = old.name === was.name && isUp(old) === isUp(was);
    return isAsItWas && successor === undefined ? [] : [{ old, was, successor }];
  });
}

interface Making {
  readonly update: ServiceUpdate;
  readonly edges: readonly PlanEdge[];
}

interface Step {
  readonly started: number;
  readonly renamed: number;
}

/** What failed is removed last, so that whether the old one settles is waited for. */
function takeBackStopFirst(state: ReconcileState, pair: Pair, making: Making): Step | null {
  const aside = planSuccessorAside(state, pair, making.edges);
  const renamed = planOldName(state, pair, aside);
  const step = startOf(state, pair, { update: making.update, edges: renamed });
  planRemovalOf(state, pair, step === null ? renamed : [settledEdge(step.started)]);
  return step;
}

function takeBackStartFirst(state: ReconcileState, pair: Pair, making: Making): Step | null {
  const step = startOf(state, pair, making);
  const edges = step === null ? making.edges : [settledEdge(step.started)];
  const stopped = planStopOfSuccessor(state, pair, edges);
  const [renamed] = planOldName(state, pair, planRemovalOf(state, pair, stopped));
  const node = renamed !== undefined && 'node' in renamed ? renamed.node : step?.started;
  return step === null || node === undefined ? null : { ...step, renamed: node };
}

/** Each of these returns what the next step waits for; without a successor that is what they were given. */
function planStopOfSuccessor(
  state: ReconcileState,
  { successor, old }: Pair,
  edges: readonly PlanEdge[],
): readonly PlanEdge[] {
  if (successor === undefined) return edges;
  const stopped = planStopOf(state, successor, { edges, cause: causeOf(old) });
  return stopped === null ? edges : edgesTo([stopped]);
}

function planSuccessorAside(
  state: ReconcileState,
  pair: Pair,
  edges: readonly PlanEdge[],
): readonly PlanEdge[] {
  const stopped = planStopOfSuccessor(state, pair, edges);
  const { successor, old } = pair;
  if (successor === undefined) return stopped;
  const action = {
    kind: 'renameContainer',
    ...targetOf(successor),
    newName: asideName(successor),
    isReplaced: true,
    cause: causeOf(old),
  } as const;
  return [{ node: state.builder.add(action, stopped) }];
}

function planRemovalOf(
  { builder }: ReconcileState,
  { successor, old }: Pair,
  edges: readonly PlanEdge[],
): readonly PlanEdge[] {
  if (successor === undefined) return edges;
  const action = {
    kind: 'removeContainer',
    ...targetOf(successor),
    withVolumes: false,
    cause: causeOf(old),
  } as const;
  return [{ node: builder.add(action, edges) }];
}

function causeOf(old: ObservedContainer): string {
  return `${old.id.slice(0, 12)} is back`;
}

function planOldName(
  { builder }: ReconcileState,
  { old, was }: Pair,
  edges: readonly PlanEdge[],
): readonly PlanEdge[] {
  if (old.name === was.name) return edges;
  const action = {
    kind: 'renameContainer',
    ...targetOf(old),
    newName: was.name,
    isRestored: true,
    cause: 'the update failed',
  } as const;
  return [{ node: builder.add(action, edges) }];
}

/** null: it runs, or did not run before. */
function startOf(
  { builder, project }: ReconcileState,
  { old, was }: Pair,
  { update, edges }: Making,
): Step | null {
  if (!isUp(was) || isUp(old)) return null;
  const target = { ...targetOf(old), name: was.name };
  const cause = 'the update failed';
  const node = builder.add({ kind: 'startContainer', ...target, cause }, edges, update);
  const started = planPostStart({ project, builder, target, update }, node);
  return { started, renamed: started };
}
