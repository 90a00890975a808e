/** What services get from beyond their file and the engine: loaded only where one asks for it. */
import { selectServices, type Project } from '../../compose/index.ts';
import type { Context } from '../context.ts';

export interface Selection {
  readonly services?: readonly string[] | undefined;
  readonly noDeps?: boolean | undefined;
  readonly isDryRun?: boolean | undefined;
}

/** Models are set up and providers run before the plan: what they tell is part of what containers are made with. */
export async function completeProject(
  context: Context,
  project: Project,
  { services, noDeps, isDryRun }: Selection,
): Promise<Project> {
  const names = selectServices(project, services, { withDependencies: noDeps !== true });
  const has = (key: 'models' | 'provider' | 'use_api_socket'): boolean =>
    names.some((name) => isAsked(project.services[name]?.[key]));
  let complete = project;
  if (has('use_api_socket')) {
    const { withApiSocket } = await import('./api-socket.ts');
    complete = withApiSocket(context, complete, names);
  }
  if (isDryRun === true || context.global.dryRun === true) return complete;
  if (has('models')) {
    const { bringUpModels } = await import('./models.ts');
    complete = await bringUpModels(context, complete, names);
  }
  if (has('provider')) {
    const { bringUpProviders } = await import('./providers.ts');
    complete = await bringUpProviders(context, complete, names);
  }
  return complete;
}

function isAsked(value: unknown): boolean {
  return value !== undefined && value !== false;
}
