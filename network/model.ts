/** What is stored of networks and sandboxes, and what the engine hands in and gets back. Plain data throughout. */
import type { Fd } from '../native/index.ts';
import type { Family } from './ipam/address.ts';

export type DriverName = 'bridge' | 'macvlan' | 'ipvlan' | 'host' | 'none';
export type Protocol = 'tcp' | 'udp' | 'sctp';

/** One subnet of a network, of either family: "172.18.0.0/16", "fd00:1::/64". Addresses are in their usual text. */
export interface Ipam {
  readonly subnet: string;
  readonly gateway: string;
  /** Addresses are leased from this part of the subnet only. */
  readonly range: string | null;
  /** Addresses never leased: label → address. */
  readonly reserved: Readonly<Record<string, string>>;
}

/** A network as recorded; it outlives reboots. */
export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: DriverName;
  readonly isInternal: boolean;
  /** Says nothing on one host, and is shown back. */
  readonly isAttachable?: boolean;
  readonly hasIpv4: boolean;
  readonly hasIpv6: boolean;
  /** Empty for `host` and `none`. */
  readonly ipam: readonly Ipam[];
  /** What the user gave of `ipam`, for those who show it back: "default" unless told. */
  readonly ipamDriver: string;
  readonly ipamOptions: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
}

export interface NetworkRequest {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly driver?: string;
  readonly isInternal?: boolean;
  readonly isAttachable?: boolean;
  /** True unless told. */
  readonly hasIpv4?: boolean;
  /** False unless told. */
  readonly hasIpv6?: boolean;
  readonly ipam?: {
    readonly driver?: string;
    readonly options?: Readonly<Record<string, string>>;
    /** A family without one: a free subnet is chosen. */
    readonly pools: readonly IpamRequest[];
  };
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface IpamRequest {
  readonly subnet?: string;
  readonly gateway?: string;
  readonly range?: string;
  readonly reserved?: Readonly<Record<string, string>>;
}

export interface EndpointRequest {
  readonly networkId: string;
  /** Names beside the sandbox's own by which it is found on this network. */
  readonly aliases?: readonly string[];
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly macAddress?: string;
  /** The network with the highest one has the default route; the first of several. 0 unless told. */
  readonly gatewayPriority?: number;
  /** Of its interface; eth0, eth1, … unless told. */
  readonly interfaceName?: string;
  /** Beside the address of the network: 169.254.0.0/16, fe80::/64. */
  readonly linkLocalAddresses?: readonly string[];
  /** Of its interface, by path below net/ with "IFNAME" in it: "ipv4/conf/IFNAME/log_martians". */
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** One port of a sandbox to publish. */
export interface PortRequest {
  readonly protocol: Protocol;
  /** "" is every address of the host, "0.0.0.0" and "::" every one of a family. */
  readonly hostIp: string;
  /** 0: any free port. */
  readonly published: number;
  /** The first free port from `published` to this one is taken; missing: `published` and no other. */
  readonly lastPublished?: number;
  readonly target: number;
}

export interface PortBinding extends Omit<PortRequest, 'lastPublished'> {
  /** "0.0.0.0" and "::" for every address of a family; never empty. */
  readonly hostIp: string;
  /** Never 0. */
  readonly published: number;
}

export interface DnsRequest {
  /** Empty or missing: those of the host. */
  readonly nameservers?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

export interface SandboxRequest {
  /** The container's id. */
  readonly id: string;
  /** The container's name: what errors call it, and a DNS name on every network. */
  readonly name: string;
  readonly hostname: string;
  readonly domainname?: string;
  /** Interfaces are eth0, eth1, … in this order, where they are not named. */
  readonly endpoints: readonly EndpointRequest[];
  readonly ports: readonly PortRequest[];
  /** "name:address"; the address "host-gateway" is the host as the sandbox reaches it. */
  readonly extraHosts?: readonly string[];
  readonly dns?: DnsRequest;
}

/** The link of a sandbox to a network. */
export interface Endpoint {
  readonly networkId: string;
  /** Inside the sandbox. */
  readonly interfaceName: string;
  /** The other end, in the engine's namespace; empty where the link is a part of one of the host's interfaces. */
  readonly hostInterface: string;
  readonly macAddress: string;
  /** null on a network without that family. */
  readonly ipv4: EndpointAddress | null;
  readonly ipv6: EndpointAddress | null;
  readonly gatewayPriority: number;
  readonly linkLocalAddresses?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  /** DNS names on this network, lower case. */
  readonly names: readonly string[];
}

export interface EndpointAddress {
  readonly address: string;
  readonly prefixLength: number;
  /** The host on this network; null where it has no address. */
  readonly gateway: string | null;
  /** The sandbox leaves by it: it has the default route of its family, and published ports lead to it. */
  readonly isDefault: boolean;
}

/** A sandbox as recorded before any of its kernel objects exists; its addresses and ports are leases. */
export interface Sandbox {
  readonly id: string;
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly PortBinding[];
  /** Name servers that are asked what our networks do not know. */
  readonly upstreams: readonly string[];
}

export interface OpenedSandbox {
  /** Bind mount of the network namespace. */
  readonly path: string;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly PortBinding[];
}

export interface SandboxHandle extends OpenedSandbox {
  /**
   * Sockets that reserve the published ports. The caller owns them: it hands them to the shim, which keeps them open
   * while the container lives, and closes its own copies.
   */
  readonly held: readonly Fd[];
  /** Text of /etc/hosts and /etc/resolv.conf. */
  readonly hosts: string;
  readonly resolvConf: string;
}

/** After a change of its networks. */
export interface ConnectedSandbox extends OpenedSandbox {
  /** Text of /etc/hosts until now, and from now on. */
  readonly hosts: { readonly before: string; readonly after: string };
}

/** A sandbox that is being made; who waits for one of the two need not wait for the other. */
export interface SandboxOpening {
  /**
   * Resolves when a process may enter the namespace. Links, names and ports may still be missing; sysctls of one
   * interface can only be set later. The handle, its sockets included, is the caller's from here on.
   */
  readonly named: Promise<SandboxHandle>;
  /** Resolves when nothing is missing. */
  readonly opened: Promise<{
    /** The kernel lost a network meanwhile and the namespace was made anew: who has entered the first is in neither. */
    readonly isRemade: boolean;
  }>;
}

export interface NetworkDetails extends Network {
  /** The bridge's name in the engine's namespace; null for drivers without one. */
  readonly bridge: string | null;
  readonly sandboxes: readonly {
    readonly id: string;
    readonly name: string;
    readonly endpoint: Endpoint;
  }[];
}

/** Kept while the host forwards a family only because of us, so that its other interfaces stay apart. */
export interface HostForwarding {
  readonly family: Family;
  /** Interfaces the host had when forwarding was off. */
  readonly uplinks: readonly string[];
  /** Those that took router advertisements, which a host that forwards does only where it is told to. */
  readonly advertised: readonly string[];
}
