import { defineCommand, type Command } from '../../command.ts';
import { filterOption, filtersOf, type FilterPair } from '../../objects/filters.ts';
import { formatOption } from '../../options.ts';
import { compareText } from '../../ui/format.ts';

interface VolumeLsRequest {
  readonly filter?: readonly FilterPair[];
  readonly format?: string;
  readonly quiet?: boolean;
}

export const volumeLsCommand: Command = defineCommand<VolumeLsRequest>({
  name: 'ls',
  aliases: ['list'],
  summary: 'list the volumes of the engine',
  options: {
    filter: filterOption('only those with a property: dangling, driver, label, name'),
    format: formatOption,
    quiet: { flags: '-q, --quiet', description: 'only the names' },
  },
  examples: ['tscompose volume ls', 'tscompose volume ls -q --filter dangling=true'],
  run: async ({ filter, format, quiet }, context) => {
    const engine = await context.engine();
    const signal = context.interrupts.graceful;
    const found = await engine.volumes.list({ filters: filtersOf(filter), signal });
    const { renderRows } = await import('../../ui/rows.ts');
    const { volumeFormat, volumeRow } = await import('../../ui/volume-row.ts');
    const rows = [...found]
      .sort((left, right) => compareText(left.Name, right.Name))
      .map(volumeRow);
    const wanted = quiet === true && format === undefined ? '{{.Name}}' : format;
    await context.ui.stdout.write(renderRows(rows, wanted, volumeFormat));
    return undefined;
  },
});
