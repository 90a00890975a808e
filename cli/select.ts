/** Containers of a project as the engine lists them: found by label, named and ordered as people see them. */
import type { ContainerSummary } from '../engine/api/index.ts';

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
