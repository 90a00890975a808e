import type { Project } from '../model/project.ts';
import type { Service } from '../model/service.ts';
import { textAt } from '../positions.ts';
import { givenContent, saysWhose } from './given-files.ts';
import type { Observed } from './observed.ts';

const windows = 'only Windows containers have it';
const cluster = 'it is for clusters, and this is one host';
const unfinished = null;

/** Attributes that are valid and that no engine call carries out, with the reason: named, never ignored in silence. */
const withoutEffect: Readonly<Record<string, string | null>> = {
  cpu_count: windows,
  cpu_percent: windows,
  credential_spec: windows,
  'deploy.endpoint_mode': cluster,
  'deploy.labels': 'they are of a service in a cluster, and no labels of its containers',
  'deploy.placement': cluster,
  'deploy.resources.reservations.cpus': cluster,
  'deploy.resources.reservations.generic_resources': cluster,
  platform: unfinished,
};

export function unsupportedWarnings(
  project: Project,
  services: readonly string[],
  { isOtherEngine }: Pick<Observed, 'isOtherEngine'>,
): string[] {
  return services.flatMap((name) => {
    const service = project.services[name];
    if (service === undefined) return [];
    const given = Object.keys(withoutEffect).filter((path) =>
      isGiven(valueAt(service, path.split('.'))),
    );
    const attributes = [...given, ...idleValues(service)].sort();
    const warnings = attributes.map((path) => {
      const reason = withoutEffect[path] ?? unfinished;
      const message = `"${path}" of service "${name}" has no effect${reason === null ? ' yet' : `: ${reason}`}`;
      return textAt(project, ['services', name, ...path.split('.')], message);
    });
    if (isOtherEngine !== true) return warnings;
    return [
      ...warnings,
      ...restartWarnings(project, name, service),
      ...fileWarnings(project, name, service),
    ];
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
function idleValues({ pull_policy }: Service): string[] {
  const isUsual = ['missing', 'if_not_present', 'never', undefined].includes(pull_policy);
  return isUsual ? [] : ['pull_policy'];
}

/** What only an engine of ours knows of restarts (compose-spec deploy.md#restart_policy). */
function restartWarnings(project: Project, name: string, { deploy }: Service): string[] {
  const { condition = 'any', max_attempts = 0, ...times } = deploy?.restart_policy ?? {};
  if (condition === 'none') return [];
  const warning = (key: string, what: string): string => {
    const path = ['deploy', 'restart_policy', key];
    const message = `"${path.join('.')}" of service "${name}" ${what}`;
    return textAt(project, ['services', name, ...path], message);
  };
  const idle = (['delay', 'window'] as const).filter((key) => times[key] !== undefined);
  const isCut = condition === 'any' && max_attempts > 0;
  return [
    ...idle.map((key) => warning(key, 'has no effect: this engine has times of its own')),
    ...(isCut
      ? [
          warning(
            'max_attempts',
            'makes this engine restart after failures only, not after success',
          ),
        ]
      : []),
  ];
}

/** A file of the host that cannot be written into the container of another engine is mounted as it is. */
function fileWarnings(project: Project, name: string, service: Service): string[] {
  return (['secrets', 'configs'] as const).flatMap((kind) =>
    (service[kind] ?? []).flatMap((reference, index) => {
      const resource = project[kind][reference.source];
      if (resource?.file === undefined || !saysWhose(reference)) return [];
      if (givenContent(project, service, { reference, resource }) !== null) return [];
      const reason =
        service.read_only === true ? 'the root is read-only' : 'it is no file that can be read';
      const message = `${kind.slice(0, -1)} "${reference.source}" keeps the owner and mode of its file in service "${name}": ${reason}`;
      return [textAt(project, ['services', name, kind, index], message)];
    }),
  );
}
