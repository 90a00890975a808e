/** Type guards of what network/ has recorded: a record of another shape is put aside, and takes no engine down. */
import type { HostForwarding, Network, Sandbox } from './model.ts';

type Body = Readonly<Record<string, unknown>>;

export function readNetworkRecord(body: Body): Network | null {
  const isNetwork =
    areTexts(body, ['id', 'name', 'driver', 'createdAt']) &&
    ['bridge', 'host', 'none'].includes(String(body['driver'])) &&
    isListOf(body['ipam'], (one) => areTexts(one, ['subnet', 'gateway'])) &&
    [body['options'], body['labels'], body['ipamOptions']].every(isObject);
  return isNetwork ? (body as unknown as Network) : null;
}

export function readSandboxRecord(body: Body): Sandbox | null {
  const isSandbox =
    areTexts(body, ['id', 'name']) &&
    isListOf(body['endpoints'], (one) =>
      areTexts(one, ['networkId', 'hostInterface', 'macAddress', 'ipv4Address']),
    ) &&
    isListOf(body['ports'], (one) => areTexts(one, ['protocol', 'hostIp'])) &&
    Array.isArray(body['upstreams']);
  return isSandbox ? (body as unknown as Sandbox) : null;
}

export function readForwardingRecord(body: Body): HostForwarding | null {
  return Array.isArray(body['uplinks']) ? (body as unknown as HostForwarding) : null;
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
