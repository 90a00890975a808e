/**
 * A network namespace with a name that outlives its creator. Everything inside it goes to the kernel over one routing
 * and one netfilter socket that are opened for the purpose.
 */
import { isIPv6 } from 'node:net';
import { isSyscallError } from '../native/index.ts';
import type { Fd } from '../native/index.ts';
import type { Kernel, ResolvedSandbox } from './context.ts';
import { dnsAddress, dnsPort, dnsRules, dnsRulesAnew } from './firewall/sandbox-dns.ts';
import { requireAddress } from './ipam/address.ts';
import type { Address, Family } from './ipam/address.ts';
import { lastOf, subnetOf } from './ipam/subnet.ts';
import { allOf } from './all-of.ts';
import type { Endpoint, EndpointAddress } from './model.ts';
import { encodeAddress, RTM_NEWADDR } from './netlink/address.ts';
import {
  decodeLink,
  encodeLink,
  IFF_UP,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_SETLINK,
} from './netlink/link.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from './netlink/message.ts';
import {
  encodeRoute,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTM_NEWROUTE,
  RTN_UNICAST,
} from './netlink/route.ts';
import { NetlinkSocket, refusal } from './netlink/socket.ts';
import type { NetlinkRequest } from './netlink/socket.ts';
import { addressesOf } from './way-out.ts';

/** Index of every namespace's loopback. */
const loopback = 1;
const errnoNoDevice = 19;

/**
 * A namespace that is being set up. Closing it gives every descriptor back and leaves the namespace as it is. What is done
 * to every namespace is done once, however often it is asked for: a spare one comes with it.
 */
export class OpenSandbox {
  readonly namespace: Fd;
  readonly #kernel: Kernel;
  readonly #sockets: NetlinkSocket[] = [];
  readonly #descriptors: Fd[];
  #routing: NetlinkSocket | null = null;
  #loopback: Promise<void> | null = null;
  #withoutIpv6: Promise<void> | null = null;
  #dnsSockets: Promise<ResolvedSandbox['sockets']> | null = null;
  #redirection: Promise<void> | null = null;

  private constructor(kernel: Kernel, namespace: Fd) {
    this.#kernel = kernel;
    this.namespace = namespace;
    this.#descriptors = [namespace];
  }

  static async create(kernel: Kernel, path: string): Promise<OpenSandbox> {
    return new OpenSandbox(kernel, await kernel.createNetworkNamespace(path));
  }

  /** One that has no name yet, and all that does not depend on who gets it. */
  static async prepare(kernel: Kernel): Promise<OpenSandbox> {
    const prepared = new OpenSandbox(kernel, await kernel.createNetworkNamespace(null));
    try {
      await allOf([prepared.disableIpv6(), prepared.startLoopback(), prepared.redirectDns()]);
      await prepared.openDnsSockets();
      return prepared;
    } catch (error) {
      prepared.close();
      throw error;
    }
  }

  name(path: string): void {
    this.#kernel.nameNetworkNamespace(this.namespace, path);
  }

  static adopt(kernel: Kernel, path: string): OpenSandbox {
    return new OpenSandbox(kernel, kernel.openNamespace(path));
  }

  /**
   * Before any link, as what is set for `default` holds for links made later: on a network without IPv6 a router
   * advertisement must not give them any (CVE-2024-32473). Loopback keeps ::1.
   */
  disableIpv6(): Promise<void> {
    this.#withoutIpv6 ??= this.#disableIpv6();
    return this.#withoutIpv6;
  }

