/** Containers of a project as the engine lists them: found by label, named and ordered as people see them. */
import type { ContainerSummary } from '../engine/api/index.ts';
import { CliError } from './cli-error.ts';
import { compareText } from './ui/format.ts';

/** docker compose's labels; compose/ exports them too, but `ps` must not load it for two words. */
export const projectLabel = 'com.docker.compose.project';
export const serviceLabel = 'com.docker.compose.service';
export const oneOffLabel = 'com.docker.compose.oneoff';

export function projectFilter(project: string): Readonly<Record<string, readonly string[]>> {
  return { label: [`${projectLabel}=${project}`] };
}

export function nameOf({ Names, Id }: Pick<ContainerSummary, 'Names' | 'Id'>): string {
  return (Names[0] ?? Id).replace(/^\//u, '');
}

export function serviceOf({ Labels }: Pick<ContainerSummary, 'Labels'>): string {
  return Labels[serviceLabel] ?? '';
}

export function isOneOff({ Labels }: Pick<ContainerSummary, 'Labels'>): boolean {
  return Labels[oneOffLabel]?.toLowerCase() === 'true';
}

/** `web-1`: without the project, which all of them share. A name that the user chose stays whole. */
export function shortName(name: string, project: string): string {
  return name.startsWith(`${project}-`) ? name.slice(project.length + 1) : name;
}

/** Those of the named services, all when none is named, sorted by name. Throws for a service without a container. */
export function selectContainers(
  containers: readonly ContainerSummary[],
  services: readonly string[],
): readonly ContainerSummary[] {
  const known = new Set(containers.map(serviceOf));
  const missing = services.find((service) => !known.has(service));
  if (missing !== undefined) {
    const names = [...known].filter((name) => name !== '').sort(compareText);
    throw new CliError(`no such service: "${missing}"`, {
      hint:
        names.length === 0
          ? 'this project has no containers; `tscompose up` makes them'
          : `services with containers: ${names.join(', ')}`,
    });
  }
  const wanted = services.length === 0 ? known : new Set(services);
  return containers
    .filter((container) => wanted.has(serviceOf(container)))
    .sort((left, right) => compareText(nameOf(left), nameOf(right)));
}
