/** What a command over containers that exist is about. Imported when such a command runs. */
import { observe, type Observed, type Plan, type Project } from '../compose/index.ts';
import type { EngineClient } from '../engine/client/index.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { planOptions } from './plan-options.ts';
import { executeShowing } from './show-plan.ts';
import { compareText } from './ui/format.ts';

export interface Scope {
  readonly name: string;
  /** Absent where only a name was given: what runs is known by its labels. */
  readonly project?: Project;
}

export interface Opened {
  readonly scope: Scope;
  readonly engine: EngineClient;
  readonly observed: Observed;
  /** For a plan's options: project and services, where there are any. */
  readonly selection: { readonly project?: Project; readonly services?: readonly string[] };
  readonly execute: (plan: Plan) => Promise<void>;
}

/**
 * As docker compose: a file that is named or found, unless a project's name alone is given. What stands in env files
 * says nothing of containers that exist, so a missing one does not matter.
 */
export async function scopeOf(context: Context): Promise<Scope> {
  const { global, env } = context;
  const given = global.projectName ?? env['COMPOSE_PROJECT_NAME'] ?? '';
  const hasFile = (global.file ?? []).length > 0 || (env['COMPOSE_FILE'] ?? '') !== '';
  if (given !== '' && !hasFile) return { name: await context.projectName() };
  const skip = { serviceFiles: true, engineRules: true };
  const project = await context.project({ skip });
  return { name: project.name, project };
}

/** Reads what exists, and refuses services that are neither in the file nor among the containers. */
export async function openScope(
  context: Context,
  services: readonly string[] = [],
): Promise<Opened> {
  const scope = await scopeOf(context);
  const engine = await context.engine();
  const signal = context.interrupts.graceful;
  const observed = await observe(engine, scope.name, { signal });
  requireServices(
    scope,
    observed.containers.map(({ service }) => service ?? ''),
    services,
  );
  const { project } = scope;
  return {
    scope,
    engine,
    observed,
    selection: {
      ...(project !== undefined && { project }),
      ...(services.length > 0 && { services }),
    },
    execute: async (plan) => {
      const { ui } = context;
      await executeShowing({
        ...{ plan, engine, observed, project, ui, signal },
        ...planOptions(context),
      });
    },
  };
}

/** For commands that know containers only: the file is read because some service has none. */
export async function requireKnown(
  context: Context,
  existing: Iterable<string>,
  services: readonly string[],
): Promise<void> {
  requireServices(await scopeOf(context), existing, services);
}

export function requireServices(
  { project }: Pick<Scope, 'project'>,
  existing: Iterable<string>,
  services: readonly string[],
): void {
  const known = new Set([
    ...Object.keys(project?.services ?? {}),
    ...Object.keys(project?.disabledServices ?? {}),
    ...existing,
  ]);
  known.delete('');
  const unknown = services.find((service) => !known.has(service));
  if (unknown === undefined) return;
  throw new CliError(`no such service: ${unknown}`, {
    hint:
      known.size === 0
        ? 'this project has no containers'
        : `there are: ${[...known].sort(compareText).join(', ')}`,
  });
}
