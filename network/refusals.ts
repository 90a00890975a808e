/** What the controller refuses, in words. */
import { NetworkError } from './errors.ts';
import type { FamilyPool } from './ipam/family-pool.ts';
import { familyOf } from './way-out.ts';
import type { Network, Sandbox, SandboxRequest } from './model.ts';
import { bridgeNameOption } from './names.ts';

export function exhausted(
  { name, ipam }: Network,
  { family }: Pick<FamilyPool, 'family'>,
): NetworkError {
  const ofFamily = ipam.filter((one) => familyOf(one.subnet.replace(/\/.*$/, '')) === family);
  const subnet = ofFamily.map((one) => one.subnet).join(', ');
  const from = ofFamily.map((one) => one.range ?? one.subnet).join(', ');
  return new NetworkError({
    code: 'addresses-exhausted',
    message: `network "${name}" has no free address in ${from}`,
    hint: 'remove containers, or create the network with a larger subnet',
    fields: { network: name, subnet },
  });
}

/** BR_MAX_PORTS of Linux is 1024, of which the bridge itself is one. */
export const mostPorts = 1023;

export function full({ name }: Network): NetworkError {
  return new NetworkError({
    code: 'network-full',
    message: `network "${name}" has ${mostPorts} containers, which is as many as a bridge of Linux can have`,
    hint: 'put some of them on another network',
    fields: { network: name, most: mostPorts },
  });
}

export function nameInUse(name: string): NetworkError {
  return new NetworkError({
    code: 'name-in-use',
    message: `network "${name}" exists already`,
    fields: { network: name },
  });
}

export function notBridge(link: string): NetworkError {
  return new NetworkError({
    code: 'invalid-argument',
    message: `existing interface ${link} is not a bridge`,
    hint: `give ${bridgeNameOption} of the network another value, or leave it out`,
    fields: { bridge: link },
  });
}

export function networkInUse(network: Network, users: readonly Sandbox[]): NetworkError {
  const names = users.map(({ name }) => `"${name}"`).join(', ');
  return new NetworkError({
    code: 'network-in-use',
    message: `network "${network.name}" is in use by ${users.length === 1 ? 'container' : 'containers'} ${names}`,
    hint: 'stop or disconnect them first',
    fields: { network: network.name, containers: names },
  });
}

export function sandboxExists({ id, name }: SandboxRequest): NetworkError {
  return new NetworkError({
    code: 'sandbox-exists',
    message: `container "${name}" has a network sandbox already`,
    fields: { id, container: name },
  });
}

export function noSandbox({ id, name }: SandboxRequest): NetworkError {
  return new NetworkError({
    code: 'sandbox-not-found',
    message: `container "${name}" has no network sandbox`,
    hint: 'start it first',
    fields: { id, container: name },
  });
}

export function withoutNftables(cause?: unknown): NetworkError {
  return new NetworkError({
    code: 'kernel',
    message: 'this kernel has no nftables (CONFIG_NF_TABLES), and no bridge network without it',
    hint: 'load the module "nf_tables", or use the networks "host" and "none"',
    cause,
  });
}
