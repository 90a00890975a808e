import { defineCommand, type Command } from '../command.ts';
import { servicesArgument, timeoutOption } from '../options.ts';

interface StopRequest {
  readonly services?: readonly string[];
  readonly timeout?: number;
}

export const stopCommand: Command = defineCommand<StopRequest>({
  name: 'stop',
  summary: 'stop containers, dependents first; they stay',
  arguments: [servicesArgument],
  options: { services: null, timeout: timeoutOption },
  examples: ['tscompose stop', 'tscompose stop -t 1 web'],
  run: async ({ services, timeout }, context) => {
    const { openScope } = await import('../scope.ts');
    const { planStop } = await import('../../compose/index.ts');
    const { observed, selection, execute } = await openScope(context, services);
    await execute(
      planStop(observed, {
        ...selection,
        ...(timeout !== undefined && { timeoutSeconds: timeout }),
      }),
    );
    return undefined;
  },
});
