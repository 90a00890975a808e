/**
 * A sandbox that joins or leaves a network while its program runs. The interface appears or goes, DNS answers for the
 * network or no more, and where the way out changes, published ports and the default route follow.
 */
import { allOf } from './all-of.ts';
import type { Sandbox } from './model.ts';
import type { Parts } from './parts.ts';
import { OpenSandbox } from './sandbox.ts';
import { linkEndpoints, unlinkEndpoint } from './endpoint-links.ts';
import type { Membership } from './endpoint-links.ts';
import { namespacePath, publishPorts, resolvedOf, withdrawPorts } from './sandboxes.ts';
import { addressesOf, isWayOut } from './way-out.ts';

/** The network is set up. What fails is undone by `leaveNetwork`. */
export async function joinNetwork(parts: Parts, membership: Membership): Promise<void> {
  const { sandbox, endpoint } = membership;
  const opened = OpenSandbox.adopt(parts.kernel, namespacePath(parts, sandbox.id));
  try {
    const indexes = await linkEndpoints(parts, [membership], opened);
    await opened.startLoopback();
    await opened.configure([endpoint], indexes);
    await serveNames(parts, sandbox, opened);
    await parts.names.add([{ ...sandbox, endpoints: [endpoint] }]);
    if (isWayOut(endpoint)) await publishPorts(parts, sandbox);
  } finally {
    opened.close();
  }
}

/**
 * Does not ask how far joining came. `rest` is the sandbox without the endpoint. The link goes last: by one that belongs
 * to no endpoint the next engine knows that leaving was broken off.
 */
export async function leaveNetwork(
  parts: Parts,
  { sandbox, endpoint }: Pick<Membership, 'sandbox' | 'endpoint'>,
  rest: Sandbox,
): Promise<void> {
  await allOf([
    parts.names.remove([{ ...sandbox, endpoints: [endpoint] }]),
    ...(isWayOut(endpoint) && sandbox.ports.length > 0
      ? [withdrawPorts(parts, sandbox.ports)]
      : []),
  ]);
  if (rest.endpoints.length === 0) await parts.resolver.removeSandbox(sandbox.id);
  else await parts.resolver.updateSandbox(resolvedOf(rest));
  if (isWayOut(endpoint)) await leadOut(parts, rest);
  await unlinkEndpoint(parts, endpoint, namespacePath(parts, sandbox.id));
}

/** The first network of a sandbox that had none brings DNS; those after it are told to who serves already. */
async function serveNames(parts: Parts, sandbox: Sandbox, opened: OpenSandbox): Promise<void> {
  if (sandbox.endpoints.length > 1) {
    await parts.resolver.updateSandbox(resolvedOf(sandbox));
    return;
  }
  const sockets = await opened.openDnsSockets();
  await parts.resolver.addSandbox({ ...resolvedOf(sandbox), sockets });
  await opened.redirectDns({ isAgain: true });
}

/** The default route and the published ports are where the sandbox has its way out, if it has one. */
export async function leadOut(parts: Parts, sandbox: Sandbox): Promise<void> {
  const ways = sandbox.endpoints.filter(isWayOut);
  if (ways.length === 0) return;
  const opened = OpenSandbox.adopt(parts.kernel, namespacePath(parts, sandbox.id));
  try {
    await opened.startLoopback();
    for (const endpoint of ways) {
      for (const address of addressesOf(endpoint).filter(({ isDefault }) => isDefault))
        await opened.setDefaultRoute(endpoint, address);
      if (sandbox.ports.length > 0 && endpoint.hostInterface !== '')
        await parts.links.setHairpin(endpoint.hostInterface);
    }
    await publishPorts(parts, sandbox);
  } finally {
    opened.close();
  }
}
