import { defineCommand, type Command } from '../command.ts';
import { servicesArgument } from '../options.ts';

interface PauseRequest {
  readonly services?: readonly string[];
}

export const pauseCommand: Command = defineCommand<PauseRequest>({
  name: 'pause',
  summary: 'freeze running containers',
  arguments: [servicesArgument],
  options: { services: null },
  examples: ['tscompose pause web'],
  run: async ({ services }, context) => {
    const { openScope } = await import('../scope.ts');
    const { planPause } = await import('../../compose/index.ts');
    const { observed, selection, execute } = await openScope(context, services);
    await execute(planPause(observed, selection));
    return undefined;
  },
});
