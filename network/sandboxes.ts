/**
 * Making and removing what the kernel and the resolver have of sandboxes. The record of a sandbox is there before any
 * of it, and goes after all of it; removing does not ask how far making came.
 */
import { join } from 'node:path';
import { allOf } from './all-of.ts';
import { forgetAddresses, forgetFlows } from './firewall/flows.ts';
import type { PublishedPort } from './firewall/ruleset.ts';
import { linkEndpoints } from './endpoint-links.ts';
import type { Network, PortBinding, Sandbox } from './model.ts';
import type { Parts } from './parts.ts';
import { OpenSandbox, removeSandbox } from './sandbox.ts';
import { addressesOf, addressOf, familyOf, wayOut } from './way-out.ts';

export function namespacePath({ namespaces }: Pick<Parts, 'namespaces'>, id: string): string {
  return join(namespaces, id);
}

export interface SandboxPlan {
  readonly sandbox: Sandbox;
  /** Those of the endpoints, in their order, and set up. */
  readonly networks: readonly Network[];
  /** Called once the namespace has its name. */
  readonly onNamed: () => void;
}

export async function buildSandbox(
  parts: Parts,
  { sandbox, networks, onNamed }: SandboxPlan,
): Promise<void> {
  const opened = await openNamed(parts, sandbox);
  try {
    onNamed();
    const loopback = opened.startLoopback();
    const configure = async (): Promise<void> => {
      const indexes = createLinks(parts, { sandbox, networks, opened });
      await allOf([loopback, indexes]);
      await opened.configure(sandbox.endpoints, await indexes);
    };
    // Nothing answers at a name or a port before the program runs: they need not wait for the links.
    await allOf([
      configure(),
      ...(sandbox.endpoints.length > 0 ? [serveNames(parts, { sandbox, opened, loopback })] : []),
      parts.names.add([sandbox]),
      publishPorts(parts, sandbox),
    ]);
  } finally {
    opened.close();
    if (sandbox.endpoints.length > 0) void parts.spare?.renew();
  }
}

async function openNamed(parts: Parts, { id, endpoints }: Sandbox): Promise<OpenSandbox> {
  const path = namespacePath(parts, id);
  // Who is on no network has no use for its resolver.
  const spare = endpoints.length === 0 ? null : parts.spare?.take(path);
  return spare ?? (await OpenSandbox.create(parts.kernel, path));
}

interface Links {
  readonly sandbox: Sandbox;
  readonly networks: readonly Network[];
  readonly opened: OpenSandbox;
}

async function createLinks(
  parts: Parts,
  { sandbox, networks, opened }: Links,
): Promise<readonly number[]> {
  await opened.disableIpv6();
  const memberships = sandbox.endpoints.map((endpoint, index) => {
    const network = networks[index];
    if (network === undefined) throw new TypeError('an endpoint has no network');
    return { sandbox, endpoint, network };
  });
  return await linkEndpoints(parts, memberships, opened);
}

interface Served {
  readonly sandbox: Sandbox;
  readonly opened: OpenSandbox;
  readonly loopback: Promise<void>;
}

async function serveNames(parts: Parts, { sandbox, opened, loopback }: Served): Promise<void> {
  const serve = async (): Promise<void> => {
    await loopback;
    const sockets = await opened.openDnsSockets();
    await parts.resolver.addSandbox({ ...resolvedOf(sandbox), sockets });
  };
  await allOf([serve(), opened.redirectDns()]);
}

export function resolvedOf({ id, endpoints, upstreams }: Sandbox): {
  id: string;
  networkIds: readonly string[];
  upstreams: readonly string[];
} {
  return { id, networkIds: endpoints.map(({ networkId }) => networkId), upstreams };
}

export async function publishPorts(parts: Parts, sandbox: Sandbox): Promise<void> {
  const addPorts = filteredPorts(parts, sandbox);
  parts.bypass.published(sandbox.ports);
  if (addPorts.length === 0) return;
  // First, so that no network that must not reach a port does when the proxy begins to answer.
  await parts.firewall.apply({ addPorts });
  await parts.proxy?.lead(relayedPorts(sandbox));
  await forgetFlows(parts.netfilter, addPorts);
}

