import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** A server to ask: an address, and for a link-local one the interface it is on. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
  /** Interface index of an IPv6 zone, 0 when there is none. */
  readonly scope: number;
}

const domainPort = 53;

/** "10.0.0.1", "10.0.0.1:5353", "fe80::1%eth0", "[fe80::1%eth0]:5353"; null for anything else. */
export function parseUpstream(text: string): Upstream | null {
  if (isIPv4(text)) return { address: text, port: domainPort, scope: 0 };
  const [, host, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ? splitPort(text) : [];
  if (host === undefined || port === undefined) return parseIpv6(text, domainPort);
  const number = Number(port);
  if (number < 1 || number > 65535) return null;
  if (isIPv4(host)) return { address: host, port: number, scope: 0 };
  return parseIpv6(host, number);
}

function splitPort(text: string): readonly [string, string, string] {
  const colon = text.lastIndexOf(':');
  return [text, text.slice(0, colon).replace(/^\[|\]$/g, ''), text.slice(colon + 1)];
}

function parseIpv6(text: string, port: number): Upstream | null {
  const [address = '', zone] = text.split('%');
  if (!isIPv6(address)) return null;
  return { address, port, scope: zone === undefined ? 0 : scopeOf(zone) };
}

function scopeOf(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  const found = networkInterfaces()[zone]?.find((entry) => entry.family === 'IPv6');
  return found?.scopeid ?? 0;
}
