/** What a request for a network becomes, before anything of it is made. */
import { NetworkError } from './errors.ts';
import type { Family } from './ipam/address.ts';
import { allocateIpam } from './ipam/allocator.ts';
import { occupiedSubnets } from './ipam/occupied.ts';
import { uniqueLocal } from './ipam/unique-local.ts';
import type { DriverName, Ipam, Network, NetworkRequest } from './model.ts';
import type { Parts } from './parts.ts';

/** Throws a NetworkError for subnets that cannot be. `networks` are those there are. */
export async function chooseIpam(
  { links, globalId }: Pick<Parts, 'links' | 'globalId'>,
  networks: readonly Network[],
  request: NetworkRequest,
): Promise<readonly Ipam[]> {
  const families = familiesOf(request);
  const [all, addresses, routes] = await Promise.all([
    links.list(),
    Promise.all(families.map((family) => links.addresses(family))),
    Promise.all(families.map((family) => links.routes(family))),
  ]);
  const tables = { links: all, addresses: addresses.flat(), routes: routes.flat() };
  return allocateIpam({
    requests: request.ipam?.pools ?? [],
    families,
    occupied: occupiedSubnets(networks, tables, (link) => links.isOurs(link)),
    unique: families.includes(6) ? uniqueLocal(await globalId()) : null,
  });
}

/** At least one. */
function familiesOf({ name, hasIpv4 = true, hasIpv6 = false }: NetworkRequest): readonly Family[] {
  const families = ([4, 6] as const).filter((family) => (family === 4 ? hasIpv4 : hasIpv6));
  if (families.length > 0) return families;
  throw new NetworkError({
    code: 'invalid-argument',
    message: `network "${name}" has neither IPv4 nor IPv6`,
    hint: 'enable one of them',
    fields: { network: name },
  });
}

export function networkOf(
  request: NetworkRequest,
  driver: DriverName,
  ipam: readonly Ipam[],
): Network {
  return {
    id: request.id,
    name: request.name,
    driver,
    isInternal: request.isInternal ?? false,
    isAttachable: request.isAttachable ?? false,
    hasIpv4: request.hasIpv4 ?? true,
    hasIpv6: request.hasIpv6 ?? false,
    ipam,
    ipamDriver: request.ipam?.driver ?? 'default',
    ipamOptions: request.ipam?.options ?? {},
    options: request.options ?? {},
    labels: request.labels ?? {},
    createdAt: new Date().toISOString(),
  };
}
