/** Type guards of what network/ has recorded: a record of another shape is put aside, and takes no engine down. */
import type { Endpoint, EndpointAddress, HostForwarding, Network, Sandbox } from './model.ts';

type Body = Readonly<Record<string, unknown>>;

export function readNetworkRecord(body: Body): Network | null {
  const isNetwork =
    areTexts(body, ['id', 'name', 'driver', 'createdAt']) &&
    ['bridge', 'macvlan', 'ipvlan', 'host', 'none'].includes(String(body['driver'])) &&
    isListOf(body['ipam'], (one) => areTexts(one, ['subnet', 'gateway'])) &&
    [body['options'], body['labels'], body['ipamOptions']].every(isObject);
  // Those of an engine that knew IPv4 alone.
  return isNetwork ? ({ hasIpv4: true, hasIpv6: false, ...body } as unknown as Network) : null;
}

export function readSandboxRecord(body: Body): Sandbox | null {
  const isSandbox =
    areTexts(body, ['id', 'name']) &&
    isListOf(body['endpoints'], (one) =>
      areTexts(one, ['networkId', 'hostInterface', 'macAddress']),
    ) &&
    isListOf(body['ports'], (one) => areTexts(one, ['protocol', 'hostIp'])) &&
    Array.isArray(body['upstreams']);
  if (!isSandbox) return null;
  const sandbox = body as unknown as Sandbox & { readonly endpoints: readonly FormerEndpoint[] };
  return { ...sandbox, endpoints: sandbox.endpoints.map(currentEndpoint) };
}

/** As an engine wrote it that knew IPv4 alone; its containers may still run. */
interface FormerEndpoint extends Endpoint {
  readonly ipv4Address?: string;
  readonly prefixLength?: number;
  readonly gateway?: string;
  readonly isDefault?: boolean;
}

function currentEndpoint(endpoint: FormerEndpoint): Endpoint {
  const { ipv4Address, prefixLength = 0, gateway = null, isDefault = false, ...rest } = endpoint;
  if (ipv4Address === undefined) return rest;
  const ipv4: EndpointAddress = { address: ipv4Address, prefixLength, gateway, isDefault };
  return { ...rest, ipv4, ipv6: null, gatewayPriority: 0 };
}

export function readForwardingRecord(body: Body): HostForwarding | null {
  if (!Array.isArray(body['uplinks'])) return null;
  return { family: 4, advertised: [], ...body } as unknown as HostForwarding;
}

function areTexts(body: Body, keys: readonly string[]): boolean {
  return keys.every((key) => typeof body[key] === 'string');
}

function isListOf(value: unknown, isOne: (one: Body) => boolean): boolean {
  return Array.isArray(value) && value.every((one: unknown) => isObject(one) && isOne(one));
}

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
