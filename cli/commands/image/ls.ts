import { defineCommand, type Command } from '../../command.ts';
import { filterOption, filtersOf, type FilterPair } from '../../objects/filters.ts';
import { formatOption } from '../../options.ts';

interface ImageLsRequest {
  readonly reference?: string;
  readonly all?: boolean;
  readonly digests?: boolean;
  readonly filter?: readonly FilterPair[];
  readonly format?: string;
  readonly noTrunc?: boolean;
  readonly quiet?: boolean;
}

export const imageLsCommand: Command = defineCommand<ImageLsRequest>({
  name: 'ls',
  aliases: ['list'],
  summary: 'list the images of the engine',
  arguments: [
    { name: '[reference]', description: 'only those with this name, with or without tag' },
  ],
  options: {
    reference: null,
    all: { flags: '-a, --all', description: 'those that are only a step of others as well' },
    digests: { flags: '--digests', description: 'digests as well' },
    filter: filterOption(
      'only those with a property: before, dangling, label, reference, since, until',
    ),
    format: formatOption,
    noTrunc: { flags: '--no-trunc', description: 'whole ids' },
    quiet: { flags: '-q, --quiet', description: 'only the ids' },
  },
  examples: ['tscompose image ls', "tscompose image ls --format '{{.Repository}}:{{.Tag}}'"],
  run: async (request, context) => {
    const { reference, all, filter = [], format, noTrunc, quiet } = request;
    const digests = request.digests === true;
    const engine = await context.engine();
    const pairs: readonly FilterPair[] =
      reference === undefined ? filter : [...filter, ['reference', reference]];
    const found = await engine.images.list({
      all: all === true,
      filters: filtersOf(pairs),
      signal: context.interrupts.graceful,
    });
    const { renderRows } = await import('../../ui/rows.ts');
    const { imageFormat, imageRows } = await import('../../ui/image-row.ts');
    const isCut = noTrunc !== true;
    const rows = found.flatMap((image) => imageRows(image, { isCut, digests }));
    const wanted = quiet === true && format === undefined ? '{{.ID}}' : format;
    await context.ui.stdout.write(renderRows(rows, wanted, imageFormat({ digests })));
    return undefined;
  },
});
