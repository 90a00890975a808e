import { defineCommand, type Command } from '../../command.ts';
import { filterOption, filtersOf, type FilterPair } from '../../objects/filters.ts';
import { formatOption, parseCount } from '../../options.ts';

interface ContainerLsRequest {
  readonly all?: boolean;
  readonly filter?: readonly FilterPair[];
  readonly format?: string;
  readonly last?: number;
  readonly latest?: boolean;
  readonly noTrunc?: boolean;
  readonly quiet?: boolean;
  readonly size?: boolean;
}

export const containerLsCommand: Command = defineCommand<ContainerLsRequest>({
  name: 'ls',
  aliases: ['list', 'ps'],
  summary: 'list the containers of the engine, whatever made them',
  options: {
    all: { flags: '-a, --all', description: 'stopped ones as well' },
    filter: filterOption('only those with a property: label, name, network, status, volume, …'),
    format: formatOption,
    last: { flags: '-n, --last <count>', description: 'only the newest', parse: parseCount },
    latest: { flags: '-l, --latest', description: 'only the newest one' },
    noTrunc: { flags: '--no-trunc', description: 'whole ids and commands' },
    quiet: { flags: '-q, --quiet', description: 'only the ids' },
    size: { flags: '-s, --size', description: 'what they take on disk' },
  },
  examples: ['tscompose container ls -a', 'tscompose container ls -q --filter status=exited'],
  run: async ({ all, filter, format, last, latest, noTrunc, quiet, size }, context) => {
    const engine = await context.engine();
    const limit = latest === true ? 1 : last;
    const isMeasured = size === true || format?.includes('.Size') === true;
    const found = await engine.containers.list({
      all: all === true,
      ...(limit !== undefined && limit > 0 && { limit }),
      size: isMeasured,
      filters: filtersOf(filter),
      signal: context.interrupts.graceful,
    });
    const { renderRows } = await import('../../ui/rows.ts');
    const { engineContainerFormat, engineContainerRow } =
      await import('../../ui/engine-container-row.ts');
    const rows = found.map((container) =>
      engineContainerRow(container, { isCut: noTrunc !== true }),
    );
    const wanted = quiet === true && format === undefined ? '{{.ID}}' : format;
    const rowFormat = engineContainerFormat({ size: size === true });
    await context.ui.stdout.write(renderRows(rows, wanted, rowFormat));
    return undefined;
  },
});
