/** One bridge in the engine's namespace per network, firewall rules, and what the host must allow for them. */
import { KeyedLock } from '../../engine/lib/index.ts';
import { isSyscallError } from '../../native/index.ts';
import type { Kernel, NetworkOptions } from '../context.ts';
import type { Driver } from '../driver.ts';
import type { BypassWarning } from '../firewall/bypass.ts';
import { admitBridges, dismissBridge, dismissBridges } from '../firewall/foreign.ts';
import type { Firewall, FirewallChange } from '../firewall/nftables.ts';
import { enableForwarding, restoreForwarding } from '../forwarding.ts';
import type { ForwardingParts, ListForeign } from '../forwarding.ts';
import { requireAddress } from '../ipam/address.ts';
import { lastOf, requireSubnet } from '../ipam/subnet.ts';
import type { BridgeRequest, HostLinks } from '../links.ts';
import { macOfAddress, parseMac } from '../mac.ts';
import type { Network, NetworkRequest } from '../model.ts';
import { bridgeName, bridgePrefix, hasOwnName } from '../names.ts';
import type { Link } from '../netlink/link.ts';
import type { NetlinkSocket } from '../netlink/socket.ts';
import { checkBridgeOptions, filteredNetwork, isGivenToHost, mtuOf } from './bridge-options.ts';

export interface BridgeParts {
  readonly kernel: Kernel;
  readonly links: HostLinks;
  readonly firewall: Firewall;
  readonly netfilter: NetlinkSocket;
  readonly forwarding: ForwardingParts;
  /** Of every network on record, set up or not. */
  readonly bridges: () => readonly string[];
  readonly bypass: BypassWarning;
  readonly warn: NetworkOptions['warn'];
}

const hostLock = 'host';

export class BridgeDriver implements Driver {
  readonly name = 'bridge';
  readonly hasEndpoints = true;
  readonly #parts: BridgeParts;
  readonly #told = new Set<string>();
  readonly #ready = new Map<string, Promise<void>>();
  /** From before their first set-up to their end. */
  readonly #withIpv6 = new Set<string>();
  /** What is the whole host's is changed by one at a time: forwarding, and rules in chains of others. */
  readonly #host = new KeyedLock();

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  validate(request: NetworkRequest): void {
    checkBridgeOptions(request);
  }

