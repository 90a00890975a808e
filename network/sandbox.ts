/**
 * A network namespace with a name that outlives its creator. Everything inside it goes to the kernel over one routing
 * and one netfilter socket that are opened for the purpose.
 */
import { isSyscallError } from '../native/index.ts';
import type { Fd } from '../native/index.ts';
import type { Kernel, ResolvedSandbox } from './context.ts';
import { dnsAddress, dnsPort, dnsRules } from './firewall/sandbox-dns.ts';
import { lastOf, parseAddress, subnetOf } from './ipam/subnet.ts';
import type { Endpoint } from './model.ts';
import { encodeAddress, RTM_NEWADDR } from './netlink/address.ts';
import { encodeLink, IFF_UP, RTM_SETLINK } from './netlink/link.ts';
import { NLM_F_CREATE, NLM_F_EXCL } from './netlink/message.ts';
import {
  encodeRoute,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTM_NEWROUTE,
  RTN_UNICAST,
} from './netlink/route.ts';
import { NetlinkSocket, refusal } from './netlink/socket.ts';
import type { NetlinkRequest } from './netlink/socket.ts';

/** Index of every namespace's loopback. */
const loopback = 1;

/** A namespace that is being set up; closing it leaves the namespace as it is. */
export class OpenSandbox {
  readonly namespace: Fd;
  readonly #kernel: Kernel;
  #routing: NetlinkSocket | null = null;
  #filter: NetlinkSocket | null = null;

  private constructor(kernel: Kernel, namespace: Fd) {
    this.#kernel = kernel;
    this.namespace = namespace;
  }

  static async create(kernel: Kernel, path: string): Promise<OpenSandbox> {
    return new OpenSandbox(kernel, await kernel.createNetworkNamespace(path));
  }

  static adopt(kernel: Kernel, path: string): OpenSandbox {
    return new OpenSandbox(kernel, kernel.openNamespace(path));
  }

  /** Before any link: what is set for `default` holds for links that are made later. */
  async prepare(): Promise<void> {
    const { namespace: netns } = this;
    const kernel = this.#kernel;
    await settleAll([
      this.#openSockets(),
      // The network has no IPv6, so a router advertisement must not give it any (CVE-2024-32473). Loopback keeps ::1.
      ignoringMissing(
        kernel.writeSysctl({ netns, name: 'net/ipv6/conf/default/disable_ipv6', value: '1' }),
      ),
    ]);
  }

  /** Loopback and every endpoint with its address and routes, up, in one exchange. */
  async configure(endpoints: readonly Endpoint[], indexes: readonly number[]): Promise<void> {
    const requests = [setUp(loopback, 'lo')];
    endpoints.forEach((endpoint, position) => {
      const index = indexes[position];
      if (index === undefined) throw new TypeError(`no link for "${endpoint.interfaceName}"`);
      requests.push(...endpointRequests(endpoint, index));
    });
    await required(this.#routing).require(requests);
  }

  /** Redirects DNS to sockets that the resolver is to serve; the caller owns them. Loopback must be up. */
  async openDns(): Promise<ResolvedSandbox['sockets']> {
    const sockets = this.openDnsSockets();
    try {
      await settleAll([sockets, this.#redirectDns()]);
      return await sockets;
    } catch (error) {
      await sockets.then(
        ({ udp, tcp }) => {
          this.#kernel.closeFd(udp);
          this.#kernel.closeFd(tcp);
        },
        // Nothing is open then, and `error` already says why.
        () => undefined,
      );
      throw error;
    }
  }

  async openDnsSockets(): Promise<ResolvedSandbox['sockets']> {
    const bind = { address: dnsAddress, port: dnsPort };
    const { namespace: netns } = this;
    const kernel = this.#kernel;
    const udp = await kernel.openSocket({ netns, family: 'inet', type: 'dgram', bind });
    try {
      const listen = dnsBacklog;
      const tcp = await kernel.openSocket({ netns, family: 'inet', type: 'stream', bind, listen });
      return { udp, tcp };
    } catch (error) {
      kernel.closeFd(udp);
      throw error;
    }
  }

  close(): void {
    this.#routing?.close();
    this.#filter?.close();
    this.#kernel.closeFd(this.namespace);
  }

  async #openSockets(): Promise<void> {
    const { namespace } = this;
    await settleAll([
      NetlinkSocket.open(this.#kernel, 'netlink-route', namespace).then((socket) => {
        this.#routing = socket;
      }),
      NetlinkSocket.open(this.#kernel, 'netlink-netfilter', namespace).then((socket) => {
        this.#filter = socket;
      }),
    ]);
  }

  async #redirectDns(): Promise<void> {
    const reply = await required(this.#filter).transact(dnsRules);
    if (reply.errno !== 0) throw refusal('redirect DNS inside the sandbox', reply);
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
  const { interfaceName, ipv4Address, prefixLength, gateway, isDefault } = endpoint;
  const address = addressOf(ipv4Address);
  const requests: NetlinkRequest[] = [
    {
      type: RTM_NEWADDR,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      payload: encodeAddress({
        index,
        prefixLength,
        local: address,
        peer: address,
        broadcast: lastOf(subnetOf(address, prefixLength)),
      }),
      purpose: `give "${interfaceName}" address ${ipv4Address}`,
    },
    setUp(index, interfaceName),
  ];
  if (!isDefault) return requests;
  const route = {
    destination: 0,
    prefixLength: 0,
    table: RT_TABLE_MAIN,
    scope: RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    gateway: addressOf(gateway),
    outputIndex: index,
  };
  return [
    ...requests,
    {
      type: RTM_NEWROUTE,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      payload: encodeRoute(route),
      purpose: `add the default route by ${gateway}`,
    },
  ];
}

function setUp(index: number, name: string): NetlinkRequest {
  return {
    type: RTM_SETLINK,
    payload: encodeLink({ index, flags: IFF_UP, change: IFF_UP }),
    purpose: `set "${name}" up`,
  };
}

function addressOf(text: string): number {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(`"${text}" is not an IPv4 address`);
  return address;
}

function required(socket: NetlinkSocket | null): NetlinkSocket {
  if (socket === null) throw new TypeError('the sandbox is not prepared');
  return socket;
}

/** Waits for all, so that nothing is still under way when the caller undoes; then fails with the first failure. */
async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

async function ignoringMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    // A kernel without IPv6.
    if (!isSyscallError(error, 'ENOENT')) throw error;
  }
}
