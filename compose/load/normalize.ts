import { scalarText } from './yaml-scalars.ts';
import {
  isList,
  isMap,
  mapOf,
  newMap,
  setKey,
  spanOf,
  type Span,
  spansAt,
  type TreeMap,
  type TreeValue,
} from './tree.ts';
import { resourceName } from '../names.ts';

/** What a file leaves to be understood, written out: names, the default network, implied dependencies. */
export function normalize(root: TreeMap, projectName: string): void {
  const services = root['services'];
  if (isMap(services)) {
    for (const name of Object.keys(services)) {
      const service = services[name];
      if (isMap(service)) normalizeService(service);
    }
  }
  addDefaultNetwork(root);
  for (const kind of ['networks', 'volumes', 'secrets', 'configs'] as const) {
    nameResources(root[kind], projectName);
  }
}

function normalizeService(service: TreeMap): void {
  if (service['pull_policy'] === 'if_not_present') service['pull_policy'] = 'missing';
  const { build } = service;
  if (isMap(build)) {
    const hasFile = 'dockerfile' in build || 'dockerfile_inline' in build;
    if (!hasFile) build['dockerfile'] = 'Dockerfile';
  }
  if (!('network_mode' in service) && !('provider' in service) && !hasNetworks(service)) {
    service['networks'] = mapOf({ default: null }, spanOf(service));
  }
  addImpliedDependencies(service);
}

function hasNetworks(service: TreeMap): boolean {
  const { networks } = service;
  return isMap(networks) && Object.keys(networks).length > 0;
}

interface Implied {
  readonly name: string;
  readonly doesRestart: boolean;
  readonly span: Span | null;
}

/** Links, shared namespaces and shared volumes need the other service first; an explicit entry wins. */
function addImpliedDependencies(service: TreeMap): void {
  const implied: Implied[] = [
    ...listItems(service, 'links').map(({ text, span }) => ({
      name: text.replace(/^([^:]*):[^:]*$/, '$1'),
      doesRestart: true,
      span,
    })),
    ...['network_mode', 'ipc', 'pid', 'uts', 'cgroup'].flatMap((key) => {
      const value = service[key];
      if (typeof value !== 'string' || !value.startsWith('service:')) return [];
      return [{ name: value.slice(8), doesRestart: true, span: spansAt(service, key).value }];
    }),
    ...listItems(service, 'volumes_from').flatMap(({ text, span }) => {
      const name = text.split(':', 1)[0] ?? '';
      return name === 'container' ? [] : [{ name, doesRestart: false, span }];
    }),
  ];
  if (implied.length === 0) return;
  const existing = service['depends_on'];
  const dependencies = isMap(existing) ? existing : newMap(spanOf(service));
  for (const { name, doesRestart, span } of implied) {
    if (Object.hasOwn(dependencies, name)) continue;
    const dependency = mapOf(
      { condition: 'service_started', ...(doesRestart && { restart: true }), required: true },
      span,
    );
    setKey(dependencies, [name, dependency], { key: span, value: span });
  }
  service['depends_on'] = dependencies;
}

function listItems(service: TreeMap, key: string): { text: string; span: Span | null }[] {
  const list = service[key];
  if (!isList(list)) return [];
  return list.flatMap((item, index) =>
    typeof item === 'object' ? [] : [{ text: scalarText(item), span: spansAt(list, index).value }],
  );
}

function addDefaultNetwork(root: TreeMap): void {
  const services = root['services'];
  const isUsed =
    isMap(services) &&
    Object.values(services).some((service) => {
      const networks: TreeValue | undefined = isMap(service) ? service['networks'] : undefined;
      return isMap(networks) && 'default' in networks;
    });
  const existing = root['networks'];
  const networks = isMap(existing) ? existing : newMap();
  if (isUsed && !('default' in networks)) networks['default'] = newMap();
  if (Object.keys(networks).length > 0) root['networks'] = networks;
}

function nameResources(resources: TreeValue | undefined, projectName: string): void {
  if (!isMap(resources)) return;
  for (const key of Object.keys(resources)) {
    const spans = spansAt(resources, key);
    const value = resources[key];
    const resource = isMap(value) ? value : newMap(spans.value);
    if (resource !== value) setKey(resources, [key, resource], spans);
    if (resource['name'] === undefined || resource['name'] === '') {
      resource['name'] = resource['external'] === true ? key : resourceName(projectName, key);
    }
  }
}
