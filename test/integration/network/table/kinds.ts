/** The networks that the table is about, and who is on them. */
import type { IpamPool, NetworkCreateRequest } from '../../../../engine/api/index.ts';
import { addresses } from '../../../lib/lab/surroundings.mjs';

export type Family = 4 | 6;

export interface NetworkKind {
  readonly name: string;
  /** Null for the one that every engine has. */
  readonly request: Partial<NetworkCreateRequest> | null;
  readonly families: readonly Family[];
  /** The first of the host's ports that its containers publish. */
  readonly firstPort: number;
}

const bridge = 'com.docker.network.bridge';

const requests: Readonly<Record<string, Partial<NetworkCreateRequest> | null>> = {
  bridge: null,
  plain: {},
  other: {},
  internal: { Internal: true },
  'icc off': { Options: { [`${bridge}.enable_icc`]: 'false' } },
  'masquerade off': { Options: { [`${bridge}.enable_ip_masquerade`]: 'false' } },
  dual: { EnableIPv6: true },
  'only six': { EnableIPv4: false, EnableIPv6: true },
  'internal dual': { EnableIPv6: true, Internal: true },
  'bound to loopback': { Options: { [`${bridge}.host_binding_ipv4`]: '127.0.0.1' } },
};

export const kinds: readonly NetworkKind[] = Object.entries(requests).map(
  ([name, request], index) => {
    const families: Family[] = request?.EnableIPv4 === false ? [] : [4];
    if (request?.EnableIPv6 === true) families.push(6);
    const Config = families.map((family) => poolOf(family, index));
    return {
      ...{ name, families, firstPort: 8000 + index * 100 },
      request: request === null ? null : { IPAM: { Config }, ...request },
    };
  },
);

function poolOf(family: Family, index: number): IpamPool {
  return family === 4
    ? { Subnet: `172.30.${index}.0/24`, Gateway: `172.30.${index}.1` }
    : { Subnet: `fd00:30:${index}::/64`, Gateway: `fd00:30:${index}::1` };
}

/** Ports inside of a container, those of the host by how far they are from `firstPort`, and where they are published. */
export const ports = {
  /** Published without an address, TCP and UDP. */
  published: { inside: 80, after: 0, hostIp: { 4: '', 6: '' } },
  /** Listened to, and nothing else. */
  unpublished: { inside: 81, after: 1, hostIp: null },
  onLoopback: { inside: 82, after: 2, hostIp: { 4: '127.0.0.1', 6: '::1' } },
  onOneAddress: { inside: 83, after: 3, hostIp: { 4: addresses.hostToo, 6: addresses.hostToo6 } },
  onEvery: { inside: 84, after: 4, hostIp: { 4: '0.0.0.0', 6: '::' } },
} as const;

export type PortUse = keyof typeof ports;

export interface Box {
  /** `NETWORK.NAME`. */
  readonly name: string;
  /** As HostConfig.NetworkMode, but for `joins`: the container whose namespace it has. */
  readonly network: string;
  readonly joins?: string;
  readonly alsoOn?: readonly string[];
  readonly publishes?: Pick<NetworkKind, 'firstPort' | 'families'>;
}

/** On each network one that publishes and one that does not; then those of no network of their own. */
export const boxes: readonly Box[] = [
  ...kinds.flatMap((kind) => [
    { name: `${kind.name}.a`, network: kind.name, publishes: kind },
    { name: `${kind.name}.b`, network: kind.name },
  ]),
  { name: 'plain.both', network: 'plain', alsoOn: ['internal'] },
  { name: 'plain.joined', network: 'container', joins: 'plain.b' },
  { name: 'host.a', network: 'host' },
  { name: 'none.a', network: 'none' },
];

/** What serves outside of containers, beside what a container in the host's namespace serves there. */
export const servicePort = 9000;
export const hostModePort = 9001;
export const joinedPort = 9002;
export const loopbackPort = 9003;
