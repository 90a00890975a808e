import type { EndpointSettings, Labels, StringMap } from './containers.ts';

export interface IpamPool {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: StringMap;
}
export interface Ipam {
  readonly Driver?: string;
  readonly Options?: StringMap | null;
  readonly Config?: readonly IpamPool[] | null;
}

/** Body of POST /networks/create. */
export interface NetworkCreateRequest {
  readonly Name?: string;
  readonly Driver?: string;
  readonly Scope?: string;
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly Ingress?: boolean;
  readonly ConfigOnly?: boolean;
  readonly ConfigFrom?: { readonly Network?: string };
  readonly IPAM?: Ipam;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6?: boolean;
  readonly Options?: StringMap;
  readonly Labels?: Labels;
}

export interface NetworkCreated {
  readonly Id: string;
  readonly Warning: string;
}

/** Body of POST /networks/{id}/connect. */
export interface NetworkConnectRequest {
  readonly Container?: string;
  readonly EndpointConfig?: EndpointSettings | null;
}

/** Body of POST /networks/{id}/disconnect. */
export interface NetworkDisconnectRequest {
  readonly Container?: string;
  readonly Force?: boolean;
}

export interface NetworkContainer {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  /** With its prefix length. */
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

/** Body of GET /networks/{id}, and one entry of GET /networks. */
export interface NetworkInspect {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: string;
  readonly Driver: string;
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: Ipam;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  /** Running containers only; by container id. */
  readonly Containers: Readonly<Record<string, NetworkContainer>>;
  readonly Options: StringMap;
  readonly Labels: Labels;
}
