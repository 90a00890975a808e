import type { Project } from '../../compose/index.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { removeOrphansOption, servicesArgument, timeoutOption } from '../options.ts';

interface DownRequest {
  readonly services?: readonly string[];
  readonly volumes?: boolean;
  readonly removeOrphans?: boolean;
  readonly timeout?: number;
}

export const downCommand: Command = defineCommand<DownRequest>({
  name: 'down',
  summary: 'stop and remove containers and networks',
  arguments: [servicesArgument],
  options: {
    services: null,
    volumes: {
      flags: '-v, --volumes',
      description: 'remove the volumes, and the data in them, as well',
    },
    removeOrphans: removeOrphansOption,
    timeout: timeoutOption,
  },
  examples: ['tscompose down', 'tscompose down -v'],
  run: async (request, context) => {
    const { project, name } = await projectToRemove(context, request.volumes === true);
    const engine = await context.engine();
    const signal = context.interrupts.graceful;
    const { observe, planDown } = await import('../../compose/index.ts');
    const observed = await observe(engine, name, { signal });
    const { services, timeout } = request;
    const plan = planDown(observed, {
      ...(project !== undefined && { project }),
      ...(services !== undefined && services.length > 0 && { services }),
      ...(timeout !== undefined && { timeoutSeconds: timeout }),
      volumes: request.volumes === true,
      removeOrphans: request.removeOrphans === true,
    });
    for (const warning of plan.warnings) context.ui.warn(warning);
    if (plan.isEmpty) {
      context.ui.warn(`no resource found to remove for project "${name}"`);
      return undefined;
    }
    const { executeShowing } = await import('../show-plan.ts');
    await executeShowing({ plan, engine, observed, project, ui: context.ui, signal });
    return undefined;
  },
});

/** What runs can be removed by name alone, when the file is gone or has become wrong since. */
async function projectToRemove(
  context: Context,
  withVolumes: boolean,
): Promise<{ readonly project?: Project; readonly name: string }> {
  const { ComposeErrors } = await import('../../compose/index.ts');
  try {
    // A volume that no service uses any more is declared all the same, and goes with the others.
    const project = await context.project({ allResources: withVolumes });
    return { project, name: project.name };
  } catch (error) {
    const given = context.global.projectName ?? context.env['COMPOSE_PROJECT_NAME'];
    if (!(error instanceof ComposeErrors) || given === undefined || given === '') throw error;
    if (!error.errors.every(({ code }) => code === 'no-configuration')) {
      context.ui.warn(
        `the compose file is not used: ${error.errors[0]?.message ?? 'it is invalid'}`,
      );
    }
    if (!/^[a-z0-9][a-z0-9_-]*$/u.test(given)) {
      throw new CliError(`invalid project name "${given}"`, { cause: error });
    }
    return { name: given };
  }
}
