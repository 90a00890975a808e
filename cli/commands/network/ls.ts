import { defineCommand, type Command } from '../../command.ts';
import { filterOption, filtersOf, type FilterPair } from '../../objects/filters.ts';
import { formatOption } from '../../options.ts';
import { compareText } from '../../ui/format.ts';

interface NetworkLsRequest {
  readonly filter?: readonly FilterPair[];
  readonly format?: string;
  readonly noTrunc?: boolean;
  readonly quiet?: boolean;
}

export const networkLsCommand: Command = defineCommand<NetworkLsRequest>({
  name: 'ls',
  aliases: ['list'],
  summary: 'list the networks of the engine',
  options: {
    filter: filterOption('only those with a property: driver, id, label, name, scope, type'),
    format: formatOption,
    noTrunc: { flags: '--no-trunc', description: 'whole ids' },
    quiet: { flags: '-q, --quiet', description: 'only the ids' },
  },
  examples: ['tscompose network ls', 'tscompose network ls --filter driver=bridge'],
  run: async ({ filter, format, noTrunc, quiet }, context) => {
    const engine = await context.engine();
    const signal = context.interrupts.graceful;
    const found = await engine.networks.list({ filters: filtersOf(filter), signal });
    const { renderRows } = await import('../../ui/rows.ts');
    const { networkFormat, networkRow } = await import('../../ui/network-row.ts');
    const rows = [...found]
      .sort((left, right) => compareText(left.Name, right.Name))
      .map((network) => networkRow(network, { isCut: noTrunc !== true }));
    const wanted = quiet === true && format === undefined ? '{{.ID}}' : format;
    await context.ui.stdout.write(renderRows(rows, wanted, networkFormat));
    return undefined;
  },
});
