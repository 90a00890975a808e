/** Networks of the API on the network controller: names, Docker's words, the predefined three. */
import { EngineError } from '../../api/index.ts';
import type { NetworkContainer, NetworkCreateRequest, NetworkInspect } from '../../api/index.ts';
import type { Containers } from '../../containers/containers.ts';
import { networkFailure } from '../../containers/network-failure.ts';
import { findNetwork } from '../../containers/network-request.ts';
import { createId } from '../../lib/index.ts';
import type { EventBus } from '../../store/index.ts';
import type { IpamRequest, Network, NetworkController } from '../../../network/index.ts';
import type { NetworkBackend } from '../routes/index.ts';

export interface NetworkBackendContext {
  readonly networks: Pick<
    NetworkController,
    'createNetwork' | 'removeNetwork' | 'list' | 'inspect'
  >;
  readonly containers: Containers;
  readonly membership: Pick<NetworkBackend, 'connect' | 'disconnect'>;
  readonly events: Pick<EventBus, 'publish'>;
}

const predefined = ['bridge', 'host', 'none'] as const;

export function createNetworkBackend(ctx: NetworkBackendContext): NetworkBackend {
  return {
    create: async (request, abort) => {
      const network = await createNetwork(ctx, request, abort);
      return { Id: network.id, Warning: '' };
    },
    list: () => Promise.resolve(ctx.networks.list().map((network) => inspect(ctx, network))),
    inspect: (ref) => settled(() => inspect(ctx, findNetwork(ctx.networks.list(), ref))),
    remove: (ref) => removeNetwork(ctx, ref),
    ...ctx.membership,
  };
}

/** The three networks that every Docker client expects; made once, nothing of the kernel with them. */
export async function ensurePredefinedNetworks(
  networks: Pick<NetworkController, 'createNetwork' | 'list'>,
): Promise<void> {
  const existing = new Set(networks.list().map(({ name }) => name));
  for (const name of predefined) {
    if (!existing.has(name)) await networks.createNetwork({ id: createId(), name, driver: name });
  }
}

async function createNetwork(
  ctx: NetworkBackendContext,
  request: NetworkCreateRequest,
  signal: AbortSignal,
): Promise<Network> {
  const name = request.Name ?? '';
  if (name === '') throw new EngineError('invalid-argument', 'network name is required');
  if (ctx.networks.list().some((network) => network.name === name)) {
    throw new EngineError('conflict', `network with name ${name} already exists`);
  }
  refuseSwarm(request);
  const driver = request.Driver === undefined || request.Driver === '' ? 'bridge' : request.Driver;
  const network = await inWordsOfTheApi(() =>
    ctx.networks.createNetwork(
      {
        id: createId(),
        name,
        driver: driver === 'default' ? 'bridge' : driver,
        isInternal: request.Internal === true,
        isAttachable: request.Attachable === true,
        hasIpv4: request.EnableIPv4 !== false,
        hasIpv6: request.EnableIPv6 === true,
        ipam: {
          driver: request.IPAM?.Driver ?? 'default',
          options: request.IPAM?.Options ?? {},
          pools: (request.IPAM?.Config ?? []).map(poolOf),
        },
        options: request.Options ?? {},
        labels: request.Labels ?? {},
      },
      signal,
    ),
  );
  publish(ctx, network, 'create');
  return network;
}

/** What only a swarm has, or a network that is nothing but a model for others. */
function refuseSwarm({ Ingress, ConfigOnly, ConfigFrom, Scope = '' }: NetworkCreateRequest): void {
  const wrong = [
    Ingress === true && 'Ingress',
    ConfigOnly === true && 'ConfigOnly',
    (ConfigFrom?.Network ?? '') !== '' && 'ConfigFrom',
    Scope !== '' && Scope !== 'local' && `Scope "${Scope}"`,
  ].find((one) => one !== false);
  if (wrong === undefined) return;
  throw new EngineError('not-implemented', `this engine has no networks with ${wrong}`, {
    hint: 'leave it out: networks of this engine are those of one host',
  });
}

function poolOf(
  pool: NonNullable<NonNullable<NetworkCreateRequest['IPAM']>['Config']>[number],
): IpamRequest {
  return {
    ...(pool.Subnet !== undefined && pool.Subnet !== '' && { subnet: pool.Subnet }),
    ...(pool.Gateway !== undefined && pool.Gateway !== '' && { gateway: pool.Gateway }),
    ...(pool.IPRange !== undefined && pool.IPRange !== '' && { range: pool.IPRange }),
    ...(pool.AuxiliaryAddresses !== undefined && { reserved: pool.AuxiliaryAddresses }),
  };
}

async function removeNetwork(ctx: NetworkBackendContext, ref: string): Promise<void> {
  const network = findNetwork(ctx.networks.list(), ref);
  if ((predefined as readonly string[]).includes(network.name)) {
    throw new EngineError(
      'forbidden',
      `${network.name} is a pre-defined network and cannot be removed`,
    );
  }
  await inWordsOfTheApi(() => ctx.networks.removeNetwork(network.id));
  publish(ctx, network, 'destroy');
}

function publish(ctx: NetworkBackendContext, network: Network, action: string): void {
  ctx.events.publish({
    type: 'network',
    action,
    id: network.id,
    attributes: { name: network.name, type: network.driver },
  });
}

function inspect(ctx: NetworkBackendContext, network: Network): NetworkInspect {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: 'local',
    Driver: network.driver === 'none' ? 'null' : network.driver,
    EnableIPv4: network.hasIpv4,
    EnableIPv6: network.hasIpv6,
    IPAM: {
      Driver: network.ipamDriver,
      Options: network.ipamOptions,
      Config: network.ipam.map(({ subnet, gateway, range, reserved }) => ({
        Subnet: subnet,
        Gateway: gateway,
        ...(range !== null && { IPRange: range }),
        ...(Object.keys(reserved).length > 0 && { AuxiliaryAddresses: reserved }),
      })),
    },
    Internal: network.isInternal,
    Attachable: network.isAttachable ?? false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: runningOn(ctx, network),
    Options: network.options,
    Labels: network.labels,
  };
}

function runningOn(
  ctx: NetworkBackendContext,
  network: Network,
): Readonly<Record<string, NetworkContainer>> {
  const found = [...ctx.containers].flatMap((container) => {
    const endpoint = container.network?.endpoints[network.name];
    if (endpoint === undefined) return [];
    const { EndpointID = '', MacAddress = '', IPAddress = '', IPPrefixLen = 0 } = endpoint;
    const { GlobalIPv6Address: ipv6 = '', GlobalIPv6PrefixLen: ipv6Length = 0 } = endpoint;
    const entry: NetworkContainer = {
      Name: container.name,
      EndpointID,
      MacAddress,
      IPv4Address: IPAddress === '' ? '' : `${IPAddress}/${IPPrefixLen}`,
      IPv6Address: ipv6 === '' ? '' : `${ipv6}/${ipv6Length}`,
    };
    return [[container.id, entry] as const];
  });
  return Object.fromEntries(found);
}

async function inWordsOfTheApi<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw networkFailure(error) ?? error;
  }
}

/** A synchronous look-up whose failure is to be a rejection. */
async function settled<T>(work: () => T): Promise<T> {
  return await Promise.resolve().then(work);
}
