import { defineCommand, type Command } from '../command.ts';
import { servicesArgument, timeoutOption } from '../options.ts';

interface RestartRequest {
  readonly services?: readonly string[];
  readonly noDeps?: boolean;
  readonly timeout?: number;
}

export const restartCommand: Command = defineCommand<RestartRequest>({
  name: 'restart',
  summary: 'restart containers as they are; `up` takes changes of the file over',
  arguments: [servicesArgument],
  options: {
    services: null,
    noDeps: {
      flags: '--no-deps',
      description: 'leave dependents, even those with "restart: true"',
    },
    timeout: timeoutOption,
  },
  examples: ['tscompose restart', 'tscompose restart --no-deps db'],
  run: async ({ services, noDeps, timeout }, context) => {
    const { openScope } = await import('../scope.ts');
    const { planRestart } = await import('../../compose/index.ts');
    const { observed, selection, execute } = await openScope(context, services);
    await execute(
      planRestart(observed, {
        ...selection,
        noDeps: noDeps === true,
        ...(timeout !== undefined && { timeoutSeconds: timeout }),
      }),
    );
    return undefined;
  },
});
