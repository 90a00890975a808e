import { ComposeError } from './errors.ts';

/** `shop-web-1`: the name of a replica without a `container_name` of its own. */
export function containerName(project: string, service: string, number: number): string {
  return `${project}-${service}-${number}`;
}

/** `shop_data`: networks, volumes, secrets and configs. */
export function resourceName(project: string, key: string): string {
  return `${project}_${key}`;
}

/** Names that engines give to volumes nobody named. */
export function isAnonymous(volume: string): boolean {
  return /^[0-9a-f]{64}$/.test(volume);
}

/** `shop-web`: the image a service with `build` and no `image` gets. */
export function builtImageName(project: string, service: string): string {
  return `${project}-${service}`;
}

/** A directory's name as a project name: lower case, what is not allowed dropped. May be empty. */
export function normalizeProjectName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
}

export function checkProjectName(name: string): void {
  if (/^[a-z0-9][a-z0-9_-]*$/.test(name)) return;
  const suggestion = normalizeProjectName(name);
  throw new ComposeError('invalid-project-name', `invalid project name "${name}"`, {
    hint:
      'use lower-case letters, digits, hyphens and underscores, with a letter or digit first' +
      (suggestion === '' ? '' : `: "${suggestion}"`),
  });
}
