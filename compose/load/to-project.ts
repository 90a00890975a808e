import type { Excerpt, Position } from '../errors.ts';
import type { Project } from '../model/project.ts';
import { excerptOf, positionOf } from './findings.ts';
import type { LoadRequest } from './request.ts';
import type { Sources } from './source.ts';
import {
  isList,
  isMap,
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
}

/** The checked, canonical tree as a frozen Project. Resources that no service uses are left out. */
export function toProject(root: TreeMap, scope: ProjectScope): Project {
  const { name, sources, environment, disabled, request } = scope;
  const skipsNormalization = request.skip?.normalization === true;
  if (request.allResources !== true && !skipsNormalization) dropUnused(root);
  const services = isMap(root['services']) ? root['services'] : newMap();
  for (const key of Object.keys(services)) complete(services[key] ?? null);
  for (const key of Object.keys(disabled)) complete(disabled[key] ?? null);
  completeResources(root);
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
  const span = value ?? key;
  return span === null ? null : { position: positionOf(span), excerpt: excerptOf(span) };
}

/** Attributes that are always there, so that "unset" and "empty" can be told apart. */
function complete(service: TreeValue): void {
  if (!isMap(service)) return;
  service['command'] ??= null;
  service['entrypoint'] ??= null;
  const { deploy } = service;
  if (isMap(deploy)) {
    deploy['resources'] ??= newMap();
    deploy['placement'] ??= newMap();
  } else if (deploy === null) Reflect.deleteProperty(service, 'deploy');
  dropEmpty(service);
}

/** Keys whose null means something. */
const nullable = new Set(['command', 'entrypoint']);

/** An attribute without a value is one that was not given. */
function dropEmpty(map: TreeMap): void {
  for (const key of Object.keys(map)) {
    const value = map[key];
    if (value === null && !nullable.has(key)) Reflect.deleteProperty(map, key);
  }
}

function completeResources(root: TreeMap): void {
  const { networks } = root;
  for (const network of isMap(networks) ? Object.values(networks) : []) {
    if (!isMap(network)) continue;
    dropEmpty(network);
    network['ipam'] ??= newMap();
  }
  for (const kind of ['volumes', 'secrets', 'configs']) {
    const resources = root[kind];
    for (const resource of isMap(resources) ? Object.values(resources) : []) {
      if (isMap(resource)) dropEmpty(resource);
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
  const used = new Set<string>();
  const services = isMap(root['services']) ? root['services'] : newMap();
  for (const service of Object.values(services)) {
    if (!isMap(service)) continue;
    for (const name of keysOf(service['networks'])) used.add(`networks/${name}`);
    for (const name of keysOf(service['models'])) used.add(`models/${name}`);
    for (const mount of itemsOf(service['volumes'])) {
      if (mount['type'] === 'volume' && typeof mount['source'] === 'string') {
        used.add(`volumes/${mount['source']}`);
      }
    }
    const build = isMap(service['build']) ? service['build'] : newMap();
    for (const list of [service['secrets'], build['secrets']]) {
      for (const { source } of itemsOf(list)) used.add(`secrets/${String(source)}`);
    }
    for (const { source } of itemsOf(service['configs'])) used.add(`configs/${String(source)}`);
  }
  return used;
}

function keysOf(value: TreeValue | undefined): string[] {
  return isMap(value) ? Object.keys(value) : [];
}

function itemsOf(value: TreeValue | undefined): TreeMap[] {
  return isList(value) ? value.filter(isMap) : [];
}

function deepFreeze<T extends object>(value: T): T {
  for (const item of Object.values(value)) {
    if (typeof item === 'object' && item !== null && !Object.isFrozen(item))
      deepFreeze(item as object);
  }
  return Object.freeze(value);
}
