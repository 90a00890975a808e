/** From a request to a plan: what `up`, `create`, `scale` and `run` do before they change anything. */
import {
  divergedVolumes,
  observe,
  type Observed,
  type Plan,
  type Project,
  reconcile,
  type ReconcileOptions,
} from '../compose/index.ts';
import type { EngineClient } from '../engine/client/index.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';

export interface Prepared {
  readonly project: Project;
  readonly engine: EngineClient;
  readonly observed: Observed;
  readonly plan: Plan;
}

export interface PrepareRequest {
  readonly options: ReconcileOptions;
  readonly yes?: boolean;
  readonly isDryRun?: boolean | undefined;
}

export async function preparePlan(context: Context, request: PrepareRequest): Promise<Prepared> {
  const { options } = request;
  const loaded = await context.project({ services: options.services ?? [] });
  await context.consent(loaded, request);
  const { completeProject } = await import('./outside/complete.ts');
  const { services, noDeps } = options;
  const project = await completeProject(context, loaded, {
    ...{ services, noDeps, isDryRun: request.isDryRun },
  });
  const orphans = orphanOptions(project, options);
  const engine = await context.engine();
  const signal = context.interrupts.graceful;
  const observed = await observe(engine, project.name, { signal });
  const recreateVolumes = await agreedVolumes(context, { project, observed }, request.yes === true);
  const plan = reconcile(project, observed, { ...options, ...orphans, recreateVolumes });
  for (const warning of plan.warnings) context.ui.warn(warning);
  return { project, engine, observed, plan };
}

/** Also from .env, as every variable of docker compose. */
export function orphanOptions(
  { environment }: Pick<Project, 'environment'>,
  { removeOrphans }: ReconcileOptions,
): Pick<ReconcileOptions, 'ignoreOrphans' | 'removeOrphans'> {
  const ignoreOrphans = isTrue(environment['COMPOSE_IGNORE_ORPHANS']);
  const removes = removeOrphans === true || isTrue(environment['COMPOSE_REMOVE_ORPHANS']);
  if (ignoreOrphans && removes) {
    throw new CliError('cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans');
  }
  return { ignoreOrphans, removeOrphans: removes };
}

export function isTrue(text: string | undefined): boolean {
  return /^\s*(1|t|true|y|yes)\s*$/iu.test(text ?? '');
}

async function agreedVolumes(
  context: Context,
  { project, observed }: Pick<Prepared, 'project' | 'observed'>,
  yes: boolean,
): Promise<string[]> {
  const agreed: string[] = [];
  for (const key of divergedVolumes(project, observed)) {
    const name = project.volumes[key]?.name ?? key;
    const question = `Volume "${name}" exists but doesn't match configuration in compose file. Recreate (data will be lost)? [yN] `;
    if (yes || (await ask(question, context))) agreed.push(key);
  }
  return agreed;
}

async function ask(question: string, context: Context): Promise<boolean> {
  const { askYes } = await import('./ask.ts');
  return askYes(question, context);
}
