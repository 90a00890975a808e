import type { Project } from '../model/project.ts';
import type { FileReference, FileResource } from '../model/secret.ts';
import type { Service } from '../model/service.ts';
import { textAt } from '../positions.ts';

/** Attributes that are valid and that no engine call carries out yet: named, never ignored in silence. */
const withoutEffect: readonly string[] = [
  'cpu_count',
  'cpu_percent',
  'credential_spec',
  'deploy.endpoint_mode',
  'deploy.labels',
  'deploy.placement',
  'deploy.resources.reservations.cpus',
  'deploy.resources.reservations.generic_resources',
  'platform',
];

export function unsupportedWarnings(project: Project, services: readonly string[]): string[] {
  return services.flatMap((name) => {
    const service = project.services[name];
    if (service === undefined) return [];
    const given = withoutEffect.filter((path) => isGiven(valueAt(service, path.split('.'))));
    const attributes = [...given, ...idleValues(service)].sort();
    const warnings = attributes.map((path) =>
      textAt(
        project,
        ['services', name, ...path.split('.')],
        `"${path}" of service "${name}" has no effect yet`,
      ),
    );
    return [...warnings, ...fileWarnings(project, name, service)];
  });
}

/** Loading completes some with an empty mapping. */
function isGiven(value: unknown): boolean {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMapping ? Object.keys(value).length > 0 : value !== undefined;
}

function valueAt(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  return valueAt((value as Readonly<Record<string, unknown>>)[key], rest);
}

/** Attributes of which some values say only what happens anyway. */
function idleValues({ deploy, pull_policy }: Service): string[] {
  const isUsual = ['missing', 'if_not_present', 'never', undefined].includes(pull_policy);
  return [
    ...(isUsual ? [] : ['pull_policy']),
    ...(deploy?.mode === undefined || deploy.mode === 'replicated' ? [] : ['deploy.mode']),
  ];
}

/** A file of the host is mounted as it is. */
function fileWarnings(project: Project, name: string, service: Service): string[] {
  return (['secrets', 'configs'] as const).flatMap((kind) =>
    (service[kind] ?? []).flatMap((reference, index) => {
      const resource = project[kind][reference.source];
      const problem = resource === undefined ? null : fileProblem(resource, reference);
      if (problem === null) return [];
      const message = `${kind.slice(0, -1)} "${reference.source}" ${problem} service "${name}" yet`;
      return [textAt(project, ['services', name, kind, index], message)];
    }),
  );
}

function fileProblem({ file }: FileResource, { uid, gid, mode }: FileReference): string | null {
  if (file === undefined) return null;
  if (uid === undefined && gid === undefined && mode === undefined) return null;
  return 'keeps the owner and mode of its file: uid, gid and mode have no effect in';
}
