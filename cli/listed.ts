/** The containers that a list is about. */
import type { ContainerSummary } from '../engine/api/index.ts';
import type { Context } from './context.ts';
import { nameOf, projectFilter, serviceOf } from './select.ts';
import { compareText } from './ui/format.ts';

export interface ListRequest {
  readonly services?: readonly string[] | undefined;
  /** Stopped ones as well. */
  readonly all?: boolean | undefined;
}

/** By name. Refuses services that are neither among the project's containers nor in its file. */
export async function listContainers(
  context: Context,
  { services = [], all }: ListRequest,
): Promise<readonly ContainerSummary[]> {
  const project = await context.projectName();
  const engine = await context.engine();
  const found = await engine.containers.list({
    all: true,
    filters: projectFilter(project),
    signal: context.interrupts.graceful,
  });
  const known = new Set(found.map(serviceOf));
  if (!services.every((service) => known.has(service))) {
    const { requireKnown } = await import('./scope.ts');
    await requireKnown(context, known, services);
  }
  return found
    .filter((container) => services.length === 0 || services.includes(serviceOf(container)))
    .filter((container) => all === true || isUp(container))
    .sort((left, right) => compareText(nameOf(left), nameOf(right)));
}

export function isUp({ State }: Pick<ContainerSummary, 'State'>): boolean {
  return State === 'running' || State === 'paused' || State === 'restarting';
}
