import type { Project } from '../../compose/index.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
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
    const { observed, selection, execute, scope } = await openScope(context, services);
    await execute(
      planStop(observed, {
        ...selection,
        ...(timeout !== undefined && { timeoutSeconds: timeout }),
      }),
    );
    await stopProvided(context, scope.project, selection.services);
    return undefined;
  },
});

async function stopProvided(
  context: Context,
  project: Project | undefined,
  named: readonly string[] | undefined,
): Promise<void> {
  const { providedBy } = await import('../take-down.ts');
  const services = project === undefined ? [] : providedBy(project, named);
  if (project === undefined || services.length === 0 || context.global.dryRun === true) return;
  const { endProviders } = await import('../outside/providers.ts');
  await endProviders(context, { project, services, action: 'stop' });
}
