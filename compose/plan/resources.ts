/** Networks and volumes: what is missing is created, what is external must be there. */
import type { NetworkCreateRequest, VolumeCreateRequest } from '../../engine/api/index.ts';
import type { ComposeError } from '../errors.ts';
import { labels } from '../labels.ts';
import type { NetworkResource } from '../model/network.ts';
import type { Project } from '../model/project.ts';
import type { VolumeResource } from '../model/volume.ts';
import { isAnonymous } from '../names.ts';
import { errorAt } from '../positions.ts';
import { composeVersion } from '../version.ts';
import { networkHash, volumeHash } from './config-hash.ts';
import type { Observed, ObservedContainer, ObservedResource } from './observed.ts';
import type { PlanBuilder } from './plan.ts';

/** What reconciling collects on its way. */
export interface ReconcileState {
  readonly project: Project;
  readonly observed: Observed;
  readonly builder: PlanBuilder;
  readonly errors: ComposeError[];
  readonly warnings: string[];
  /** "networks/default" → node that creates it. */
  readonly creators: Map<string, number>;
}

export function planNetworks(state: ReconcileState, keys: readonly string[]): void {
  const { project, observed, builder } = state;
  for (const key of keys) {
    const network = project.networks[key];
    if (network === undefined) continue;
    const existing = observed.networks.find(({ name }) => name === network.name);
    if (network.external === true) {
      if (existing === undefined && !isBuiltIn(network.name)) missing(state, 'network', key);
    } else if (existing === undefined) {
      const body = networkBody(project, key, network);
      const action = {
        kind: 'createNetwork',
        name: network.name,
        key,
        body,
        cause: 'missing',
      } as const;
      state.creators.set(`networks/${key}`, builder.add(action));
    } else checkOwner(state, { kind: 'network', key, existing, hash: networkHash(network) });
  }
}

/** Engines have these without being asked. */
function isBuiltIn(name: string): boolean {
  return name === 'bridge' || name === 'host' || name === 'none';
}

export function planVolumes(state: ReconcileState, keys: readonly string[]): void {
  const { project, observed, builder } = state;
  for (const key of keys) {
    const volume = project.volumes[key];
    if (volume === undefined) continue;
    const existing = observed.volumes.find(({ name }) => name === volume.name);
    if (volume.external === true) {
      if (existing === undefined) missing(state, 'volume', key);
    } else if (existing === undefined) {
      const body = volumeBody(project, key, volume);
      const action = {
        kind: 'createVolume',
        name: volume.name,
        key,
        body,
        cause: 'missing',
      } as const;
      state.creators.set(`volumes/${key}`, builder.add(action));
    } else checkOwner(state, { kind: 'volume', key, existing, hash: volumeHash(volume) });
  }
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

/**
 * An engine removes with a container only the volumes that this container was the first to mount: one that was handed on
 * when the container was recreated has to be named.
 */
export function planAnonymousVolumes(
  builder: PlanBuilder,
  removals: readonly { readonly container: ObservedContainer; readonly node: number }[],
): void {
  const names = new Set(removals.flatMap(({ container }) => container.volumes.filter(isAnonymous)));
  for (const name of names) {
    const users = removals.filter(({ container }) => container.volumes.includes(name));
    const edges = users.map(({ node }) => ({ node }));
    builder.add({ kind: 'removeVolume', name, cause: 'anonymous' }, edges);
  }
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
