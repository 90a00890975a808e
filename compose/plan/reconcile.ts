import { ComposeErrors } from '../errors.ts';
import type { Project } from '../model/project.ts';
import { planService } from './containers.ts';
import { networksOf } from './create/networks.ts';
import { isOfProject } from './existing.ts';
import type { Observed, ObservedContainer } from './observed.ts';
import type { ReconcileOptions } from './options.ts';
import { type Plan, PlanBuilder } from './plan.ts';
import { isInit } from './pre-start.ts';
import { planRemoval } from './removal.ts';
import { planNetworks, planVolumes } from './resources.ts';
import { selectServices } from './selection.ts';
import type { ReconcileState } from './state.ts';
import { mountWarnings } from './mount-warnings.ts';
import { unsupportedWarnings } from './unsupported.ts';

/** What has to be done so that the engine has what the project says. Pure, in a deterministic order. */
export function reconcile(
  project: Project,
  observed: Observed,
  options: ReconcileOptions = {},
): Plan {
  const services = selectServices(project, options.services, {
    withDependencies: options.noDeps !== true,
  });
  const state = newState({ project, observed, options, services });
  checkScale(state);
  planUsedResources(state, services);
  for (const name of services) planService(state, name);
  planOrphans(state);
  return finishPlan(state);
}

/** Everything that is wrong at once, before anything is done. */
export function finishPlan({ errors, builder, kept, warnings }: ReconcileState): Plan {
  if (errors.length > 0) throw new ComposeErrors(errors);
  return builder.build({ kept, warnings });
}

export function planUsedResources(state: ReconcileState, services: readonly string[]): void {
  planNetworks(state, usedNetworks(state.project, services));
  planVolumes(state, usedVolumes(state.project, services));
}

export function newState(
  about: Pick<ReconcileState, 'project' | 'observed' | 'options' | 'services'>,
): ReconcileState {
  const { project, observed } = about;
  return {
    ...about,
    // Ours copies files of the host to whom they are for; another one has to be sent their content.
    project: observed.isOtherEngine === true ? project : { ...project, fileBytes: () => null },
    builder: new PlanBuilder(),
    errors: [],
    warnings: [
      ...unsupportedWarnings(about.project, about.services, about.observed),
      ...mountWarnings(about.project, about.services),
    ],
    creators: new Map(),
    stops: new Map(),
    removals: new Map(),
    kept: [],
    runners: new Map(),
    makers: new Map(),
    running: new Set(),
    inits: new Map(),
    recreated: new Set(),
  };
}

/** Throws for a service that does not exist, as naming it does. */
function checkScale({ project, options }: ReconcileState): void {
  const scaled = Object.keys(options.scale ?? {});
  if (scaled.length > 0) selectServices(project, scaled, { withDependencies: false });
}

function usedNetworks(project: Project, services: readonly string[]): string[] {
  const used = new Set(
    services.flatMap((name) => {
      const service = project.services[name];
      return service === undefined ? [] : networksOf(project, service).map(({ key }) => key);
    }),
  );
  return [...used].sort();
}

function usedVolumes(project: Project, services: readonly string[]): string[] {
  const used = new Set(
    services.flatMap((name) =>
      (project.services[name]?.volumes ?? []).flatMap(({ type, source }) =>
        type === 'volume' && source !== undefined ? [source] : [],
      ),
    ),
  );
  return [...used].sort();
}

/** Containers of services that the project does not have any more, and one-offs that are over. */
export function orphansOf(project: Project, observed: Observed): ObservedContainer[] {
  return observed.containers.filter((container) => {
    const { service, isOneOff, status } = container;
    // A failed init container goes with the next run of its service.
    if (isOneOff && !isInit(container)) return status === 'exited' || status === 'dead';
    return service === null || !isOfProject(project, service);
  });
}

export function planOrphans(state: ReconcileState): void {
  const { project, observed, options, warnings } = state;
  const orphans = orphansOf(project, observed);
  if (options.removeOrphans === true) {
    for (const orphan of orphans) planRemoval(state, orphan, 'orphan');
  } else if (orphans.length > 0 && options.ignoreOrphans !== true) {
    const names = orphans.map(({ name }) => name).join(' ');
    warnings.push(
      `Found orphan containers ([${names}]) for this project. If you removed or renamed this service in your compose file, you can run this command with the --remove-orphans flag to clean it up.`,
    );
  }
}
