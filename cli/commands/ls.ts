import type { ContainerSummary } from '../../engine/api/index.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import { projectLabel } from '../select.ts';
import { compareText } from '../ui/format.ts';
import { renderTable, wideTable } from '../ui/table.ts';

interface LsRequest {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly format?: 'table' | 'json';
  readonly filter?: readonly string[];
}

interface ListedProject {
  readonly name: string;
  readonly status: string;
  readonly files: string;
}

const filesLabel = 'com.docker.compose.project.config_files';

export const lsCommand: Command = defineCommand<LsRequest>({
  name: 'ls',
  summary: 'list projects that run',
  options: {
    all: { flags: '-a, --all', description: 'stopped ones as well' },
    quiet: { flags: '-q, --quiet', description: 'only the names' },
    format: {
      flags: '--format <format>',
      description: 'output format',
      choices: ['table', 'json'],
    },
    filter: {
      flags: '--filter <filter>',
      description: 'only projects with a property: name=PATTERN',
      repeats: true,
      parse: parseNameFilter,
    },
  },
  examples: ['tscompose ls', 'tscompose ls -a --format json'],
  run: async ({ all, quiet, format, filter = [] }, context) => {
    const engine = await context.engine();
    const containers = await engine.containers.list({
      all: all === true,
      filters: { label: [projectLabel, 'com.docker.compose.config-hash'] },
      signal: context.interrupts.graceful,
    });
    const projects = projectsOf(containers).filter(({ name }) => isMatch(name, filter));
    await context.ui.stdout.write(render(projects, { quiet: quiet === true, format }));
    return undefined;
  },
});

function parseNameFilter(text: string): string {
  const [key = '', value] = text.split(/=(.*)/su);
  if (value === undefined) throw new CliError('arguments to --filter should be in form KEY=VAL');
  if (key !== 'name') throw new CliError(`invalid filter '${key}'`, { hint: 'there is: name' });
  return value;
}

/** A regular expression, as in docker's filters; what is none is looked for as it stands. */
function isMatch(name: string, patterns: readonly string[]): boolean {
  if (patterns.length === 0) return true;
  return patterns.some((pattern) => {
    try {
      return new RegExp(pattern, 'u').test(name);
    } catch {
      return name.includes(pattern);
    }
  });
}

function projectsOf(containers: readonly ContainerSummary[]): readonly ListedProject[] {
  const byName = new Map<string, ContainerSummary[]>();
  for (const container of containers) {
    const name = container.Labels[projectLabel] ?? '';
    byName.set(name, [...(byName.get(name) ?? []), container]);
  }
  return [...byName]
    .sort(([left], [right]) => compareText(left, right))
    .map(([name, own]) => ({ name, status: statusOf(own), files: filesOf(own) }));
}

/** `exited(1), running(2)`. */
function statusOf(containers: readonly ContainerSummary[]): string {
  const counts = new Map<string, number>();
  for (const { State } of containers) counts.set(State, (counts.get(State) ?? 0) + 1);
  return [...counts]
    .sort(([left], [right]) => compareText(left, right))
    .map(([state, count]) => `${state}(${count})`)
    .join(', ');
}

function filesOf(containers: readonly ContainerSummary[]): string {
  const files = containers.flatMap(({ Labels }) => (Labels[filesLabel] ?? '').split(','));
  return [...new Set(files.filter((file) => file !== ''))].join(',') || 'N/A';
}

function render(
  projects: readonly ListedProject[],
  { quiet, format }: { readonly quiet: boolean; readonly format: LsRequest['format'] },
): string {
  if (quiet) return projects.map(({ name }) => `${name}\n`).join('');
  if (format === 'json') {
    const listed = projects.map(({ name, status, files }) => ({
      Name: name,
      Status: status,
      ConfigFiles: files,
    }));
    return `${JSON.stringify(listed)}\n`;
  }
  const rows = projects.map(({ name, status, files }) => [name, status, files]);
  return renderTable(['NAME', 'STATUS', 'CONFIG FILES'], rows, wideTable);
}
