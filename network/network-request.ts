/** What a request for a network becomes, before anything of it is made. */
import { hasParent, isParented } from './drivers/parent-options.ts';
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
    occupied: occupiedSubnets(networks, tables, (link) => links.isOurs(link)).filter(
      ({ network }) => network !== undefined || !sharesSubnet(request),
    ),
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

/** Its subnet is that of the link it is on, and so of an interface of the host. */
function sharesSubnet({ driver = 'bridge', options, ipam }: NetworkRequest): boolean {
  const isAsked = ipam?.pools.some(({ subnet }) => subnet !== undefined) === true;
  return isAsked && isParented(driver as DriverName) && hasParent(options);
}

/** On no interface of the host: nobody is there who leads anywhere. */
function isCutOff(driver: DriverName, { options }: NetworkRequest): boolean {
  return isParented(driver) && !hasParent(options);
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
    isInternal: request.isInternal === true || isCutOff(driver, request),
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
