/** Why a port cannot be published, in words that name who has it. */
import { isSyscallError } from '../../native/index.ts';
import { NetworkError } from '../errors.ts';
import type { PortBinding, PortRequest } from '../model.ts';
import { findPortOwner } from './owner.ts';
import type { PortOwner } from './owner.ts';

export interface PortHolder {
  readonly id: string;
  /** What errors call it: the container's name. */
  readonly name: string;
}

export type Address = Pick<PortBinding, 'protocol' | 'hostIp' | 'published'>;

export function invalid(message: string, fields: Record<string, string | number>): NetworkError {
  return new NetworkError({ code: 'invalid-argument', message, fields });
}

export function heldByContainer(binding: Address, holder: PortHolder): NetworkError {
  return new NetworkError({
    code: 'port-in-use',
    message: inUse(binding),
    hint: `container "${holder.name}" holds it; stop it or publish another port`,
    fields: { ...fieldsOf(binding), container: holder.name, containerId: holder.id },
  });
}

/** Of the ports that were asked for none is free; `first` is why the first one is not. */
export function rangeInUse(
  { protocol, published, lastPublished = published }: PortRequest,
  first: unknown,
): unknown {
  if (!(first instanceof NetworkError)) return first;
  return new NetworkError({
    code: 'port-in-use',
    message: `every ${protocol} port from ${published} to ${lastPublished} is already in use`,
    hint: `of ${published}: ${first.hint ?? first.message}`,
    fields: { ...first.fields },
    cause: first,
  });
}

export function exhausted(protocol: string, { first, last }: PortRange): NetworkError {
  return new NetworkError({
    code: 'ports-exhausted',
    message: `no free ${protocol} port found between ${first} and ${last}`,
    hint: 'stop what holds the ports of net.ipv4.ip_local_port_range, or publish a fixed port',
  });
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export async function explainBind(binding: Address, cause: unknown): Promise<unknown> {
  const { protocol, hostIp, published } = binding;
  const fields = fieldsOf(binding);
  if (isSyscallError(cause, 'EADDRNOTAVAIL')) {
    const message = `address ${hostIp} is not an address of this host`;
    return new NetworkError({ code: 'invalid-argument', message, fields, cause });
  }
  if (isSyscallError(cause, 'EACCES', 'EPERM')) {
    const message = `no permission to publish ${protocol} port ${published}`;
    const hint = 'publish a port from 1024 on, or run the engine as root';
    return new NetworkError({ code: 'kernel', message, hint, fields, cause });
  }
  if (isSyscallError(cause, 'EPROTONOSUPPORT', 'ESOCKTNOSUPPORT', 'EAFNOSUPPORT')) {
    const what = protocol === 'sctp' ? 'SCTP (CONFIG_IP_SCTP)' : 'IPv6';
    return new NetworkError({
      code: 'unsupported',
      message: `this kernel has no ${what}: ${protocol} port ${published} cannot be published on ${hostIp}`,
      hint:
        protocol === 'sctp'
          ? 'load the module "sctp", or leave the port out'
          : 'publish on an IPv4 address of this host',
      fields,
      cause,
    });
  }
  if (!isSyscallError(cause, 'EADDRINUSE')) return cause;
  const owner = await findPortOwner(protocol, hostIp, published);
  return new NetworkError({
    code: 'port-in-use',
    message: inUse(binding),
    hint: `${describe(owner)} holds it; stop it or publish another port`,
    fields: { ...fields, ...(owner ?? {}) },
    cause,
  });
}

function describe(owner: PortOwner | null): string {
  if (owner === null) return 'another program';
  const { pid, program, user, startedAt } = owner;
  return `process ${pid} (${program}) of user ${user}, started ${startedAt},`;
}

function inUse({ hostIp, published }: Address): string {
  return `address ${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:${published} is already in use`;
}

function fieldsOf({ protocol, hostIp, published }: Address): Record<string, string | number> {
  return { protocol, address: hostIp, port: published };
}
