/**
 * After any end of an earlier engine: adopt what lives, remove what nobody owns, put back what is missing. Records come
 * before the objects they announce and go after them, so whatever is there without a record is ours to remove.
 */
import { readdir } from 'node:fs/promises';
import { isSyscallError } from '../native/index.ts';
import { allOf } from './all-of.ts';
import { filteredNetwork } from './drivers/bridge-options.ts';
import { isParented, parentOf } from './drivers/parent-options.ts';
import { leadOut } from './membership.ts';
import { bridgeName, vethName } from './names.ts';
import { recordedUplinks } from './forwarding.ts';
import type { Endpoint, Network, Sandbox } from './model.ts';
import type { Link } from './netlink/link.ts';
import type { Parts } from './parts.ts';
import { repairBridges } from './repair.ts';
import { removeSandbox } from './sandbox.ts';
import {
  filteredPorts,
  namespacePath,
  relayedPorts,
  resolvedOf,
  restoreNames,
  teardownSandboxes,
} from './sandboxes.ts';
import { withWayOut } from './way-out.ts';

/** Returns the sandboxes that live on. */
export async function recoverSandboxes(
  parts: Parts,
  liveIds: ReadonlySet<string>,
): Promise<readonly Sandbox[]> {
  const networks = parts.records.networks.values();
  const sandboxes = parts.records.sandboxes.values();
  const dead = sandboxes.filter(({ id }) => !liveIds.has(id));
  const found = sandboxes.filter(({ id }) => liveIds.has(id));
  const live = found.map((sandbox) => withKnownNetworks(networks, sandbox));
  const narrowed = live.filter((sandbox, index) => sandbox !== found[index]);
  for (const sandbox of narrowed) {
    const { id } = sandbox;
    parts.warn(`sandbox "${id}" was on a network that has no usable record, and is not any more`, {
      id,
    });
    await parts.records.sandboxes.put(id, sandbox);
  }
  for (const id of liveIds) {
    if (!live.some((sandbox) => sandbox.id === id))
      parts.warn(`sandbox "${id}" has no usable record; its container has lost its network`, {
        id,
      });
  }
  const links = await parts.links.list();
  const orphans = await removeOrphans(parts, { links, networks, live, dead });
  await restoreNetworks(parts, { links, networks, live });
  await restoreResolver(parts, networks, live);
  for (const sandbox of live) {
    const possible = networks.map(({ id }) => vethName(sandbox.id, id));
    const hasLost = possible.some((name) => orphans.includes(name));
    if (hasLost || narrowed.includes(sandbox)) await leadOut(parts, sandbox);
  }
  return live;
}

/** The same where it knows all; the endpoints of the others go, as if the sandbox had left these networks. */
function withKnownNetworks(networks: readonly Network[], sandbox: Sandbox): Sandbox {
  const byId = new Map(networks.map((network) => [network.id, network]));
  const known = sandbox.endpoints.filter(({ networkId }) => byId.has(networkId));
  if (known.length === sandbox.endpoints.length) return sandbox;
  const leadsOut = ({ networkId }: Endpoint): boolean => byId.get(networkId)?.isInternal === false;
  return { ...sandbox, endpoints: withWayOut(known, leadsOut) };
}

interface Found {
  readonly links: readonly Link[];
  readonly networks: readonly Network[];
  readonly live: readonly Sandbox[];
  readonly dead: readonly Sandbox[];
}

/** Returns the names of links that belonged to nothing on record. */
async function removeOrphans(
  parts: Parts,
  { links, networks, live, dead }: Found,
): Promise<readonly string[]> {
  const owned = new Set([
    ...networks.map(linkNameOf),
    ...live.flatMap(({ endpoints }) => endpoints.map(({ hostInterface }) => hostInterface)),
  ]);
  const orphans = links
    .filter((link) => parts.links.isOurs(link))
    .map(({ name = '' }) => name)
    .filter((name) => !owned.has(name));
  // Both join one removal.
  await allOf([teardownSandboxes(parts, dead), parts.links.remove(orphans)]);
  const liveIds = new Set(live.map(({ id }) => id));
  for (const id of await readdir(parts.namespaces)) {
    if (!liveIds.has(id)) removeNamespace(parts, id);
  }
  return orphans;
}

