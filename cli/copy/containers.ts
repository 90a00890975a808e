/** The containers of a service that a copy, an export or a commit is about, running or not. */
import type { ContainerSummary } from '../../engine/api/index.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { isOneOff, nameOf, projectFilter, serviceOf } from '../select.ts';

const numberLabel = 'com.docker.compose.container-number';

export interface ServiceContainers {
  readonly service: string;
  /** A replica's number; 0 and absent: no matter which. */
  readonly index?: number | undefined;
  /** Those of `run` as well. */
  readonly withOneOffs?: boolean;
}

export interface FoundContainer {
  readonly id: string;
  readonly name: string;
}

/** Ordered by their numbers; at least one. */
export async function findContainers(
  context: Pick<Context, 'engine' | 'interrupts' | 'projectName'>,
  { service, index = 0, withOneOffs = false }: ServiceContainers,
): Promise<readonly [FoundContainer, ...FoundContainer[]]> {
  const project = await context.projectName();
  const engine = await context.engine();
  const all = await engine.containers.list({
    all: true,
    filters: projectFilter(project),
    signal: context.interrupts.graceful,
  });
  const [first, ...others] = all
    .filter((container) => serviceOf(container) === service)
    .filter((container) => withOneOffs || !isOneOff(container))
    .filter((container) => index === 0 || numberOf(container) === index)
    .sort((left, right) => numberOf(left) - numberOf(right))
    .map((container) => ({ id: container.Id, name: nameOf(container) }));
  if (first !== undefined) return [first, ...others];
  throw new CliError(
    index === 0
      ? `no container found for service "${service}"`
      : `service "${service}" has no container #${index}`,
    { hint: `\`tscompose create ${service}\` makes one` },
  );
}

function numberOf({ Labels }: ContainerSummary): number {
  return Number(Labels[numberLabel] ?? '0');
}