  /** Sandboxes that start together wait for one and the same set-up. */
  setup(network: Network): Promise<void> {
    let ready = this.#ready.get(network.id);
    if (ready === undefined) {
      ready = this.#setup(network);
      this.#ready.set(network.id, ready);
      ready.catch(() => this.#ready.delete(network.id));
    }
    return ready;
  }

  setupAgain(network: Network): Promise<void> {
    this.#ready.delete(network.id);
    return this.setup(network);
  }

  async teardown(network: Network): Promise<void> {
    const { links, firewall, netfilter } = this.#parts;
    const name = bridgeName(network);
    this.#ready.delete(network.id);
    this.#withIpv6.delete(network.id);
    // Rules last: while the bridge is there, they guard it. One that was there before us stays, without them.
    if (await links.isMade(name)) await links.remove([name]);
    else if (hasOwnName(network)) await this.#leave(network);
    await firewall.apply({ removeNetworks: [name] });
    if (hasOwnName(network)) await this.#host.run(hostLock, () => dismissBridge(netfilter, name));
    await this.settle();
  }

  /** Rules that were flushed, and those in chains of others, which go when Docker makes its chains anew. */
  async reassert(isTouched = false): Promise<boolean> {
    const wasMissing = await this.#parts.firewall.reassert(isTouched);
    await this.#admit();
    return wasMissing;
  }

  /** What the host was made to allow is taken back once no network of ours is set up. */
  async settle(): Promise<void> {
    await this.#host.run(hostLock, async () => {
      const { links, firewall, netfilter, forwarding } = this.#parts;
      // The last that had IPv6 may be gone before those that never had it.
      if (this.#withIpv6.size === 0)
        await restoreForwarding(forwarding, 6, async () => this.#foreign(await links.list()));
      // One that is being set up has no rules yet, but may have found the host forwarding already.
      if (firewall.state.networks.length > 0 || this.#ready.size > 0) return;
      const remaining = await links.list();
      if (!remaining.some((link) => link.name?.startsWith(bridgePrefix) === true))
        await dismissBridges(netfilter);
      await restoreForwarding(forwarding, 4, () => Promise.resolve(this.#foreign(remaining)));
    });
  }

  async #setup(network: Network): Promise<void> {
    const { links, firewall } = this.#parts;
    if (network.hasIpv6) this.#withIpv6.add(network.id);
    const name = bridgeName(network);
    const isForeign = hasOwnName(network) && (await links.isForeignBridge(name));
    const uplinks = await this.#host.run(hostLock, () => this.#forward(network));
    // Rules first: there is no moment at which the bridge is there and open.
    await firewall.apply({ addNetworks: [filteredNetwork(network)], ...uplinks });
    const settings = isForeign ? [localRouting(name, '1')] : settingsOf(network);
    await links.ensureBridge(bridgeOf(network), () => this.#setSysctls(settings));
    await this.#admit();
  }

  async #forward(network: Network): Promise<Pick<FirewallChange, 'uplinks' | 'uplinks6'>> {
    const { links, forwarding } = this.#parts;
    const listForeign: ListForeign = async () => this.#foreign(await links.list());
    const uplinks = network.hasIpv4
      ? { uplinks: await enableForwarding(forwarding, 4, listForeign) }
      : {};
    const uplinks6 = network.hasIpv6
      ? { uplinks6: await enableForwarding(forwarding, 6, listForeign) }
      : {};
    return { ...uplinks, ...uplinks6 };
  }

  /** A bridge that was there before us keeps nothing of ours. */
  async #leave(network: Network): Promise<void> {
    const { name, addresses } = bridgeOf(network);
    if ((await this.#parts.links.removeAddresses(name, addresses)) || addresses.length === 0)
      await this.#setSysctls([localRouting(name, '0')]);
  }

  /** Neither ours nor of networks of ours: what is on a bridge of theirs must reach the host's other interfaces. */
  #foreign(links: readonly Link[]): readonly Link[] {
    const bridges = new Set(this.#parts.bridges());
    return links.filter(
      (link) =>
        link.name?.startsWith(bridgePrefix) !== true &&
        !bridges.has(link.name ?? '') &&
        !this.#parts.links.isOurs(link),
    );
  }

  /** Each obstacle is told once. */
  async #admit(): Promise<void> {
    await this.#host.run(hostLock, async () => {
      if (this.#parts.firewall.state.networks.length > 0) await this.#admitAll();
    });
  }

  async #admitAll(): Promise<void> {
    const { netfilter, firewall } = this.#parts;
    const named = firewall.state.networks
      .map(({ bridge }) => bridge)
      .filter((bridge) => !bridge.startsWith(bridgePrefix));
    const { obstacles, guard } = await admitBridges(netfilter, named);
    this.#parts.bypass.guardIs(guard);
    for (const obstacle of obstacles) {
      if (this.#told.has(obstacle)) continue;
      this.#told.add(obstacle);
      this.#parts.warn(obstacle);
    }
  }

  async #setSysctls(settings: readonly Setting[]): Promise<void> {
    const { kernel, warn } = this.#parts;
    for (const { consequence, ...setting } of settings) {
      try {
        await kernel.writeSysctl(setting);
      } catch (error) {
        if (!isSyscallError(error, 'ENOENT', 'EROFS', 'EACCES', 'EPERM')) throw error;
        if (isSyscallError(error, 'ENOENT')) continue;
        warn(`cannot set ${setting.name}; ${consequence}`);
      }
    }
  }
}

interface Setting {
  readonly name: string;
  readonly value: string;
  /** Of not being able to set it. */
  readonly consequence: string;
}

/** For a bridge that is down yet. */
function settingsOf(network: Network): readonly Setting[] {
  const { hasIpv6, isInternal } = network;
  const ipv4 = `net/ipv4/conf/${bridgeName(network)}`;
  const ipv6 = `net/ipv6/conf/${bridgeName(network)}`;
  return [
    // A container that plays the router must not change the host's routes (CVE-2020-13401).
    { name: `${ipv6}/accept_ra`, value: '0', consequence: 'containers may change routes of IPv6' },
    // The kernel asks for a container by its link-local address, which it would check for two seconds first.
    { name: `${ipv6}/accept_dad`, value: '0', consequence: 'IPv6 begins two seconds late' },
    {
      name: `${ipv6}/disable_ipv6`,
      value: hasIpv6 ? '0' : '1',
      consequence: hasIpv6
        ? 'the network may have no IPv6'
        : 'containers reach this host by link-local addresses',
    },
    // A second guard, which holds while there are no rules: turning the host's forwarding off and on sets it back.
    ...(isInternal
      ? [{ name: `${ipv4}/forwarding`, value: '0', consequence: 'only our rules keep it apart' }]
      : []),
    localRouting(bridgeName(network), '1'),
  ];
}

/** Lets 127.0.0.1 of the host reach published ports: the answer comes back over the bridge. */
function localRouting(bridge: string, value: '0' | '1'): Setting {
  const consequence =
    value === '1'
      ? 'published ports may not answer on 127.0.0.1'
      : 'neighbours on that bridge may reach 127.0.0.1 of this host';
  return { name: `net/ipv4/conf/${bridge}/route_localnet`, value, consequence };
}

function bridgeOf(network: Network): BridgeRequest {
  const [first] = network.ipam;
  if (first === undefined) throw new TypeError(`network "${network.name}" has no subnet`);
  return {
    name: bridgeName(network),
    hardwareAddress: parseMac(macOfAddress(first.gateway)),
    addresses: network.ipam.filter(isGivenToHost(network)).map(({ subnet: text, gateway }) => {
      const subnet = requireSubnet(text);
      const local = requireAddress(gateway);
      const more = subnet.family === 4 ? { broadcast: lastOf(subnet) } : { isUnchecked: true };
      return { prefixLength: subnet.prefixLength, local, peer: local, ...more };
    }),
    mtu: mtuOf(network),
  };
}
