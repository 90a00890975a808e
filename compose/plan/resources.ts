/** Networks and volumes: what is missing is created, what is external must be there. */
import type { NetworkCreateRequest, VolumeCreateRequest } from '../../engine/api/index.ts';
import { labels } from '../labels.ts';
import type { NetworkResource } from '../model/network.ts';
import type { Project } from '../model/project.ts';
import type { VolumeResource } from '../model/volume.ts';
import { errorAt } from '../positions.ts';
import { composeVersion } from '../version.ts';
import { networkHash, volumeHash } from './config-hash.ts';
import { isOfProject } from './existing.ts';
import type { Observed, ObservedContainer, ObservedResource } from './observed.ts';
import type { PlanEdge } from './plan.ts';
import { planRemovals } from './removal.ts';
import type { ReconcileState } from './state.ts';

export function planNetworks(state: ReconcileState, keys: readonly string[]): void {
  const { project, observed } = state;
  for (const key of keys) {
    const network = project.networks[key];
    if (network === undefined) continue;
    const existing = observed.networks.find(({ name }) => name === network.name);
    if (network.external === true) {
      if (existing === undefined && !isBuiltIn(network.name)) missing(state, 'network', key);
    } else if (existing === undefined) createNetwork(state, key, { cause: 'missing' });
    else checkNetwork(state, { kind: 'network', key, existing, hash: networkHash(network) });
  }
}

interface Making {
  readonly cause: string;
  readonly edges?: readonly PlanEdge[];
}

function createNetwork(state: ReconcileState, key: string, { cause, edges }: Making): void {
  const network = state.project.networks[key];
  if (network === undefined) return;
  const body = networkBody(state.project, key, network);
  const action = { kind: 'createNetwork', name: network.name, key, body, cause } as const;
  state.creators.set(`networks/${key}`, state.builder.add(action, edges));
}

/** One of ours that differs is made anew, once nobody is on it. */
function checkNetwork(state: ReconcileState, owned: Owned): void {
  const { project, observed, options } = state;
  const { name, labels: own } = owned.existing;
  const key = own[labels.network];
  if (own[labels.project] === project.name && key !== undefined && key !== owned.key) {
    const message = `network ${name} was found but has incorrect label ${labels.network} set to "${key}" (expected: "${owned.key}")`;
    const path = ['networks', owned.key];
    state.errors.push(errorAt(project, ['conflicting-attributes', message], { path }));
    return;
  }
  if (!isDiverged(state, owned) || options.noRecreate === true) {
    checkOwner(state, owned);
    return;
  }
  const users = observed.containers.filter(({ networks }) => networks.includes(name));
  if (!areInReach(state, owned, users)) return;
  const cause = `network ${owned.key} has changed`;
  const edges = planRemovals(state, users, cause);
  const removed = state.builder.add({ kind: 'removeNetwork', name, cause }, edges);
  createNetwork(state, owned.key, { cause, edges: [{ node: removed }] });
}

function isDiverged({ project }: ReconcileState, { existing, hash }: Owned): boolean {
  const { labels: own } = existing;
  const before = own[labels.configHash];
  return own[labels.project] === project.name && before !== undefined && before !== hash;
}

/** Whether this plan makes anew whoever uses it; an engine removes nothing that is in use. */
function areInReach(
  { project, services, errors, options }: ReconcileState,
  { kind, key, existing }: Owned,
  users: readonly ObservedContainer[],
): boolean {
  const foreign = users.find(({ service, isOneOff }) => {
    if (service !== null && services.includes(service) && !isOneOff) return false;
    const isOrphan = service === null || isOneOff || !isOfProject(project, service);
    return !(isOrphan && options.removeOrphans === true);
  });
  if (foreign === undefined) return true;
  const message = `${kind} "${existing.name}" has changed, and cannot be made anew while container "${foreign.name}" uses it`;
  const hint = 'name its service as well, or remove the container';
  const path = [`${kind}s`, key];
  errors.push(errorAt(project, ['conflicting-attributes', message], { path, hint }));
  return false;
}

/** Engines have these without being asked. */
function isBuiltIn(name: string): boolean {
  return name === 'bridge' || name === 'host' || name === 'none';
}

export function planVolumes(state: ReconcileState, keys: readonly string[]): void {
  const { project, observed } = state;
  for (const key of keys) {
    const volume = project.volumes[key];
    if (volume === undefined) continue;
    const existing = observed.volumes.find(({ name }) => name === volume.name);
    if (volume.external === true) {
      if (existing === undefined) missing(state, 'volume', key);
    } else if (existing === undefined) createVolume(state, key, { cause: 'missing' });
    else checkVolume(state, { kind: 'volume', key, existing, hash: volumeHash(volume) });
  }
}

