import { defineCommand, type Command } from '../command.ts';
import { formatOption, servicesArgument } from '../options.ts';
import { projectFilter } from '../select.ts';
import { compareText } from '../ui/format.ts';

interface VolumesRequest {
  readonly services?: readonly string[];
  readonly quiet?: boolean;
  readonly format?: string;
}

export const volumesCommand: Command = defineCommand<VolumesRequest>({
  name: 'volumes',
  summary: 'list the volumes of a project',
  arguments: [servicesArgument],
  options: {
    services: null,
    quiet: { flags: '-q, --quiet', description: 'only the names' },
    format: formatOption,
  },
  examples: ['tscompose volumes', 'tscompose volumes --format json db'],
  run: async ({ services = [], quiet, format }, context) => {
    const { listContainers } = await import('../listed.ts');
    const project = await context.projectName();
    const engine = await context.engine();
    const found = await engine.volumes.list({
      filters: projectFilter(project),
      signal: context.interrupts.graceful,
    });
    const containers = await listContainers(context, { services, all: true });
    const used = new Set(
      containers.flatMap(({ Mounts }) => Mounts.flatMap(({ Name }) => Name ?? [])),
    );
    const volumes = found
      .filter(({ Name }) => services.length === 0 || used.has(Name))
      .sort((left, right) => compareText(left.Name, right.Name));
    if (quiet === true) {
      await context.ui.stdout.write(volumes.map(({ Name }) => `${Name}\n`).join(''));
      return undefined;
    }
    const { renderRows } = await import('../ui/rows.ts');
    const { volumeFormat, volumeRow } = await import('../ui/volume-row.ts');
    await context.ui.stdout.write(renderRows(volumes.map(volumeRow), format, volumeFormat));
    return undefined;
  },
});
