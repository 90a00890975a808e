/** Bridges that somebody has deleted by hand: their ports are still there, without one. */
import { isOpenWithin } from './drivers/bridge.ts';
import type { Network, Sandbox } from './model.ts';
import { bridgeName } from './names.ts';
import type { Parts } from './parts.ts';

/** Those of the networks that should have a bridge and do not. */
export async function findBroken(
  parts: Parts,
  networks: readonly Network[],
): Promise<readonly Network[]> {
  const present = new Set((await parts.links.list()).map(({ name }) => name));
  return networks.filter(({ id, driver }) => driver === 'bridge' && !present.has(bridgeName(id)));
}

/** Makes their bridges anew and puts the links of their sandboxes back on them. */
export async function repairBridges(
  parts: Parts,
  networks: readonly Network[],
  sandboxes: readonly Sandbox[],
): Promise<void> {
  for (const network of networks) {
    const { id, name } = network;
    parts.warn(`the bridge of network "${name}" was gone and is made anew`, { network: name });
    await parts.drivers[network.driver].setupAgain(network);
    const links = sandboxes
      .flatMap(({ endpoints }) => endpoints.filter(({ networkId }) => networkId === id))
      .map(({ hostInterface }) => hostInterface);
    if (links.length > 0)
      await parts.links.enslave(links, bridgeName(id), { isIsolated: !isOpenWithin(network) });
  }
}