/** A name without a mount on it: its maker was killed before the mount. */
function removeNamespace(parts: Parts, id: string): void {
  try {
    removeSandbox(parts.kernel, namespacePath(parts, id));
  } catch (error) {
    if (!isSyscallError(error, 'EINVAL', 'EBUSY')) throw error;
    parts.warn(`cannot remove network namespace "${id}"`, { id });
  }
}

async function restoreNetworks(
  parts: Parts,
  { links, networks, live }: Omit<Found, 'dead'>,
): Promise<void> {
  const present = new Set(links.map(({ name }) => name));
  const used = new Set(live.flatMap(({ endpoints }) => endpoints.map((one) => one.networkId)));
  const ours = new Set(links.filter((link) => parts.links.isOurs(link)).map(({ name }) => name));
  const active = networks.filter((one) => used.has(one.id) || ours.has(linkNameOf(one)));
  const bridged = active.filter(({ driver }) => driver === 'bridge');
  await parts.firewall.rebuild({
    networks: bridged.map(filteredNetwork),
    ports: live.flatMap((sandbox) => filteredPorts(parts, sandbox)),
    uplinks: recordedUplinks(parts.records.forwarding, 4),
    uplinks6: recordedUplinks(parts.records.forwarding, 6),
  });
  for (const problem of (await parts.proxy?.recover(live.flatMap(relayedPorts))) ?? [])
    parts.warn(`a port is not published on IPv6 any more: ${problem}`);
  for (const network of active) await parts.drivers[network.driver].setup(network);
  // Bridges that were there before us, with nobody on them any more: nothing guards what we had set there.
  for (const network of networks) {
    const isIdle = !active.includes(network) && present.has(linkNameOf(network));
    if (isIdle) await parts.drivers[network.driver].teardown(network);
  }
  await repairBridges(
    parts,
    bridged.filter((one) => !present.has(bridgeName(one))),
    live,
  );
  if (bridged.length === 0) await parts.drivers.bridge.settle();
}

/** Of what a network has on the host. */
function linkNameOf(network: Network): string {
  return isParented(network.driver) ? parentOf(network).name : bridgeName(network);
}

async function restoreResolver(
  parts: Parts,
  networks: readonly Network[],
  live: readonly Sandbox[],
): Promise<void> {
  const { resolver, names } = parts;
  const state = await resolver.list();
  const networkIds = new Set(networks.map(({ id }) => id));
  const served = new Set(state.sandboxIds);
  // One that was changing its networks may have been told half of it.
  const asRecorded = live.filter(({ id, endpoints }) => served.has(id) && endpoints.length > 0);
  const gone = state.sandboxIds.filter((id) => !asRecorded.some((one) => one.id === id));
  await allOf([
    ...asRecorded.map((sandbox) => resolver.updateSandbox(resolvedOf(sandbox))),
    ...gone.map((id) => resolver.removeSandbox(id)),
    ...state.networkIds.filter((id) => !networkIds.has(id)).map((id) => resolver.removeNetwork(id)),
  ]);
  for (const { id, name } of networks) names.addNetwork(id, name);
  await allOf([
    names.add(live),
    ...live
      .filter(({ id, endpoints }) => !served.has(id) && endpoints.length > 0)
      .map((sandbox) => serveAgain(parts, sandbox)),
  ]);
}

/** One whose namespace has lost its name, as when its record was damaged, must not keep the others from being served. */
async function serveAgain(parts: Parts, sandbox: Sandbox): Promise<void> {
  try {
    await restoreNames(parts, sandbox);
  } catch (error) {
    if (!isSyscallError(error, 'ENOENT', 'EINVAL')) throw error;
    parts.warn(`the container of sandbox "${sandbox.id}" has no names until it starts again`, {
      id: sandbox.id,
    });
  }
}
