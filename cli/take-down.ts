/** `down`, for the command and for what ends with it. Imported when there is something to take down. */
import {
  ComposeErrors,
  type DownOptions,
  observe,
  planDown,
  type Project,
} from '../compose/index.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { executeShowing } from './show-plan.ts';

export async function takeDown(
  context: Context,
  options: Omit<DownOptions, 'project'>,
): Promise<void> {
  const { project, name } = await projectToRemove(context, options.volumes === true);
  const engine = await context.engine();
  const signal = context.interrupts.graceful;
  const observed = await observe(engine, name, { signal });
  if (options.services !== undefined) {
    const { requireServices } = await import('./scope.ts');
    const existing = observed.containers.map(({ service }) => service ?? '');
    requireServices(project === undefined ? {} : { project }, existing, options.services);
  }
  const plan = planDown(observed, { ...options, ...(project !== undefined && { project }) });
  for (const warning of plan.warnings) context.ui.warn(warning);
  const provided = project === undefined ? [] : providedBy(project, options.services);
  if (plan.isEmpty && provided.length === 0) {
    context.ui.warn(`No resource found to remove for project "${name}".`);
    return;
  }
  await executeShowing({ plan, engine, observed, project, ui: context.ui, signal });
  if (project === undefined || provided.length === 0 || context.global.dryRun === true) return;
  const { endProviders } = await import('./outside/providers.ts');
  await endProviders(context, { project, services: provided, action: 'down' });
}

/** After those who use them. */
export function providedBy(
  { services }: Project,
  named: readonly string[] = Object.keys(services),
): string[] {
  return named.filter((name) => services[name]?.provider !== undefined);
}

/** What runs can be removed by name alone, when the file is gone or has become wrong since. */
async function projectToRemove(
  context: Context,
  withVolumes: boolean,
): Promise<{ readonly project?: Project; readonly name: string }> {
  try {
    // A volume that no service uses any more is declared all the same, and goes with the others.
    const skip = { serviceFiles: true, engineRules: true };
    const project = await context.project({ allResources: withVolumes, skip });
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
