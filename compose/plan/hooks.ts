/** Commands that run inside a container right after its start, and right before it is stopped. */
import type { Project } from '../model/project.ts';
import type { Service } from '../model/service.ts';
import type { ContainerTarget } from './action.ts';
import type { PlanBuilder, PlanEdge } from './plan.ts';
import type { ServiceUpdate } from './update-policy.ts';

/** Containers of a service whose profile is not active any more end as they began. */
function serviceOf(
  project: Project | undefined,
  { service }: ContainerTarget,
): Service | undefined {
  if (project === undefined || service === null) return undefined;
  return project.services[service] ?? project.disabledServices[service];
}

interface HookScope {
  readonly project: Project | undefined;
  readonly builder: PlanBuilder;
  readonly target: ContainerTarget;
  readonly update?: ServiceUpdate | undefined;
}

/** One after the other; the last node, or the start where there are none. */
export function planPostStart(
  { project, builder, target, update }: HookScope,
  started: number,
): number {
  const hooks = serviceOf(project, target)?.post_start ?? [];
  const cause = `started by #${started}`;
  return hooks.reduce(
    (last, hook) =>
      builder.add({ kind: 'runHook', ...target, hook, cause }, [{ node: last }], update),
    started,
  );
}

/** One after the other, behind what the stop waits for; what the stop waits for then. */
export function planPreStop(
  { project, builder, target }: HookScope,
  edges: readonly PlanEdge[],
): readonly PlanEdge[] {
  const hooks = serviceOf(project, target)?.pre_stop ?? [];
  return hooks.reduce<readonly PlanEdge[]>(
    (last, hook) => [
      { node: builder.add({ kind: 'runHook', ...target, hook, cause: 'stop' }, last) },
    ],
    edges,
  );
}
