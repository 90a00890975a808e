import { stringify } from 'yaml';
import type { Project } from './model/project.ts';

export type ConfigFormat = 'yaml' | 'json';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What `config` prints: the canonical model, which loads again as the same project. */
export function renderConfig(project: Project, format: ConfigFormat): string {
  const model = configModel(project);
  if (format === 'json') return JSON.stringify(withoutNestedExtensions(asJson(model)), null, 2);
  return stringify(withoutUnset(model), {
    indent: 2,
    lineWidth: 0,
    aliasDuplicateObjects: false,
    singleQuote: false,
    version: '1.1',
  });
}

/**
 * What docker compose's JSON has differently from its YAML, for those who parse it: no models, the fields of block
 * device limits capitalised, a hook in every watch rule.
 */
function asJson({ models: _models, ...model }: { readonly [key: string]: Json }): {
  readonly [key: string]: Json;
} {
  const services = model['services'];
  if (!isJsonMap(services)) return model;
  return { ...model, services: mapJson(services, serviceAsJson) };
}

function serviceAsJson(service: Json): Json {
  if (!isJsonMap(service)) return service;
  const { blkio_config: limits, develop } = service;
  return {
    ...service,
    ...(isJsonMap(limits) && { blkio_config: mapJson(limits, capitalised) }),
    ...(isJsonMap(develop) && { develop: mapJson(develop, watchAsJson) }),
  };
}

function capitalised(list: Json): Json {
  if (!Array.isArray(list)) return list;
  return list.map((item: Json) => {
    if (!isJsonMap(item)) return item;
    return Object.fromEntries(
      Object.entries(item).map(([key, value]) => [
        key.charAt(0).toUpperCase() + key.slice(1),
        value,
      ]),
    );
  });
}

function watchAsJson(list: Json): Json {
  if (!Array.isArray(list)) return list;
  return list.map((rule: Json) => (isJsonMap(rule) ? { exec: { command: null }, ...rule } : rule));
}

function isJsonMap(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapJson(
  map: { readonly [key: string]: Json },
  change: (value: Json) => Json,
): { readonly [key: string]: Json } {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

function configModel(project: Project): { readonly [key: string]: Json } {
  const sections = ['networks', 'volumes', 'configs', 'secrets', 'models'] as const;
  const model: Record<string, Json> = { name: project.name, services: sorted(project.services) };
  for (const section of sections) {
    if (Object.keys(project[section]).length > 0) model[section] = sorted(project[section]);
  }
  return { ...model, ...sorted(project.extensions) };
}

/** Keys of maps sorted, and `$` doubled, so that what is printed can be interpolated again. */
function sorted(value: unknown): { readonly [key: string]: Json } {
  return plain(value) as { readonly [key: string]: Json };
}

function plain(value: unknown): Json {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value as Json;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, item]) => [key.replaceAll('$', '$$$$'), plain(item)]),
  );
}

/** Maps whose keys are the user's: there `x-` has no special meaning. */
const userMaps = new Set([
  'annotations',
  'args',
  'configs',
  'depends_on',
  'driver_opts',
  'environment',
  'labels',
  'models',
  'networks',
  'options',
  'secrets',
  'services',
  'sysctls',
  'ulimits',
  'volumes',
  'additional_contexts',
]);

/** JSON shows `x-` attributes at top level only, as docker compose does. */
function withoutNestedExtensions(model: { readonly [key: string]: Json }): Json {
  const strip = (value: Json, isUserMap: boolean): Json => {
    if (Array.isArray(value)) return value.map((item: Json) => strip(item, false));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => isUserMap || !key.startsWith('x-'))
        .map(([key, item]) => [key, strip(item, !isUserMap && userMaps.has(key))]),
    );
  };
  return Object.fromEntries(
    Object.entries(model).map(([key, item]) => [
      key,
      key.startsWith('x-') ? item : strip(item, userMaps.has(key)),
    ]),
  );
}

/** YAML leaves out what is unset: `command: null` says nothing there. */
function withoutUnset(model: { readonly [key: string]: Json }): Json {
  const services = model['services'];
  if (typeof services !== 'object' || services === null || Array.isArray(services)) return model;
  const shown = Object.entries(services).map(([name, service]) => {
    const entries = Object.entries(service as object).filter(
      ([key, item]) => !(item === null && (key === 'command' || key === 'entrypoint')),
    );
    return [name, Object.fromEntries(entries)] as const;
  });
  return { ...model, services: Object.fromEntries(shown) as Json };
}