function createVolume(state: ReconcileState, key: string, { cause, edges }: Making): void {
  const volume = state.project.volumes[key];
  if (volume === undefined) return;
  const body = volumeBody(state.project, key, volume);
  const action = { kind: 'createVolume', name: volume.name, key, body, cause } as const;
  state.creators.set(`volumes/${key}`, state.builder.add(action, edges));
}

/** One of ours that differs is made anew only where somebody has agreed to lose its data. */
function checkVolume(state: ReconcileState, owned: Owned): void {
  const { observed, options, builder } = state;
  const { name } = owned.existing;
  if (!isDiverged(state, owned) || options.recreateVolumes?.includes(owned.key) !== true) {
    checkOwner(state, owned);
    return;
  }
  const users = observed.containers.filter(({ volumes }) => volumes.includes(name));
  if (!areInReach(state, owned, users)) return;
  const cause = `volume ${owned.key} has changed`;
  const edges = planRemovals(state, users, cause);
  const removed = builder.add({ kind: 'removeVolume', name, cause }, edges);
  createVolume(state, owned.key, { cause, edges: [{ node: removed }] });
}

/** Keys of the volumes that differ from what the file says now. */
export function divergedVolumes(project: Project, observed: Observed): string[] {
  return Object.entries(project.volumes).flatMap(([key, volume]) => {
    const existing = observed.volumes.find(({ name }) => name === volume.name);
    if (volume.external === true || existing?.labels[labels.project] !== project.name) return [];
    const before = existing.labels[labels.configHash];
    return before === undefined || before === volumeHash(volume) ? [] : [key];
  });
}

function missing(
  { project, errors }: ReconcileState,
  kind: 'network' | 'volume',
  key: string,
): void {
  const name = project[`${kind}s`][key]?.name ?? key;
  errors.push(
    errorAt(project, ['undefined-reference', `external ${kind} "${name}" does not exist`], {
      path: [`${kind}s`, key],
      hint: `create it first, or remove "external" to let the project create it`,
    }),
  );
}

interface Owned {
  readonly kind: 'network' | 'volume';
  readonly key: string;
  readonly existing: ObservedResource;
  readonly hash: string;
}

/** What is there under the name is used; whether it is ours, and as we would make it, is said. */
function checkOwner(
  { project, warnings }: ReconcileState,
  { kind, key, existing, hash }: Owned,
): void {
  const { name, labels: own } = existing;
  if (own[labels.project] !== project.name) {
    warnings.push(
      `${kind} "${name}" was not created by this project: say "external: true" if it is to be used`,
    );
    return;
  }
  const before = own[labels.configHash];
  if (before === undefined || before === hash) return;
  warnings.push(
    `${kind} "${name}" differs from "${key}" in the compose file and is used as it is: remove it with "down${kind === 'volume' ? ' -v' : ''}" to have it made anew`,
  );
}

function networkBody(
  project: Project,
  key: string,
  network: NetworkResource,
): NetworkCreateRequest {
  const { driver, driver_opts, ipam, internal, attachable, enable_ipv4, enable_ipv6 } = network;
  const pools = (ipam.config ?? []).map(({ subnet, gateway, ip_range, aux_addresses }) => ({
    ...(subnet !== undefined && { Subnet: subnet }),
    ...(gateway !== undefined && { Gateway: gateway }),
    ...(ip_range !== undefined && { IPRange: ip_range }),
    ...(aux_addresses !== undefined && { AuxiliaryAddresses: aux_addresses }),
  }));
  return {
    Name: network.name,
    Driver: driver ?? 'bridge',
    ...(driver_opts !== undefined && { Options: driver_opts }),
    ...((pools.length > 0 || ipam.driver !== undefined || ipam.options !== undefined) && {
      IPAM: {
        Driver: ipam.driver ?? 'default',
        ...(pools.length > 0 && { Config: pools }),
        ...(ipam.options !== undefined && { Options: ipam.options }),
      },
    }),
    ...(internal !== undefined && { Internal: internal }),
    ...(attachable !== undefined && { Attachable: attachable }),
    ...(enable_ipv4 !== undefined && { EnableIPv4: enable_ipv4 }),
    ...(enable_ipv6 !== undefined && { EnableIPv6: enable_ipv6 }),
    Labels: {
      ...network.labels,
      [labels.project]: project.name,
      [labels.network]: key,
      [labels.configHash]: networkHash(network),
      [labels.version]: composeVersion,
    },
  };
}

function volumeBody(project: Project, key: string, volume: VolumeResource): VolumeCreateRequest {
  return {
    Name: volume.name,
    ...(volume.driver !== undefined && { Driver: volume.driver }),
    ...(volume.driver_opts !== undefined && { DriverOpts: volume.driver_opts }),
    Labels: {
      ...volume.labels,
      [labels.project]: project.name,
      [labels.volume]: key,
      [labels.configHash]: volumeHash(volume),
      [labels.version]: composeVersion,
    },
  };
}
