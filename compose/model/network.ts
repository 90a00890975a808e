import type { network, pool, serviceNetwork } from '../schema/network.ts';
import type { Canonical } from '../schema/shapes.ts';

export type IpamPool = Canonical<typeof pool>;

export type NetworkResource = Canonical<typeof network>;

/** How a service joins a network. */
export type ServiceNetwork = Canonical<typeof serviceNetwork>;
