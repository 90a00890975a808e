/** `prune` of one kind of thing. */
import { defineCommand, type Command, type OptionSpec } from '../command.ts';
import { filterOption, filtersOf, type FilterPair } from './filters.ts';
import type { Prune } from './prune.ts';

interface PruneRequest {
  readonly all?: boolean;
  readonly filter?: readonly FilterPair[];
  readonly force?: boolean;
}

export interface PrunedKind {
  readonly kind: string;
  readonly summary: string;
  /** Only where there is a choice. */
  readonly all?: string;
  readonly warning: (all: boolean) => string;
  /** Loaded when something is pruned. */
  readonly prune: () => Promise<Prune>;
}

export const forceOption: OptionSpec<boolean> = {
  flags: '-f, --force',
  description: 'do not ask',
};

export const pruneFilterOption: OptionSpec<readonly FilterPair[]> = filterOption(
  'only those with a property: label=KEY=VALUE, label!=KEY, until=TIME',
  '--filter',
);

export function pruneCommand({ kind, summary, all, warning, prune }: PrunedKind): Command {
  return defineCommand<PruneRequest>({
    name: 'prune',
    summary,
    options: {
      all: all === undefined ? null : { flags: '-a, --all', description: all },
      filter: pruneFilterOption,
      force: forceOption,
    },
    examples: [`tscompose ${kind} prune`, `tscompose ${kind} prune -f --filter label=stage=test`],
    run: async ({ all: isAll, filter, force }, context) => {
      const { mayPrune, reclaimed } = await import('./prune.ts');
      const question = { warning: warning(isAll === true), force: force === true };
      if (!(await mayPrune(context, question))) return undefined;
      const run = await prune();
      const { text, bytes } = await run(await context.engine(), {
        all: isAll === true,
        filters: filtersOf(filter),
        signal: context.interrupts.graceful,
      });
      const { stdout } = context.ui;
      if (text !== '') await stdout.write(`${text}\n`);
      if (bytes !== null) await stdout.write(reclaimed(bytes));
      return undefined;
    },
  });
}
