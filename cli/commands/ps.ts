import type { ContainerStatus, ContainerSummary } from '../../engine/api/index.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { formatOption, parseSwitch, servicesArgument } from '../options.ts';
import { isOneOff, nameOf, projectFilter, serviceOf } from '../select.ts';
import { compareText } from '../ui/format.ts';

interface PsRequest {
  readonly services?: readonly string[];
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly listServices?: boolean;
  readonly status?: readonly string[];
  readonly filter?: string;
  readonly format?: string;
  readonly noTrunc?: boolean;
  readonly orphans?: boolean;
}

export const psCommand: Command = defineCommand<PsRequest>({
  name: 'ps',
  summary: 'list the containers of a project',
  arguments: [servicesArgument],
  options: {
    services: null,
    all: { flags: '-a, --all', description: 'stopped ones, and those of `run`, as well' },
    quiet: { flags: '-q, --quiet', description: 'only the ids' },
    listServices: { flags: '--services', description: 'only the names of the services' },
    status: {
      flags: '--status <status>',
      description:
        'only those that are paused, restarting, removing, running, dead, created or exited',
      repeats: true,
    },
    filter: {
      flags: '--filter <filter>',
      description: 'only those with a property: status=STATUS',
      parse: parseStatusFilter,
    },
    format: formatOption,
    noTrunc: { flags: '--no-trunc', description: 'whole ids and commands' },
    orphans: {
      flags: '--orphans [boolean]',
      description: 'containers of services that the compose file does not have (default: true)',
      parse: parseSwitch,
    },
  },
  examples: [
    'tscompose ps',
    'tscompose ps --format json | jq -r .Name',
    "tscompose ps --format 'table {{.Name}}\\t{{.Ports}}'",
  ],
  run: async (request, context) => {
    const project = await context.projectName();
    const engine = await context.engine();
    const signal = context.interrupts.graceful;
    // Without --all the engine would hide the stopped ones, and a service would look as if it did not exist.
    const found = await engine.containers.list({
      all: true,
      filters: projectFilter(project),
      signal,
    });
    const services = await wantedServices(request, found, context);
    const shown = found
      .filter((container) => services === null || services.has(serviceOf(container)))
      .filter((container) => isWanted(container, request))
      .sort((left, right) => compareText(nameOf(left), nameOf(right)));
    await context.ui.stdout.write(await render(shown, project, request));
    return undefined;
  },
});

function parseStatusFilter(text: string): string {
  const [key = '', value] = text.split(/=(.*)/su);
  if (value === undefined) throw new CliError('arguments to --filter should be in form KEY=VAL');
  if (key !== 'status') throw new CliError('unknown filter name', { hint: 'there is: status' });
  return value;
}

/** null is all. A service that exists nowhere is refused; the file is only asked when the containers do not tell. */
async function wantedServices(
  { services = [], orphans }: PsRequest,
  found: readonly ContainerSummary[],
  context: Context,
): Promise<ReadonlySet<string> | null> {
  const known = new Set(found.map(serviceOf));
  if (services.length > 0) {
    if (!services.every((service) => known.has(service))) {
      const { requireKnown } = await import('../scope.ts');
      await requireKnown(context, known, services);
    }
    return new Set(services);
  }
  if (orphans !== false) return null;
  const { scopeOf } = await import('../scope.ts');
  const { project } = await scopeOf(context);
  return project === undefined ? null : new Set(Object.keys(project.services));
}

const upStates: ReadonlySet<ContainerStatus> = new Set(['running', 'paused', 'restarting']);

function isWanted(container: ContainerSummary, { all, status = [], filter }: PsRequest): boolean {
  const states = [...status, ...(filter === undefined ? [] : [filter])];
  if (states.length > 0) return states.includes(container.State);
  return all === true || (upStates.has(container.State) && !isOneOff(container));
}

async function render(
  containers: readonly ContainerSummary[],
  project: string,
  { quiet, listServices, format, noTrunc }: PsRequest,
): Promise<string> {
  if (quiet === true) return lines(containers.map(({ Id }) => Id));
  if (listServices === true) return lines([...new Set(containers.map(serviceOf))]);
  const { containerFormat, containerRow } = await import('../ui/container-row.ts');
  const { renderRows } = await import('../ui/rows.ts');
  const rows = containers.map((container) =>
    containerRow(container, { project, isCut: noTrunc !== true }),
  );
  return renderRows(rows, format, containerFormat);
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
