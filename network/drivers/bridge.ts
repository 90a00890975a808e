/** One bridge in the engine's namespace per network, firewall rules, and what the host must allow for them. */
import { isSyscallError } from '../../native/index.ts';
import type { Kernel, NetworkOptions } from '../context.ts';
import type { Driver } from '../driver.ts';
import { NetworkError } from '../errors.ts';
import { admitBridges, dismissBridges } from '../firewall/foreign.ts';
import type { Firewall } from '../firewall/nftables.ts';
import type { FilteredNetwork } from '../firewall/ruleset.ts';
import { enableForwarding, restoreForwarding } from '../forwarding.ts';
import type { ForwardingParts, ListForeign } from '../forwarding.ts';
import { parseAddress, requireAddress } from '../ipam/address.ts';
import { lastOf, requireSubnet } from '../ipam/subnet.ts';
import type { BridgeRequest, HostLinks } from '../links.ts';
import { macOfAddress, parseMac } from '../mac.ts';
import type { Network, NetworkRequest } from '../model.ts';
import { bridgeName, bridgePrefix } from '../names.ts';
import type { Link } from '../netlink/link.ts';
import type { NetlinkSocket } from '../netlink/socket.ts';

export interface BridgeParts {
  readonly kernel: Kernel;
  readonly links: HostLinks;
  readonly firewall: Firewall;
  readonly netfilter: NetlinkSocket;
  readonly forwarding: ForwardingParts;
  readonly warn: NetworkOptions['warn'];
}

const mtuOption = 'com.docker.network.driver.mtu';
const optionPrefix = 'com.docker.network.bridge.';
const iccOption = `${optionPrefix}enable_icc`;
const masqueradeOption = `${optionPrefix}enable_ip_masquerade`;
const bindingOption = `${optionPrefix}host_binding_ipv4`;
/** Options that change nothing with this value, and that we cannot honour with another. */
const fixedOptions: ReadonlyMap<string, string> = new Map([
  [`${optionPrefix}gateway_mode_ipv4`, 'nat'],
]);
const smallestMtu = 68;
const largestMtu = 65_535;

export class BridgeDriver implements Driver {
  readonly name = 'bridge';
  readonly hasEndpoints = true;
  readonly #parts: BridgeParts;
  readonly #told = new Set<string>();
  readonly #ready = new Map<string, Promise<void>>();

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  validate({ name, options = {} }: NetworkRequest): void {
    for (const [option, value] of Object.entries(options)) {
      if (option === mtuOption) checkMtu(name, value);
      else if (option === iccOption || option === masqueradeOption) checkFlag(name, option, value);
      else if (option === bindingOption) checkBinding(name, value);
      else if (fixedOptions.get(option) !== value) throw unsupportedOption(name, option, value);
    }
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
    const { links, firewall } = this.#parts;
    const name = bridgeName(network.id);
    this.#ready.delete(network.id);
    // Rules last: while the bridge is there, they guard it.
    await links.remove([name]);
    await firewall.apply({ removeNetworks: [name] });
    await this.settle();
  }

