/** A container as `ps` shows it, with docker compose's names for what there is. */
import type { ContainerSummary } from '../../engine/api/index.ts';
import { nameOf, projectLabel, serviceOf } from '../select.ts';
import { comparePorts, compareText, formatAge, formatPorts } from './format.ts';
import { ellipsis, goTime, quote } from './go-text.ts';
import { labelHeading, type FormatRow, type RowFormat } from './rows.ts';

export const containerFormat: RowFormat = {
  headings: {
    Command: 'COMMAND',
    CreatedAt: 'CREATED AT',
    ID: 'CONTAINER ID',
    Image: 'IMAGE',
    Label: labelHeading,
    Labels: 'LABELS',
    Name: 'NAME',
    Ports: 'PORTS',
    Project: 'PROJECT',
    RunningFor: 'CREATED',
    Service: 'SERVICE',
    Size: 'SIZE',
    State: 'STATE',
    Status: 'STATUS',
  },
  defaultTable:
    '{{.Name}}\t{{.Image}}\t{{.Command}}\t{{.Service}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}',
  raw: [
    'container_id: {{.ID}}',
    'image: {{.Image}}',
    'command: {{.Command}}',
    'created_at: {{.CreatedAt}}',
    'state: {{.State}}',
    'status: {{.Status}}',
    'names: {{.Names}}',
    'labels: {{.Labels}}',
    'ports:{{with .Ports}} {{.}}{{end}}',
    '',
  ].join('\n'),
};

const longestCommand = 20;
const longestMount = 15;

export function containerRow(
  container: ContainerSummary,
  { project, isCut }: { readonly project: string; readonly isCut: boolean },
): FormatRow {
  const { Id, Command, Created, Image, Labels, Mounts, Ports, State, Status } = container;
  const mounts = Mounts.map(({ Name, Source }) => (Name ?? '') || Source).sort(compareText);
  const cut = (text: string, longest: number): string => (isCut ? ellipsis(text, longest) : text);
  return {
    Command: quote(cut(Command, longestCommand)),
    CreatedAt: goTime(Created),
    ExitCode: exitCodeOf(container),
    Health: healthOf(container),
    ID: isCut ? Id.slice(0, 12) : Id,
    Image,
    Label: (name: unknown): string => Labels[String(name)] ?? '',
    Labels: Object.entries(Labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    LocalVolumes: String(Mounts.filter(({ Type }) => Type === 'volume').length),
    Mounts: mounts.map((mount) => cut(mount, longestMount)).join(','),
    Name: nameOf(container),
    Names: nameOf(container),
    Networks: Object.keys(container.NetworkSettings.Networks).join(','),
    Ports: formatPorts(Ports),
    Project: Labels[projectLabel] ?? project,
    Publishers: [...Ports].sort(comparePorts).map(({ IP, PrivatePort, PublicPort, Type }) => ({
      URL: IP ?? '',
      TargetPort: PrivatePort,
      PublishedPort: PublicPort ?? 0,
      Protocol: Type,
    })),
    RunningFor: `${formatAge(Math.max(0, Date.now() / 1000 - Created))} ago`,
    Service: serviceOf(container),
    Size: '0B',
    State,
    Status,
  };
}

/** The list has it in words only: `Exited (3) 2 minutes ago`. */
function exitCodeOf({ Status }: ContainerSummary): number {
  return Number(/^(?:Exited|Dead) \((\d+)\)/u.exec(Status)?.[1] ?? 0);
}

function healthOf({ Status }: ContainerSummary): string {
  const words = /\((healthy|unhealthy|health: starting)\)/u.exec(Status)?.[1] ?? '';
  return words.replace('health: ', '');
}
