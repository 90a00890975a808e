import { defineCommand, type Command } from '../command.ts';
import { removeOrphansOption, servicesArgument } from '../options.ts';

interface KillRequest {
  readonly services?: readonly string[];
  readonly signal?: string;
  readonly removeOrphans?: boolean;
}

export const killCommand: Command = defineCommand<KillRequest>({
  name: 'kill',
  summary: 'send a signal to running containers',
  arguments: [servicesArgument],
  options: {
    services: null,
    signal: {
      flags: '-s, --signal <signal>',
      description: 'which signal',
      default: 'SIGKILL',
    },
    removeOrphans: {
      ...removeOrphansOption,
      description: 'containers of services that the compose file no longer has as well',
    },
  },
  examples: ['tscompose kill', 'tscompose kill -s HUP web'],
  run: async ({ services, signal = 'SIGKILL', removeOrphans }, context) => {
    const { openScope } = await import('../scope.ts');
    const { planKill } = await import('../../compose/index.ts');
    const { observed, selection, execute } = await openScope(context, services);
    const plan = planKill(observed, {
      ...selection,
      signal,
      withOrphans: removeOrphans === true,
    });
    if (plan.isEmpty) context.ui.notice('no container to kill');
    else await execute(plan);
    return undefined;
  },
});
