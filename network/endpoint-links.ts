/** The links of endpoints: a veth pair on a bridge, or a part of one of the host's interfaces. */
import { isSyscallError } from '../native/index.ts';
import { isOpenWithin, mtuOf } from './drivers/bridge-options.ts';
import { isParented, modeFlagsOf, modeOf, parentOf } from './drivers/parent-options.ts';
import { NetworkError } from './errors.ts';
import type { ChildRequest, VethRequest } from './links.ts';
import { parseMac } from './mac.ts';
import type { Endpoint, Network, Sandbox } from './model.ts';
import { bridgeName } from './names.ts';
import type { Parts } from './parts.ts';
import { OpenSandbox } from './sandbox.ts';
import { isWayOut } from './way-out.ts';

/** One endpoint of a sandbox. */
export interface Membership {
  /** As it is with the endpoint. */
  readonly sandbox: Sandbox;
  readonly endpoint: Endpoint;
  readonly network: Network;
}

/** Down yet. Returns their indexes in the sandbox, in the order of the endpoints. */
export async function linkEndpoints(
  { links }: Pick<Parts, 'links'>,
  memberships: readonly Membership[],
  opened: OpenSandbox,
): Promise<readonly number[]> {
  const bridged = memberships.filter(({ network }) => !isParented(network.driver));
  const veths = bridged.map((one) => vethOf(one, opened));
  const indexes = veths.length === 0 ? [] : await links.createVeths(veths);
  const known = new Map(bridged.map(({ endpoint }, position) => [endpoint, indexes[position]]));
  for (const membership of memberships) {
    const child = childOf(membership, opened);
    if (child === null) continue;
    await links.createChild(child).catch((error: unknown) => {
      throw isSyscallError(error, 'EOPNOTSUPP') ? withoutModule(membership, error) : error;
    });
    await opened.startLoopback();
    known.set(membership.endpoint, await opened.linkIndex(child.name));
  }
  return memberships.map(({ endpoint }) => {
    const index = known.get(endpoint);
    if (index === undefined) throw new TypeError(`no link for "${endpoint.interfaceName}"`);
    return index;
  });
}

function withoutModule(
  { sandbox, network: { name, driver } }: Membership,
  cause: unknown,
): NetworkError {
  return new NetworkError({
    code: 'unsupported',
    message: `container "${sandbox.name}" cannot join network "${name}": this kernel has no ${driver}`,
    hint: `load it: modprobe ${driver}`,
    fields: { container: sandbox.name, network: name, driver },
    cause,
  });
}

/** It may be gone already. */
export async function unlinkEndpoint(
  { links, kernel }: Pick<Parts, 'links' | 'kernel'>,
  { hostInterface, interfaceName }: Endpoint,
  namespace: string,
): Promise<void> {
  if (hostInterface !== '') {
    await links.remove([hostInterface]);
    return;
  }
  const opened = OpenSandbox.adopt(kernel, namespace);
  try {
    await opened.startLoopback();
    await opened.removeLink(interfaceName);
  } finally {
    opened.close();
  }
}

function vethOf(
  { sandbox, endpoint, network }: Membership,
  { namespace }: Pick<OpenSandbox, 'namespace'>,
): VethRequest {
  return {
    name: endpoint.hostInterface,
    bridge: bridgeName(network),
    mtu: mtuOf(network),
    isHairpin: isWayOut(endpoint) && sandbox.ports.length > 0,
    isIsolated: !isOpenWithin(network),
    peer: {
      name: endpoint.interfaceName,
      hardwareAddress: parseMac(endpoint.macAddress),
      namespace,
    },
  };
}

/** null for an endpoint on a bridge. */
function childOf(
  { endpoint, network }: Membership,
  { namespace }: Pick<OpenSandbox, 'namespace'>,
): ChildRequest | null {
  const { driver } = network;
  if (!isParented(driver)) return null;
  const mtu = mtuOf(network);
  const common = {
    kind: driver,
    parent: parentOf(network).name,
    name: endpoint.interfaceName,
    namespace,
    mode: modeOf(driver, network),
    ...(mtu !== null && { mtu }),
  };
  // An ipvlan has the hardware address of its parent.
  return driver === 'macvlan'
    ? { ...common, hardwareAddress: parseMac(endpoint.macAddress) }
    : { ...common, modeFlags: modeFlagsOf(network) };
}
