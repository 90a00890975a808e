/** /etc/hosts and /etc/resolv.conf of a sandbox, from what the user asked for and what the host has. Pure. */
import { isIP } from 'node:net';
import { NetworkError } from '../errors.ts';
import { dnsAddress } from '../firewall/sandbox-dns.ts';
import type { Endpoint, SandboxRequest } from '../model.ts';
import { addressesOf, isWayOut } from '../way-out.ts';
import { renderHosts } from './hosts.ts';
import type { HostEntry } from './hosts.ts';
import { renderResolvConf } from './resolv-conf.ts';
import type { ResolvConf } from './resolv-conf.ts';

/** MAXNS of resolv.conf(5). */
const mostNameservers = 3;
const hostGateway = 'host-gateway';

/** "name:address" or "name=address"; the address may be IPv6, in brackets or not. */
export function parseExtraHosts(request: SandboxRequest): readonly HostEntry[] {
  return (request.extraHosts ?? []).map((text) => {
    const match = /^([^\s:=]+)[:=]\[?([^\s\]]+)\]?$/.exec(text);
    const [, name, address] = match ?? [];
    if (name !== undefined && address !== undefined && isHostAddress(address))
      return { name, address };
    throw new NetworkError({
      code: 'invalid-argument',
      message: `extra host "${text}" of container "${request.name}" is not of the form name:address`,
      fields: { extraHost: text, container: request.name },
    });
  });
}

function isHostAddress(text: string): boolean {
  return text === hostGateway || isIP(text) !== 0;
}

export function sandboxHosts(request: SandboxRequest, endpoints: readonly Endpoint[]): string {
  const addresses = endpoints.flatMap(addressesOf);
  const gateway = (addresses.find(({ isDefault }) => isDefault) ?? addresses[0])?.gateway;
  const { hostname, domainname = '' } = request;
  return renderHosts({
    names: domainname === '' ? [hostname] : [`${hostname}.${domainname}`, hostname],
    addresses: addresses.map(({ address }) => address),
    extra: parseExtraHosts(request).map(({ name, address }) => ({
      name,
      address: address === hostGateway ? (gateway ?? '127.0.0.1') : address,
    })),
  });
}

export function sandboxResolvConf(request: SandboxRequest, host: ResolvConf): string {
  const { nameservers, search, options } = request.dns ?? {};
  const wanted = options ?? host.options;
  const isOnNetwork = request.endpoints.length > 0;
  return renderResolvConf({
    nameservers: isOnNetwork ? [dnsAddress] : nonEmpty(nameservers, host.nameservers),
    // A lone dot asks for no search list at all, docker run --dns-search.
    search: nonEmpty(search, host.search).filter((domain) => domain !== '.'),
    // Without it the C library tries search domains first for names that have fewer dots, though ours have none.
    options:
      !isOnNetwork || wanted.some((option) => option.startsWith('ndots:'))
        ? wanted
        : [...wanted, 'ndots:0'],
  });
}

/** A sandbox that reaches nothing outside asks nobody outside either (CVE-2024-29018). */
export function sandboxUpstreams(
  request: SandboxRequest,
  endpoints: readonly Endpoint[],
  host: ResolvConf,
): readonly string[] {
  if (!endpoints.some(isWayOut)) return [];
  return nonEmpty(request.dns?.nameservers, host.nameservers.filter(isServer)).slice(
    0,
    mostNameservers,
  );
}

/** Throws for a name server that is no address. */
export function checkNameservers({ name, dns }: SandboxRequest): void {
  const wrong = dns?.nameservers?.find((address) => !isServer(address));
  if (wrong === undefined) return;
  throw new NetworkError({
    code: 'invalid-argument',
    message: `name server "${wrong}" of container "${name}" is not an IP address`,
    fields: { nameserver: wrong, container: name },
  });
}

/** A link-local IPv6 address may name its interface: fe80::1%eth0. */
function isServer(address: string): boolean {
  return isIP(address.replace(/%[^%]+$/, '')) !== 0;
}

function nonEmpty(
  wanted: readonly string[] | undefined,
  otherwise: readonly string[],
): readonly string[] {
  return wanted === undefined || wanted.length === 0 ? otherwise : wanted;
}
