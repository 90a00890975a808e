import type { Excerpt, Position } from '../errors.ts';
import type { Host } from '../host.ts';
import type { Project } from '../model/project.ts';
import { excerptOf, positionOf } from './findings.ts';
import { omitEmpty } from './omit-empty.ts';
import type { LoadRequest } from './request.ts';
import type { Sources } from './source.ts';
import {
  getAt,
  isList,
  isMap,
  mapOf,
  moveEntry,
  newMap,
  spansOfPath,
  type TreeMap,
  type TreeValue,
} from './tree.ts';

export interface ProjectScope {
  readonly name: string;
  readonly sources: Sources;
  readonly environment: Readonly<Record<string, string>>;
  readonly disabled: TreeMap;
  readonly request: LoadRequest;
  readonly host: Pick<Host, 'caller' | 'fileBytes' | 'fileDigest' | 'readFile'>;
}

/** The checked, canonical tree as a frozen Project. Resources that no service uses are left out. */
export function toProject(root: TreeMap, scope: ProjectScope): Project {
  const { name, sources, environment, disabled, request, host } = scope;
  const skipsNormalization = request.skip?.normalization === true;
  if (request.allResources !== true && !skipsNormalization) dropUnused(root);
  const services = isMap(root['services']) ? root['services'] : newMap();
  completeResources(root);
  omitEmpty(root);
  omitEmpty(mapOf({ services: disabled }, null));
  for (const key of Object.keys(services)) complete(services[key] ?? null);
  for (const key of Object.keys(disabled)) complete(disabled[key] ?? null);
  const section = (kind: string): TreeMap => {
    const value = root[kind];
    return isMap(value) ? value : newMap();
  };
  const extensions = newMap();
  for (const key of Object.keys(root)) if (key.startsWith('x-')) moveEntry(root, extensions, key);
  const model = {
    name,
    workingDirectory: sources.directory,
    files: sources.sources.map(({ file }) => file),
    environmentFiles: sources.environmentFiles,
    environment,
    services,
    disabledServices: disabled,
    networks: section('networks'),
    volumes: section('volumes'),
    secrets: section('secrets'),
    configs: section('configs'),
    models: section('models'),
    extensions,
    caller: host.caller ?? null,
    fileDigest: (path: string) => host.fileDigest(path),
    fileBytes: (path: string) => host.fileBytes(path),
    readFile: (path: string) => host.readFile(path),
    positionOf: (path: readonly (string | number)[]) => placeOf(root, path)?.position ?? null,
    placeOf: (path: readonly (string | number)[]) => placeOf(root, path),
  };
  // The schema and the canonical forms have made of the tree what the model says.
  return deepFreeze(model) as unknown as Project;
}

function placeOf(
  root: TreeMap,
  path: readonly (string | number)[],
): { readonly position: Position; readonly excerpt: Excerpt } | null {
  const { value, key } = spansOfPath(root, path);
  // Of a mapping the key says more than its first entry.
  const span = isMap(getAt(root, path)) ? (key ?? value) : (value ?? key);
  return span === null ? null : { position: positionOf(span), excerpt: excerptOf(span) };
}

/** What every service has, and what it has where its parent is there. */
function complete(service: TreeValue): void {
  if (!isMap(service)) return;
  service['command'] ??= null;
  service['entrypoint'] ??= null;
  // In the schema for tools that look for new images; nothing here reads it.
  Reflect.deleteProperty(service, 'pull_refresh_after');
  const { deploy } = service;
  if (isMap(deploy)) {
    deploy['resources'] ??= newMap();
    deploy['placement'] ??= newMap();
  }
}

function completeResources(root: TreeMap): void {
  for (const kind of ['networks', 'volumes', 'secrets', 'configs']) {
    const resources = root[kind];
    if (!isMap(resources)) continue;
    for (const name of Object.keys(resources)) {
      const resource = (resources[name] ??= newMap());
      if (kind === 'networks' && isMap(resource)) resource['ipam'] ??= newMap();
    }
  }
}

function dropUnused(root: TreeMap): void {
  const used = usedResources(root);
  for (const kind of ['networks', 'volumes', 'secrets', 'configs', 'models'] as const) {
    const resources = root[kind];
    if (!isMap(resources)) continue;
    for (const name of Object.keys(resources)) {
      if (!used.has(`${kind}/${name}`)) Reflect.deleteProperty(resources, name);
    }
  }
}

function usedResources(root: TreeMap): Set<string> {
  const services = isMap(root['services']) ? Object.values(root['services']) : [];
  return new Set(services.filter(isMap).flatMap(usedBy));
}

/** "networks/default" for everything one service uses. */
function usedBy(service: TreeMap): string[] {
  const build = isMap(service['build']) ? service['build'] : newMap();
  const named = (kind: string, sources: readonly (TreeValue | undefined)[]): string[] =>
    sources.flatMap((source) => (typeof source === 'string' ? [`${kind}/${source}`] : []));
  const sourcesOf = (list: TreeValue | undefined): (TreeValue | undefined)[] =>
    itemsOf(list).map((item) => item['source']);
  const mounted = itemsOf(service['volumes']).filter(({ type }) => type === 'volume');
  return [
    ...named('networks', keysOf(service['networks'])),
    ...named('models', keysOf(service['models'])),
    ...named(
      'volumes',
      mounted.map((mount) => mount['source']),
    ),
    ...named('secrets', [...sourcesOf(service['secrets']), ...sourcesOf(build['secrets'])]),
    ...named('configs', sourcesOf(service['configs'])),
  ];
}

function keysOf(value: TreeValue | undefined): string[] {
  return isMap(value) ? Object.keys(value) : [];
}

function itemsOf(value: TreeValue | undefined): TreeMap[] {
  return isList(value) ? value.filter(isMap) : [];
}

function deepFreeze<T extends object>(value: T): T {
  Object.freeze(value);
  for (const key in value) {
    const item: unknown = value[key];
    if (typeof item === 'object' && item !== null && !Object.isFrozen(item)) deepFreeze(item);
  }
  return value;
}
