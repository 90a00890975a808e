/** By which of its networks a sandbox leaves: one a family, which has the default route and the published ports. Pure. */
import { isIPv6 } from 'node:net';
import type { Family } from './ipam/address.ts';
import type { Endpoint, EndpointAddress } from './model.ts';

export const families: readonly Family[] = [4, 6];

export function addressOf({ ipv4, ipv6 }: Endpoint, family: Family): EndpointAddress | null {
  return family === 4 ? ipv4 : ipv6;
}

export function addressesOf({ ipv4, ipv6 }: Endpoint): readonly EndpointAddress[] {
  return [ipv4, ipv6].filter((one) => one !== null);
}

export function familyOf(address: string): Family {
  return isIPv6(address) ? 6 : 4;
}

/** Of those that lead out: the one of the highest priority, and of several the first. */
export function withWayOut(
  endpoints: readonly Endpoint[],
  leadsOut: (endpoint: Endpoint) => boolean,
): readonly Endpoint[] {
  const candidates = endpoints.filter(leadsOut);
  const way4 = firstOf(candidates, 4);
  const way6 = firstOf(candidates, 6);
  return endpoints.map((endpoint) => ({
    ...endpoint,
    ipv4: marked(endpoint.ipv4, endpoint === way4),
    ipv6: marked(endpoint.ipv6, endpoint === way6),
  }));
}

function firstOf(endpoints: readonly Endpoint[], family: Family): Endpoint | undefined {
  let best: Endpoint | undefined;
  for (const endpoint of endpoints) {
    if (addressOf(endpoint, family) === null) continue;
    if (best === undefined || endpoint.gatewayPriority > best.gatewayPriority) best = endpoint;
  }
  return best;
}

function marked(address: EndpointAddress | null, isDefault: boolean): EndpointAddress | null {
  return address === null ? null : { ...address, isDefault };
}

export function wayOut(endpoints: readonly Endpoint[], family: Family): Endpoint | undefined {
  return endpoints.find((endpoint) => addressOf(endpoint, family)?.isDefault === true);
}

export function isWayOut(endpoint: Endpoint): boolean {
  return families.some((family) => addressOf(endpoint, family)?.isDefault === true);
}
