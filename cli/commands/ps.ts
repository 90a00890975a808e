import type { ContainerSummary } from '../../engine/api/index.ts';
import { defineCommand, type Command } from '../command.ts';
import { servicesArgument } from '../options.ts';
import { isOneOff, nameOf, projectFilter, selectContainers, serviceOf } from '../select.ts';
import { comparePorts, compareText, formatAge, formatCommand, formatPorts } from '../ui/format.ts';
import { renderTable } from '../ui/table.ts';

interface PsRequest {
  readonly services?: readonly string[];
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly listServices?: boolean;
  readonly format?: 'table' | 'json';
  readonly noTrunc?: boolean;
}

export const psCommand: Command = defineCommand<PsRequest>({
  name: 'ps',
  summary: 'list the containers of a project',
  arguments: [servicesArgument],
  options: {
    services: null,
    all: { flags: '-a, --all', description: 'stopped ones as well' },
    quiet: { flags: '-q, --quiet', description: 'only the ids' },
    listServices: { flags: '--services', description: 'only the names of the services' },
    format: {
      flags: '--format <format>',
      description: 'output format',
      choices: ['table', 'json'],
    },
    noTrunc: { flags: '--no-trunc', description: 'whole ids and commands' },
  },
  examples: ['tscompose ps', 'tscompose ps --format json | jq -r .Name'],
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
    const selected = selectContainers(found, request.services ?? []);
    const shown = selected.filter((container) => request.all === true || isUp(container));
    await context.ui.stdout.write(render(shown, project, request));
    return undefined;
  },
});

function isUp(container: ContainerSummary): boolean {
  const { State } = container;
  return State === 'running' || State === 'paused' || State === 'restarting';
}

function render(
  containers: readonly ContainerSummary[],
  project: string,
  { quiet, listServices, format, noTrunc }: PsRequest,
): string {
  const isCut = noTrunc !== true;
  if (quiet === true) return lines(containers.map(({ Id }) => idOf(Id, isCut)));
  if (listServices === true)
    return lines([...new Set(containers.map(serviceOf))].sort(compareText));
  if (format === 'json') {
    return lines(containers.map((container) => JSON.stringify(toJson(container, project, isCut))));
  }
  return renderTable(
    ['NAME', 'IMAGE', 'COMMAND', 'SERVICE', 'CREATED', 'STATUS', 'PORTS'],
    containers.map((container) => [
      nameOf(container),
      container.Image,
      isCut ? formatCommand(container.Command) : `"${container.Command}"`,
      serviceOf(container),
      `${ageOf(container)} ago`,
      container.Status,
      formatPorts(container.Ports),
    ]),
  );
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

function idOf(id: string, isCut: boolean): string {
  return isCut ? id.slice(0, 12) : id;
}

function ageOf({ Created }: ContainerSummary): string {
  return formatAge(Math.max(0, Date.now() / 1000 - Created));
}

/** docker compose's object, key by key and in its order. */
function toJson(container: ContainerSummary, project: string, isCut: boolean): object {
  const { Id, Command, Created, Image, Labels, Mounts, Ports, State, Status } = container;
  const named = Mounts.map(({ Name, Source }) => Name ?? Source);
  return {
    Command: isCut ? formatCommand(Command) : `"${Command}"`,
    CreatedAt: new Date(Created * 1000).toISOString(),
    ExitCode: Number(/^Exited \((\d+)\)/u.exec(Status)?.[1] ?? 0),
    Health:
      /\((healthy|unhealthy|health: starting)\)/u.exec(Status)?.[1]?.replace('health: ', '') ?? '',
    ID: idOf(Id, isCut),
    Image,
    Labels: Object.entries(Labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    LocalVolumes: String(Mounts.filter(({ Type }) => Type === 'volume').length),
    Mounts: named.join(','),
    Name: nameOf(container),
    Names: nameOf(container),
    Networks: Object.keys(container.NetworkSettings.Networks).join(','),
    Ports: formatPorts(Ports),
    Project: Labels['com.docker.compose.project'] ?? project,
    Publishers: [...Ports].sort(comparePorts).map(({ IP, PrivatePort, PublicPort, Type }) => ({
      URL: IP ?? '',
      TargetPort: PrivatePort,
      PublishedPort: PublicPort ?? 0,
      Protocol: Type,
    })),
    RunningFor: `${ageOf(container)} ago`,
    Service: serviceOf(container),
    Size: '0B',
    State,
    Status,
    ...(isOneOff(container) && { OneOff: true }),
  };
}
