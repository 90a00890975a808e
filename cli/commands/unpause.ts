import { defineCommand, type Command } from '../command.ts';
import { servicesArgument } from '../options.ts';

interface UnpauseRequest {
  readonly services?: readonly string[];
}

export const unpauseCommand: Command = defineCommand<UnpauseRequest>({
  name: 'unpause',
  summary: 'let frozen containers go on',
  arguments: [servicesArgument],
  options: { services: null },
  examples: ['tscompose unpause web'],
  run: async ({ services }, context) => {
    const { openScope } = await import('../scope.ts');
    const { planUnpause } = await import('../../compose/index.ts');
    const { observed, selection, execute } = await openScope(context, services);
    await execute(planUnpause(observed, selection));
    return undefined;
  },
});
