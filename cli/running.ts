/** The one container of a service that a command is about. */
import type { ContainerSummary } from '../engine/api/index.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { isOneOff, projectFilter, serviceOf } from './select.ts';

const numberLabel = 'com.docker.compose.container-number';

export interface Wanted {
  readonly project: string;
  readonly service: string;
  /** The replica's number; absent: the lowest. */
  readonly index?: number;
}

/** Its id. */
export async function findRunning(
  context: Pick<Context, 'engine' | 'interrupts'>,
  wanted: Wanted,
): Promise<string> {
  return (await findContainer(context, wanted)).Id;
}

/** A one-off container is only taken where the service has no other. */
export async function findContainer(
  context: Pick<Context, 'engine' | 'interrupts'>,
  { project, service, index }: Wanted,
): Promise<ContainerSummary> {
  const engine = await context.engine();
  const found = await engine.containers.list({
    filters: projectFilter(project),
    signal: context.interrupts.graceful,
  });
  const ofService = found.filter((container) => serviceOf(container) === service);
  const replicas = ofService.filter((container) => !isOneOff(container)).sort(byNumber);
  const chosen =
    index === undefined
      ? (replicas[0] ?? ofService[0])
      : replicas.find((container) => numberOf(container) === index);
  if (chosen !== undefined) return chosen;
  const message =
    index === undefined || replicas.length === 0
      ? `service "${service}" is not running`
      : `service "${service}" is not running container #${index}`;
  throw new CliError(message, { hint: `\`tscompose up -d ${service}\` starts it` });
}

function numberOf({ Labels }: ContainerSummary): number {
  return Number(Labels[numberLabel] ?? '0');
}

function byNumber(left: ContainerSummary, right: ContainerSummary): number {
  return numberOf(left) - numberOf(right);
}
