import { dependencyOrder } from '../dependencies.ts';
import { ComposeError, ComposeErrors } from '../errors.ts';
import type { Project } from '../model/project.ts';
import { didYouMean } from '../schema/nearest.ts';

/** Names of the services to act on, each after what it needs; all of them where none is named. */
export function selectServices(
  project: Project,
  named: readonly string[] | undefined,
  { withDependencies }: { readonly withDependencies: boolean },
): string[] {
  const all = Object.keys(project.services);
  if (named === undefined || named.length === 0) {
    if (all.length === 0) throw new ComposeErrors([noService(project)]);
    return inOrder(project, new Set(all));
  }
  const unknown = named.filter((name) => !Object.hasOwn(project.services, name));
  if (unknown.length > 0) {
    throw new ComposeErrors(unknown.map((name) => unknownService(project, name)));
  }
  const chosen = new Set(named);
  if (withDependencies) {
    for (const name of chosen) {
      for (const needed of dependenciesOf(project, name)) chosen.add(needed);
    }
  }
  return inOrder(project, chosen);
}

function noService(project: Project): ComposeError {
  const [disabled] = Object.values(project.disabledServices);
  const profile = disabled?.profiles?.[0];
  return new ComposeError('no-service', 'no service selected', {
    hint:
      profile === undefined
        ? 'define one below "services:"'
        : `all services belong to profiles: add --profile ${profile}`,
  });
}

function unknownService(project: Project, name: string): ComposeError {
  const isDisabled = Object.hasOwn(project.disabledServices, name);
  const profiles = project.disabledServices[name]?.profiles ?? [];
  return new ComposeError('no-service', `no such service: ${name}`, {
    label: didYouMean(name, Object.keys(project.services)),
    ...(isDisabled && { hint: `it belongs to a profile: add --profile ${profiles[0] ?? ''}` }),
  });
}

/** Services that must be there before this one; what is optional and not there is left out. */
export function dependenciesOf(project: Project, name: string): string[] {
  return Object.keys(project.services[name]?.depends_on ?? {}).filter((needed) =>
    Object.hasOwn(project.services, needed),
  );
}

function inOrder(project: Project, chosen: ReadonlySet<string>): string[] {
  const names = [...chosen].sort();
  return dependencyOrder(
    new Map(names.map((name) => [name, dependenciesOf(project, name).sort()])),
  );
}
