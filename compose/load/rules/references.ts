/** Names that must be defined somewhere else in the project. */
import { didYouMean } from '../../schema/nearest.ts';
import { keySpan } from '../findings.ts';
import { isList, isMap, type Path, type TreeMap } from '../tree.ts';
import type { CheckScope } from './scope.ts';

export function checkReferences(scope: CheckScope): void {
  for (const kind of ['secret', 'config'] as const) {
    for (const name of scope.keysOf(`${kind}s`)) checkDriven(scope, kind, name);
  }
  for (const [name, service] of scope.services) {
    checkNetworks(scope, name);
    checkVolumes(scope, name, service);
    for (const kind of ['secrets', 'configs'] as const)
      checkFiles(scope, [name, kind], service[kind]);
    const { build, models } = service;
    if (isMap(build)) {
      checkFiles(scope, [name, 'build', 'secrets'], build['secrets']);
      checkContexts(scope, name, build);
    }
    for (const model of isMap(models) ? Object.keys(models) : []) {
      if (!scope.has('models', model))
        undefinedName(scope, ['services', name, 'models', model], 'model');
    }
    checkNamespaces(scope, name, service);
  }
}

function checkNetworks(scope: CheckScope, service: string): void {
  for (const network of scope.keysOf('services', service, 'networks')) {
    if (network === 'default' || scope.has('networks', network)) continue;
    undefinedName(scope, ['services', service, 'networks', network], 'network');
  }
}

function checkVolumes(scope: CheckScope, name: string, service: TreeMap): void {
  const { volumes } = service;
  if (!isList(volumes)) return;
  volumes.forEach((mount, index) => {
    if (!isMap(mount) || mount['type'] !== 'volume') return;
    const source = mount['source'];
    if (typeof source !== 'string' || source === '' || scope.has('volumes', source)) return;
    const path = ['services', name, 'volumes', index];
    report(scope, { path: [...path, 'source'], service: name, kind: 'volume', name: source });
  });
}

function checkFiles(
  scope: CheckScope,
  [service, ...rest]: readonly [string, ...string[]],
  list: unknown,
): void {
  if (!isList(list as TreeMap)) return;
  const kind = rest.at(-1) === 'configs' ? 'config' : 'secret';
  (list as TreeMap[]).forEach((item, index) => {
    const source = isMap(item) ? item['source'] : undefined;
    if (typeof source !== 'string') return;
    if (scope.has(`${kind}s`, source)) return;
    report(scope, {
      path: ['services', service, ...rest, index, 'source'],
      service,
      kind,
      name: source,
    });
  });
}

/** A driver's secret exists in a swarm only: nothing here could give it content. */
function checkDriven(scope: CheckScope, kind: 'secret' | 'config', name: string): void {
  const resource = scope.get(`${kind}s`, name);
  if (!isMap(resource) || resource['driver'] === undefined || resource['external'] === true) return;
  if (['file', 'environment', 'content'].some((key) => resource[key] !== undefined)) return;
  scope.keyError(
    [`${kind}s`, name],
    ['missing-key', `${kind} "${name}" has no content, only a driver`],
  );
}

function checkContexts(scope: CheckScope, service: string, build: TreeMap): void {
  const contexts = build['additional_contexts'];
  if (!isMap(contexts)) return;
  for (const [key, value] of Object.entries(contexts)) {
    if (typeof value !== 'string' || !value.startsWith('service:')) continue;
    const name = value.slice('service:'.length);
    const path = ['services', service, 'build', 'additional_contexts', key];
    if (!scope.has('services', name)) report(scope, { path, service, kind: 'service', name });
    else if (scope.get('services', name, 'build') === undefined) {
      scope.error(path, [
        'conflicting-attributes',
        `service "${service}" builds from service "${name}", which has no build`,
      ]);
    }
  }
}

function checkNamespaces(scope: CheckScope, service: string, attributes: TreeMap): void {
  for (const key of ['network_mode', 'ipc', 'pid'] as const) {
    const value = attributes[key];
    if (typeof value !== 'string' || !value.startsWith('service:')) continue;
    const name = value.slice('service:'.length);
    if (!scope.has('services', name)) {
      report(scope, { path: ['services', service, key], service, kind: 'service', name });
    }
  }
}

function undefinedName(
  scope: CheckScope,
  path: readonly [string, string, ...string[]],
  kind: string,
): void {
  report(scope, { path, service: path[1], kind, name: path.at(-1) ?? '', isKey: true });
}

interface Reference {
  readonly path: Path;
  readonly service: string;
  readonly kind: string;
  readonly name: string;
  readonly isKey?: boolean;
}

function report(scope: CheckScope, { path, service, kind, name, isKey }: Reference): void {
  const label = didYouMean(name, scope.keysOf(`${kind}s`));
  scope.error(
    path,
    ['undefined-reference', `service "${service}" refers to undefined ${kind} "${name}"`],
    {
      label,
      ...(isKey === true && { span: keySpan(scope.root, path) }),
      part: { text: name, start: 0, end: name.length },
      hint: label === undefined ? definitionHint(kind, name) : undefined,
    },
  );
}

function definitionHint(kind: string, name: string): string {
  if (kind === 'volume' && name.includes('/')) return `a path starts with a dot: "./${name}"`;
  if (kind === 'service') return `define it: "services:" with "${name}:" below it`;
  return `define it at top level: "${kind}s:" with "${name}:" below it`;
}
