import { defineCommand, type Command } from '../command.ts';
import { servicesArgument } from '../options.ts';

interface RmRequest {
  readonly services?: readonly string[];
  readonly force?: boolean;
  readonly stop?: boolean;
  readonly volumes?: boolean;
}

export const rmCommand: Command = defineCommand<RmRequest>({
  name: 'rm',
  summary: 'remove stopped containers',
  arguments: [servicesArgument],
  options: {
    services: null,
    force: { flags: '-f, --force', description: 'do not ask' },
    stop: { flags: '-s, --stop', description: 'stop those that run first' },
    volumes: {
      flags: '-v, --volumes',
      description: 'remove their anonymous volumes, and the data in them, as well',
    },
  },
  examples: ['tscompose rm', 'tscompose rm -fsv web'],
  run: async ({ services, force, stop, volumes }, context) => {
    const { openScope } = await import('../scope.ts');
    const { planRemove, planStop } = await import('../../compose/index.ts');
    const { observed, selection, execute } = await openScope(context, services);
    if (stop === true) await execute(planStop(observed, selection));
    const plan = planRemove(observed, {
      ...selection,
      volumes: volumes === true,
      isStopped: stop === true,
    });
    if (plan.isEmpty) {
      context.ui.notice('No stopped containers');
      return undefined;
    }
    const question = `Going to remove ${plan.nodes.map(({ action }) => action.name).join(', ')}`;
    const { stdout } = context.ui;
    if (force === true) await stdout.write(`${question}\n`);
    else {
      const { askYes } = await import('../ask.ts');
      if (!(await askYes(`${question}\nAre you sure? [yN] `, context))) return undefined;
    }
    await execute(plan);
    return undefined;
  },
});
