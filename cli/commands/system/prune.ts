import { CliError } from '../../cli-error.ts';
import { defineCommand, type Command } from '../../command.ts';
import type { FilterPair } from '../../objects/filters.ts';
import { filtersOf } from '../../objects/filters.ts';
import { forceOption, pruneFilterOption } from '../../objects/prune-command.ts';

interface SystemPruneRequest {
  readonly all?: boolean;
  readonly filter?: readonly FilterPair[];
  readonly force?: boolean;
  readonly volumes?: boolean;
}

export const systemPruneCommand: Command = defineCommand<SystemPruneRequest>({
  name: 'prune',
  summary: 'remove what nothing uses: containers, networks, images, build cache',
  options: {
    all: { flags: '-a, --all', description: 'images with a name as well' },
    filter: pruneFilterOption,
    force: forceOption,
    volumes: { flags: '--volumes', description: 'anonymous volumes as well' },
  },
  examples: ['tscompose system prune', 'tscompose system prune -af --volumes'],
  run: async (request, context) => {
    const { filter = [], force, volumes, all } = request;
    if (volumes === true && filter.some(([key]) => key === 'until')) {
      throw new CliError('the "until" filter is not supported with "--volumes"');
    }
    const prune = await import('../../objects/prune.ts');
    const question = { warning: warningOf(request), force: force === true };
    if (!(await prune.mayPrune(context, question))) return undefined;
    const engine = await context.engine();
    const common = { filters: filtersOf(filter), signal: context.interrupts.graceful };
    const steps = [
      prune.pruneContainers,
      prune.pruneNetworks,
      ...(volumes === true ? [prune.pruneVolumes] : []),
      prune.pruneImages,
      prune.pruneBuildCache,
    ];
    let total = 0;
    for (const step of steps) {
      // `--all` is about images: a volume with a name is somebody's data.
      const isAll = all === true && step !== prune.pruneVolumes;
      const { text, bytes } = await step(engine, { ...common, all: isAll });
      total += bytes ?? 0;
      if (text !== '') await context.ui.stdout.write(`${text}\n`);
    }
    await context.ui.stdout.write(prune.reclaimed(total));
    return undefined;
  },
});

function warningOf({ all, volumes, filter = [] }: SystemPruneRequest): string {
  const kinds = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes === true ? ['all anonymous volumes not used by at least one container'] : []),
    all === true
      ? 'all images without at least one container associated to them'
      : 'all dangling images',
    all === true ? 'all build cache' : 'unused build cache',
  ];
  const filters = filter.map(([key, value]) => `  - ${key}=${value}\n`).sort();
  const rest =
    filters.length === 0
      ? ''
      : `\n  Items to be pruned will be filtered with:\n${filters.join('')}`;
  return `This will remove:\n${kinds.map((kind) => `  - ${kind}\n`).join('')}${rest}`;
}