  /** Rules that were flushed, and those in chains of others, which go when Docker makes its chains anew. */
  async reassert(isTouched = false): Promise<boolean> {
    const wasMissing = await this.#parts.firewall.reassert(isTouched);
    if (this.#parts.firewall.state.networks.length > 0) await this.#admit();
    return wasMissing;
  }

  /** What the host was made to allow is taken back once no network of ours is set up. */
  async settle(): Promise<void> {
    const { links, firewall, netfilter, forwarding } = this.#parts;
    if (firewall.state.networks.length > 0) return;
    const remaining = await links.list();
    if (!remaining.some((link) => link.name?.startsWith(bridgePrefix) === true))
      await dismissBridges(netfilter);
    await restoreForwarding(forwarding, () => Promise.resolve(foreign(remaining)));
  }

  async #setup(network: Network): Promise<void> {
    const { links, firewall, forwarding } = this.#parts;
    const listForeign: ListForeign = async () => foreign(await links.list());
    const uplinks = network.hasIpv4
      ? { uplinks: await enableForwarding(forwarding, 4, listForeign) }
      : {};
    const uplinks6 = network.hasIpv6
      ? { uplinks6: await enableForwarding(forwarding, 6, listForeign) }
      : {};
    // Rules first: there is no moment at which the bridge is there and open.
    await firewall.apply({ addNetworks: [filteredNetwork(network)], ...uplinks, ...uplinks6 });
    await links.ensureBridge(bridgeOf(network), () => this.#setSysctls(network));
    await this.#admit();
  }

  /** Each obstacle is told once. */
  async #admit(): Promise<void> {
    for (const obstacle of await admitBridges(this.#parts.netfilter)) {
      if (this.#told.has(obstacle)) continue;
      this.#told.add(obstacle);
      this.#parts.warn(obstacle);
    }
  }

  async #setSysctls(network: Network): Promise<void> {
    const { kernel, warn } = this.#parts;
    for (const { consequence, ...setting } of settingsOf(network)) {
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
function settingsOf({ id, isInternal, hasIpv6 }: Network): readonly Setting[] {
  const ipv4 = `net/ipv4/conf/${bridgeName(id)}`;
  const ipv6 = `net/ipv6/conf/${bridgeName(id)}`;
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
    // Lets 127.0.0.1 of the host reach published ports: the answer comes back over the bridge.
    {
      name: `${ipv4}/route_localnet`,
      value: '1',
      consequence: 'published ports may not answer on 127.0.0.1',
    },
  ];
}

export function mtuOf({ options }: Network): number | null {
  const mtu = options[mtuOption];
  return mtu === undefined ? null : Number(mtu);
}

/** Of a network to itself and to elsewhere. */
export function filteredNetwork(network: Network): FilteredNetwork {
  return {
    bridge: bridgeName(network.id),
    isInternal: network.isInternal,
    isOpenWithin: isOpenWithin(network),
    isMasqueraded: isSet(network.options[masqueradeOption]),
  };
}

/** `--icc` of Docker: whether its containers may talk to each other. */
export function isOpenWithin({ options }: Network): boolean {
  return isSet(options[iccOption]);
}

/** The host's address of ports that are published without one; empty for the engine's own choice. */
export function bindingAddressOf({ options }: Network): string {
  return options[bindingOption] ?? '';
}

function isSet(value = 'true'): boolean {
  return truths.has(value);
}

/** strconv.ParseBool of Go, which dockerd reads them with. */
const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const falsehoods: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function checkFlag(network: string, option: string, value: string): void {
  if (truths.has(value) || falsehoods.has(value)) return;
  throw new NetworkError({
    code: 'invalid-argument',
    message: `option "${option}" of network "${network}" is "${value}", which is neither true nor false`,
    fields: { network, option, value },
  });
}

function checkBinding(network: string, value: string): void {
  if (parseAddress(value)?.family === 4) return;
  throw new NetworkError({
    code: 'invalid-argument',
    message: `option "${bindingOption}" of network "${network}" is "${value}", which is not an IPv4 address`,
    fields: { network, option: bindingOption, value },
  });
}

function foreign(links: readonly Link[]): readonly Link[] {
  return links.filter(({ name }) => name?.startsWith(bridgePrefix) !== true);
}

function bridgeOf(network: Network): BridgeRequest {
  const [first] = network.ipam;
  if (first === undefined) throw new TypeError(`network "${network.name}" has no subnet`);
  return {
    name: bridgeName(network.id),
    hardwareAddress: parseMac(macOfAddress(first.gateway)),
    addresses: network.ipam.map(({ subnet: text, gateway }) => {
      const subnet = requireSubnet(text);
      const local = requireAddress(gateway);
      const more = subnet.family === 4 ? { broadcast: lastOf(subnet) } : { isUnchecked: true };
      return { prefixLength: subnet.prefixLength, local, peer: local, ...more };
    }),
    mtu: mtuOf(network),
  };
}

function checkMtu(network: string, value: string): void {
  const mtu = Number(value);
  if (/^\d+$/.test(value) && mtu >= smallestMtu && mtu <= largestMtu) return;
  throw new NetworkError({
    code: 'invalid-argument',
    message: `network "${network}" has the MTU "${value}", which is not a number from ${smallestMtu} to ${largestMtu}`,
    fields: { network, option: mtuOption, value },
  });
}

function unsupportedOption(network: string, option: string, value: string): NetworkError {
  return new NetworkError({
    code: 'unsupported',
    message: `option "${option}" of network "${network}" is not supported with the value "${value}"`,
    hint: 'remove the option',
    fields: { network, option, value },
  });
}