  async #disableIpv6(): Promise<void> {
    const name = 'net/ipv6/conf/default/disable_ipv6';
    try {
      await this.#kernel.writeSysctl({ netns: this.namespace, name, value: '1' });
    } catch (error) {
      // A kernel without IPv6.
      if (!isSyscallError(error, 'ENOENT')) throw error;
    }
  }

  /** For links whose network has IPv6. They are down yet; addresses and routes are ours to give (CVE-2020-13401). */
  async enableIpv6(endpoints: readonly Endpoint[]): Promise<void> {
    for (const { interfaceName, ipv6, linkLocalAddresses = [] } of endpoints) {
      if (ipv6 === null && !linkLocalAddresses.some(isIPv6)) continue;
      const directory = `net/ipv6/conf/${interfaceName}`;
      const common = { netns: this.namespace };
      await this.#kernel.writeSysctl({ ...common, name: `${directory}/accept_ra`, value: '0' });
      await this.#kernel.writeSysctl({ ...common, name: `${directory}/disable_ipv6`, value: '0' });
    }
  }

  startLoopback(): Promise<void> {
    this.#loopback ??= this.#startLoopback();
    return this.#loopback;
  }

  async #startLoopback(): Promise<void> {
    this.#routing = await this.#open('netlink-route');
    await this.#routing.require([setUp(loopback, 'lo')]);
  }

  /** Every endpoint with its address and routes, up, in one exchange. */
  async configure(endpoints: readonly Endpoint[], indexes: readonly number[]): Promise<void> {
    const requests = endpoints.flatMap((endpoint, position) => {
      const index = indexes[position];
      if (index === undefined) throw new TypeError(`no link for "${endpoint.interfaceName}"`);
      return endpointRequests(endpoint, index);
    });
    await this.enableIpv6(endpoints);
    await this.#setSysctls(endpoints);
    if (requests.length > 0) await this.#needRouting().require(requests);
  }

  /** Throws for one that is not there. */
  async linkIndex(name: string): Promise<number> {
    const [reply] = await this.#needRouting().require([lookFor(name)]);
    const [message] = reply?.messages ?? [];
    if (message === undefined) throw new Error(`the kernel named no link "${name}"`);
    return decodeLink(message.payload).index;
  }

  /** It may be gone already. */
  async removeLink(name: string): Promise<void> {
    const payload = encodeLink({ index: 0, flags: 0, change: 0, name });
    const purpose = `remove "${name}"`;
    const [reply] = await this.#needRouting().send([{ type: RTM_DELLINK, payload, purpose }]);
    if (reply !== undefined && reply.errno !== 0 && reply.errno !== errnoNoDevice)
      throw refusal(purpose, reply);
  }

  async #setSysctls(endpoints: readonly Endpoint[]): Promise<void> {
    for (const { interfaceName, sysctls = {} } of endpoints) {
      for (const [path, value] of Object.entries(sysctls)) {
        const name = `net/${path.replace('IFNAME', interfaceName)}`;
        await this.#kernel.writeSysctl({ netns: this.namespace, name, value });
      }
    }
  }

  /** In the place of any other, over a link that is up. */
  async setDefaultRoute({ interfaceName }: Endpoint, address: EndpointAddress): Promise<void> {
    const index = await this.linkIndex(interfaceName);
    await this.#needRouting().require([defaultRoute(address, index)]);
  }

  /** Sockets that the resolver is to serve, and that stay ours. Loopback must be up. */
  openDnsSockets(): Promise<ResolvedSandbox['sockets']> {
    this.#dnsSockets ??= this.#openDnsSockets();
    return this.#dnsSockets;
  }

  async #openDnsSockets(): Promise<ResolvedSandbox['sockets']> {
    const common = {
      netns: this.namespace,
      family: 'inet',
      bind: { address: dnsAddress, port: dnsPort },
    } as const;
    const keep = (fd: Fd): Fd => {
      this.#descriptors.push(fd);
      return fd;
    };
    const udp = this.#kernel.openSocket({ ...common, type: 'dgram' }).then(keep);
    const tcp = this.#kernel.openSocket({ ...common, type: 'stream', listen: dnsBacklog });
    await allOf([udp, tcp.then(keep)]);
    return { udp: await udp, tcp: await tcp };
  }

  /** `isAgain`: it may have been done before. */
  redirectDns({ isAgain = false }: { readonly isAgain?: boolean } = {}): Promise<void> {
    this.#redirection ??= this.#redirectDns(isAgain);
    return this.#redirection;
  }

  async #redirectDns(isAgain: boolean): Promise<void> {
    const filter = await this.#open('netlink-netfilter');
    const reply = await filter.transact(isAgain ? dnsRulesAnew : dnsRules);
    if (reply.errno !== 0) throw refusal('redirect DNS inside the sandbox', reply);
  }

  #needRouting(): NetlinkSocket {
    if (this.#routing === null) throw new TypeError('the sandbox has no loopback yet');
    return this.#routing;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    for (const fd of this.#descriptors) this.#kernel.closeFd(fd);
  }

  async #open(family: 'netlink-route' | 'netlink-netfilter'): Promise<NetlinkSocket> {
    const socket = await NetlinkSocket.open(this.#kernel, family, this.namespace);
    this.#sockets.push(socket);
    return socket;
  }
}

const dnsBacklog = 64;

/** Removes the namespace's name. The kernel ends it when its last process and descriptor are gone. */
export function removeSandbox(kernel: Kernel, path: string): void {
  try {
    kernel.removeNetworkNamespace(path);
  } catch (error) {
    if (!isSyscallError(error, 'ENOENT')) throw error;
  }
}

function endpointRequests(endpoint: Endpoint, index: number): NetlinkRequest[] {
  const addresses = addressesOf(endpoint);
  const local = (endpoint.linkLocalAddresses ?? []).map((address) => ({
    address,
    prefixLength: isIPv6(address) ? 64 : 16,
  }));
  return [
    ...[...addresses, ...local].map((address) => giveAddress(endpoint, index, address)),
    setUp(index, endpoint.interfaceName),
    ...addresses
      .filter(({ isDefault }) => isDefault)
      .map((address) => defaultRoute(address, index)),
  ];
}

function giveAddress(
  { interfaceName }: Endpoint,
  index: number,
  { address, prefixLength }: Pick<EndpointAddress, 'address' | 'prefixLength'>,
): NetlinkRequest {
  const local = requireAddress(address);
  const subnet = subnetOf(local, prefixLength);
  return {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: encodeAddress({
      index,
      prefixLength,
      local,
      peer: local,
      // We have made sure that it is nobody else's; asking the link would take a second.
      ...(local.family === 4 ? { broadcast: lastOf(subnet) } : { isUnchecked: true }),
    }),
    purpose: `give "${interfaceName}" address ${address}`,
  };
}

/** In the place of another. Without a gateway everybody is asked for on the link itself. */
function defaultRoute({ address, gateway }: EndpointAddress, outputIndex: number): NetlinkRequest {
  const route = {
    destination: nowhere(requireAddress(address).family),
    prefixLength: 0,
    table: RT_TABLE_MAIN,
    scope: gateway === null ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    outputIndex,
    ...(gateway !== null && { gateway: requireAddress(gateway) }),
  };
  return {
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    payload: encodeRoute(route),
    purpose: `add the default route by ${gateway ?? 'the link itself'}`,
  };
}

function nowhere(family: Family): Address {
  return { family, value: 0n };
}

function lookFor(name: string): NetlinkRequest {
  return {
    type: RTM_GETLINK,
    payload: encodeLink({ index: 0, flags: 0, change: 0, name }),
    purpose: `look for link "${name}"`,
  };
}

function setUp(index: number, name: string): NetlinkRequest {
  return {
    type: RTM_SETLINK,
    payload: encodeLink({ index, flags: IFF_UP, change: IFF_UP }),
    purpose: `set "${name}" up`,
  };
}
