/** What somebody has taken away by hand: bridges whose ports are still there without one, and firewall rules. */
import { isOpenWithin } from './drivers/bridge-options.ts';
import { tableName } from './firewall/ruleset.ts';
import { RulesetWatch } from './firewall/watch.ts';
import type { Network, Sandbox } from './model.ts';
import { bridgeName } from './names.ts';
import type { Parts } from './parts.ts';

/** Those of the networks that should have a bridge and do not. */
export async function findBroken(
  parts: Parts,
  networks: readonly Network[],
): Promise<readonly Network[]> {
  const present = new Set((await parts.links.list()).map(({ name }) => name));
  return networks.filter((one) => one.driver === 'bridge' && !present.has(bridgeName(one)));
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
      await parts.links.enslave(links, bridgeName(network), { isIsolated: !isOpenWithin(network) });
  }
}

/** From here on rules that others flush or change are put back as soon as the kernel tells. */
export async function guardRules(parts: Parts): Promise<RulesetWatch> {
  const { kernel, drivers, netfilter, instance, warn } = parts;
  return await RulesetWatch.open({
    kernel,
    origin: netfilter.origin,
    table: tableName(instance),
    onChange: async ({ isOurs, program }) => {
      try {
        if (await drivers.bridge.reassert(isOurs))
          warn(
            `${program === '' ? 'somebody' : program} changed our firewall rules; they are back`,
          );
      } catch (error) {
        warn(`cannot put our firewall rules back: ${String(error)}`);
      }
    },
  });
}