export async function withdrawPorts(
  parts: Parts,
  removePorts: readonly PortBinding[],
): Promise<void> {
  await allOf([
    parts.firewall.apply({ removePorts }),
    ...(parts.proxy === null ? [] : [parts.proxy.remove(removePorts)]),
  ]);
  await forgetFlows(parts.netfilter, removePorts);
}

/** Names and ports, which cost a message each; what is left of the sandbox is `teardownSandboxes`'s. */
export async function withdrawSandbox(parts: Parts, sandbox: Sandbox): Promise<void> {
  const { ports } = sandbox;
  await allOf([
    parts.names.remove([sandbox]),
    ...(ports.length === 0 ? [] : [withdrawPorts(parts, ports)]),
  ]);
}

/** What the rules must know of: what they lead on, and what the proxy leads on instead. */
export function filteredPorts(
  { proxy }: Pick<Parts, 'proxy'>,
  sandbox: Sandbox,
): readonly PublishedPort[] {
  const published = publishedPorts(sandbox);
  if (proxy === null) return published;
  const isLed = ({ protocol, hostIp, published: port }: PublishedPort): boolean =>
    published.some(
      (one) => one.protocol === protocol && one.hostIp === hostIp && one.published === port,
    );
  return [...published, ...relayedPorts(sandbox).filter((port) => !isLed(port))];
}

/** Ports of a family lead to the endpoint that has its default route; a sandbox without one publishes nothing of it. */
function publishedPorts({ ports, endpoints }: Sandbox): readonly PublishedPort[] {
  return ports.flatMap(({ protocol, hostIp, published, target }) => {
    const family = familyOf(hostIp);
    const endpoint = wayOut(endpoints, family);
    // What is no network of the host's is reached past the host.
    const isBridged = endpoint !== undefined && endpoint.hostInterface !== '';
    const address = isBridged ? addressOf(endpoint, family) : null;
    if (address === null) return [];
    return [{ protocol, hostIp, published, target: { address: address.address, port: target } }];
  });
}

/** What the proxy passes on of what comes by IPv6: to the sandbox's own, or else to its IPv4. */
export function relayedPorts({ ports, endpoints }: Sandbox): readonly PublishedPort[] {
  const way = wayOut(endpoints, 6)?.ipv6 ?? wayOut(endpoints, 4)?.ipv4 ?? null;
  if (way === null) return [];
  return ports
    .filter(({ hostIp }) => familyOf(hostIp) === 6)
    .map(({ target, ...port }) => ({ ...port, target: { address: way.address, port: target } }));
}

/** DNS for a sandbox that outlived a resolver: its sockets are made anew, the redirection is still there. */
export async function restoreNames(parts: Parts, sandbox: Sandbox): Promise<void> {
  const opened = OpenSandbox.adopt(parts.kernel, namespacePath(parts, sandbox.id));
  try {
    const sockets = await opened.openDnsSockets();
    await parts.resolver.addSandbox({ ...resolvedOf(sandbox), sockets });
  } finally {
    opened.close();
  }
}

/**
 * Removes all that is left of these sandboxes, the many at the cost of the one, and then their records. Goes past
 * failures and reports them all; the records stay then, so that recovery tries again.
 */
export async function teardownSandboxes(
  parts: Parts,
  sandboxes: readonly Sandbox[],
): Promise<void> {
  const { links, names, resolver, records } = parts;
  const removePorts = sandboxes.flatMap(({ ports }) => ports);
  const hostInterfaces = sandboxes.flatMap(({ endpoints }) =>
    // Those that are part of an interface end with the namespace.
    endpoints.map(({ hostInterface }) => hostInterface).filter((name) => name !== ''),
  );
  await allOf([
    links.remove(hostInterfaces),
    ...(removePorts.length === 0 ? [] : [withdrawPorts(parts, removePorts)]),
    names.remove(sandboxes),
    ...sandboxes
      .filter(({ endpoints }) => endpoints.length > 0)
      .map(({ id }) => resolver.removeSandbox(id)),
  ]);
  const freed = sandboxes.flatMap(({ endpoints }) => endpoints.flatMap(addressesOf));
  await forgetAddresses(
    parts.netfilter,
    freed.map(({ address }) => address),
  );
  // After the links: a namespace that ends takes its own ends along one by one, and much slower.
  for (const { id } of sandboxes) removeSandbox(parts.kernel, namespacePath(parts, id));
  await allOf(sandboxes.map(({ id }) => records.sandboxes.delete(id)));
}
