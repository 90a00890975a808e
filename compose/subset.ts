/** A part of a project that is whole: some services, what they depend on, and the resources that these use. */
import type { FileReference } from './model/secret.ts';
import type { Project } from './model/project.ts';
import type { Service } from './model/service.ts';
import { selectServices } from './plan/selection.ts';

export interface SubsetOptions {
  /** Keep also what no service of the part uses. */
  readonly allResources?: boolean;
}

/** Throws for a name that is no service's. */
export function subsetOf(
  project: Project,
  names: readonly string[],
  { allResources }: SubsetOptions = {},
): Project {
  const wanted = new Set(selectServices(project, names, { withDependencies: true }));
  const services = pick(project.services, wanted);
  if (allResources === true) return { ...project, services };
  const used = Object.values(services);
  const sourcesIn = (list: readonly FileReference[] | undefined): string[] =>
    (list ?? []).map(({ source }) => source);
  const usedBy = (of: (service: Service) => readonly string[]): Set<string> =>
    new Set(used.flatMap(of));
  return {
    ...project,
    services,
    networks: pick(
      project.networks,
      usedBy(({ networks }) => Object.keys(networks ?? {})),
    ),
    models: pick(
      project.models,
      usedBy(({ models }) => Object.keys(models ?? {})),
    ),
    volumes: pick(
      project.volumes,
      usedBy(({ volumes }) => (volumes ?? []).map(({ source }) => source ?? '')),
    ),
    secrets: pick(
      project.secrets,
      usedBy(({ secrets, build }) => [...sourcesIn(secrets), ...sourcesIn(build?.secrets)]),
    ),
    configs: pick(
      project.configs,
      usedBy(({ configs }) => sourcesIn(configs)),
    ),
  };
}

function pick<T>(
  from: Readonly<Record<string, T>>,
  names: ReadonlySet<string>,
): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name)));
}
