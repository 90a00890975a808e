import type { Position } from '../errors.ts';
import type { Project } from '../model/project.ts';
import type { Service } from '../model/service.ts';

/** Attributes that are valid and that no engine call carries out yet: named, never ignored in silence. */
const withoutEffect: readonly (keyof Service)[] = [
  'credential_spec',
  'models',
  'post_start',
  'pre_start',
  'pre_stop',
  'use_api_socket',
];

export function unsupportedWarnings(project: Project, services: readonly string[]): string[] {
  return services.flatMap((name) => {
    const service = project.services[name];
    if (service === undefined) return [];
    const attributes = withoutEffect.filter((key) => service[key] !== undefined);
    const warnings = attributes.map((key) =>
      at(project, ['services', name, key], `"${key}" of service "${name}" has no effect yet`),
    );
    return [...warnings, ...fileWarnings(project, name, service)];
  });
}

/** Content that is no file of the host would have to be copied into the container. */
function fileWarnings(project: Project, name: string, service: Service): string[] {
  return (['secrets', 'configs'] as const).flatMap((kind) =>
    (service[kind] ?? []).flatMap(({ source }, index) => {
      const resource = project[kind][source];
      if (resource === undefined || resource.file !== undefined) return [];
      const from = resource.external === true ? 'external' : 'not a file';
      const message = `${kind.slice(0, -1)} "${source}" is ${from} and does not reach service "${name}" yet`;
      return [at(project, ['services', name, kind, index], message)];
    }),
  );
}

function at(project: Project, path: readonly (string | number)[], message: string): string {
  const position: Position | null = project.positionOf(path);
  return position === null
    ? message
    : `${position.file}:${position.line}:${position.column}: ${message}`;
}
