/** Which subnets are taken on this host: by our networks, by interfaces of others, by routes. Pure. */
import type { Network } from '../model.ts';
import type { InterfaceAddress } from '../netlink/address.ts';
import type { Link } from '../netlink/link.ts';
import { RT_SCOPE_LINK, RTN_UNICAST } from '../netlink/route.ts';
import type { Route } from '../netlink/route.ts';
import type { Occupied } from './allocator.ts';
import { formatSubnet, parseSubnet, subnetOf } from './subnet.ts';

export interface HostTables {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly Route[];
}

/** `isOurs` tells the bridges of our own networks, which are counted by their records. */
export function occupiedSubnets(
  networks: readonly Network[],
  { links, addresses, routes }: HostTables,
  isOurs: (link: Link) => boolean,
): readonly Occupied[] {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const foreignName = (index: number | undefined): string | null => {
    const link = byIndex.get(index ?? 0);
    return link !== undefined && isOurs(link) ? null : (link?.name ?? 'unknown');
  };
  return [
    ...networks.flatMap(ofNetwork),
    ...addresses.flatMap((address) => ofAddress(address, foreignName(address.index))),
    ...routes.flatMap((route) => ofRoute(route, foreignName(route.outputIndex))),
  ];
}

function ofNetwork({ name, ipam }: Network): Occupied[] {
  return ipam.flatMap((pool) => {
    const subnet = parseSubnet(pool.subnet);
    return subnet === null
      ? []
      : [{ subnet, by: `network "${name}"`, isConnected: true, network: name }];
  });
}

function ofAddress({ peer, prefixLength }: InterfaceAddress, link: string | null): Occupied[] {
  if (link === null) return [];
  return [{ subnet: subnetOf(peer, prefixLength), by: `interface "${link}"`, isConnected: true }];
}

/** A default route, and the kernel's own of local and broadcast addresses, take nothing. */
function ofRoute(route: Route, link: string | null): Occupied[] {
  if (link === null || route.prefixLength === 0 || route.type !== RTN_UNICAST) return [];
  const subnet = subnetOf(route.destination, route.prefixLength);
  const isConnected = route.scope === RT_SCOPE_LINK && route.gateway === undefined;
  const by = isConnected ? `interface "${link}"` : `the route ${formatSubnet(subnet)}`;
  return [{ subnet, by, isConnected }];
}
