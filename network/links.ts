/** The links of one engine in its own namespace: bridges and the host's ends of veth pairs. */
import { Batch } from '../engine/lib/index.ts';
import type { Fd } from '../native/index.ts';
import {
  decodeAddress,
  encodeAddress,
  anyAddress,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from './netlink/address.ts';
import type { InterfaceAddress } from './netlink/address.ts';
import {
  decodeLink,
  encodeLink,
  IFF_UP,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from './netlink/link.ts';
import type { Link } from './netlink/link.ts';
import { NLM_F_CREATE, NLM_F_EXCL } from './netlink/message.ts';
import { anyRoute, decodeRoute, RTM_GETROUTE } from './netlink/route.ts';
import type { Route } from './netlink/route.ts';
import { refusal } from './netlink/socket.ts';
import type { NetlinkReply, NetlinkRequest, NetlinkSocket } from './netlink/socket.ts';
import { linkGroups } from './names.ts';
import { formatAddress } from './ipam/address.ts';
import type { Family } from './ipam/address.ts';
import type { LinkGroups } from './names.ts';
import { notBridge } from './refusals.ts';

export interface BridgeRequest {
  readonly name: string;
  readonly hardwareAddress: Uint8Array;
  readonly addresses: readonly Omit<InterfaceAddress, 'index'>[];
  readonly mtu: number | null;
}

export interface VethRequest {
  readonly name: string;
  readonly bridge: string;
  readonly mtu: number | null;
  /** It publishes ports, and may ask for them itself. */
  readonly isHairpin: boolean;
  /** It reaches no other isolated one of its bridge. */
  readonly isIsolated: boolean;
  readonly peer: {
    readonly name: string;
    readonly hardwareAddress: Uint8Array;
    readonly namespace: Fd;
  };
}

export interface ChildRequest {
  readonly kind: 'macvlan' | 'ipvlan';
  readonly parent: string;
  readonly name: string;
  readonly namespace: Fd;
  readonly mode: number;
  readonly modeFlags?: number;
  readonly hardwareAddress?: Uint8Array;
  readonly mtu?: number;
}

export interface ParentRequest {
  readonly name: string;
  readonly vlan?: { readonly base: string; readonly id: number };
}

const errnoNoDevice = 19;
const errnoExists = 17;
const errnoNoAddress = 99;
const anyLink = { index: 0, flags: 0, change: 0 } as const;

export class HostLinks {
  readonly #socket: NetlinkSocket;
  readonly #groups: LinkGroups;
  readonly #removals: Batch<readonly string[], null>;
  /** Indexes of bridges; a veth names its bridge by it. */
  readonly #bridges = new Map<string, number>();

  constructor(socket: NetlinkSocket, instance: string) {
    this.#socket = socket;
    this.#groups = linkGroups(instance);
    this.#removals = new Batch((names) => this.#removeAll(names));
  }

  /**
   * Up, with its addresses, and with a hardware address of its own, so that it does not change with its ports.
   * `onCreated` is waited for while it is down and has no address.
   */
  async ensureBridge(bridge: BridgeRequest, onCreated: () => Promise<void>): Promise<void> {
    const { name, hardwareAddress, mtu } = bridge;
    const replies = await this.#socket.send([
      {
        type: RTM_NEWLINK,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        payload: encodeLink({
          ...anyLink,
          name,
          kind: 'bridge',
          hardwareAddress,
          group: this.#groups.live,
          ...(mtu === null ? {} : { mtu }),
        }),
        purpose: `create bridge "${name}"`,
      },
      byName(name),
    ]);
    requireReplies(replies, [errnoExists], `create bridge "${name}"`);
    const index = foundLink(replies[1]).index;
    await onCreated();
    const settings = await this.#socket.send([
      ...bridge.addresses.map((address) => ({
        type: RTM_NEWADDR,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        payload: encodeAddress({ ...address, index }),
        purpose: `give bridge "${name}" address ${formatAddress(address.local)}`,
      })),
      {
        type: RTM_SETLINK,
        payload: encodeLink({ index, flags: IFF_UP, change: IFF_UP }),
        purpose: `set bridge "${name}" up`,
      },
    ]);
    requireReplies(settings, [errnoExists], `set up bridge "${name}"`);
    this.#bridges.set(name, index);
  }

  /**
   * The pairs of one sandbox, host ends up and on their bridges. Returns the indexes of the peers in their namespace.
   * The peer is created there: moving it afterwards costs 16 ms, and queues beyond the first one an RCU wait.
   */
  async createVeths(veths: readonly VethRequest[]): Promise<readonly number[]> {
    const requests = [
      ...veths.flatMap((veth) => [this.#newVeth(veth), byName(veth.name)]),
      ...veths.filter(({ isHairpin }) => isHairpin).map(({ name }) => hairpin(name)),
      ...veths.filter(({ isIsolated }) => isIsolated).map(({ name }) => isolate(name)),
    ];
    const replies = await this.#socket.require(requests);
    return veths.map((veth, index) => {
      const { peerIndex } = foundLink(replies[2 * index + 1]);
      if (peerIndex === undefined) throw new Error(`link "${veth.name}" has no peer`);
      return peerIndex;
    });
  }

  /** A part of `parent` in the namespace of a sandbox, down. */
  async createChild({ parent, namespace, ...child }: ChildRequest): Promise<void> {
    const [reply] = await this.#socket.require([byName(parent)]);
    const request = {
      type: RTM_NEWLINK,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      payload: encodeLink({
        ...anyLink,
        ...child,
        peerIndex: foundLink(reply).index,
        namespaceFd: namespace,
      }),
      purpose: `create ${child.kind} "${child.name}" on "${parent}"`,
    };
    await this.#socket.require([request]);
  }

  /** Up, and in our group: a sub-interface of its own, or a link to nowhere. */
  async createParent({ name, vlan }: ParentRequest): Promise<void> {
    const purpose = `create interface "${name}"`;
    const common = { ...anyLink, flags: IFF_UP, change: IFF_UP, name, group: this.#groups.live };
    const flags = NLM_F_CREATE | NLM_F_EXCL;
    const create = (link: Link): NetlinkRequest[] => [
      { type: RTM_NEWLINK, flags, payload: encodeLink(link), purpose },
    ];
    if (vlan === undefined) {
      await this.#socket.require(create({ ...common, kind: 'dummy' }));
      return;
    }
    const [base] = await this.#socket.require([byName(vlan.base)]);
    const peerIndex = foundLink(base).index;
    await this.#socket.require(create({ ...common, kind: 'vlan', vlanId: vlan.id, peerIndex }));
  }

  /** Returns whether it had one of them. */
  async removeAddresses(name: string, addresses: BridgeRequest['addresses']): Promise<boolean> {
    const [reply] = await this.#socket.send([byName(name)]);
    if (reply?.errno !== 0) return false;
    const { index } = foundLink(reply);
    const purpose = `take addresses off bridge "${name}"`;
    const requests = addresses.map((address) => ({
      type: RTM_DELADDR,
      payload: encodeAddress({ ...address, index }),
      purpose,
    }));
    const replies = await this.#socket.send(requests);
    requireReplies(replies, [errnoNoAddress, errnoNoDevice], purpose);
    this.#bridges.delete(name);
    return replies.some(({ errno }) => errno === 0);
  }

  async isThere(name: string): Promise<boolean> {
    const [reply] = await this.#socket.send([byName(name)]);
    return reply?.errno === 0;
  }

  /** What is sent to it may go back where it came from. */
  async setHairpin(name: string): Promise<void> {
    await this.#socket.require([hairpin(name)]);
  }

  /** Puts links back on a bridge that was made anew. Links that are gone stay so. */
  async enslave(
    names: readonly string[],
    bridge: string,
    { isIsolated }: { readonly isIsolated: boolean },
  ): Promise<void> {
    const master = this.#bridges.get(bridge);
    if (master === undefined) throw new TypeError(`bridge "${bridge}" is not set up`);
    const purpose = `add links to bridge "${bridge}"`;
    const requests: NetlinkRequest[] = names.map((name) => ({
      type: RTM_SETLINK,
      payload: encodeLink({ index: 0, flags: IFF_UP, change: IFF_UP, name, master }),
      purpose,
    }));
    if (isIsolated) requests.push(...names.map(isolate));
    requireReplies(await this.#socket.send(requests), [errnoNoDevice], purpose);
  }

  /** Resolves when none of them is there any more. What is asked for at the same time goes at once. */
  async remove(names: readonly string[]): Promise<void> {
    if (names.length > 0) await this.#removals.add(names);
  }

  /** Every link, ours and others'. */
  async list(): Promise<readonly Link[]> {
    const request = { type: RTM_GETLINK, payload: encodeLink(anyLink), purpose: 'list links' };
    return (await this.#socket.dump(request)).map(({ payload }) => decodeLink(payload));
  }

  /** False for one that somebody else has made, or that is gone. */
  async isMade(name: string): Promise<boolean> {
    const [reply] = await this.#socket.send([byName(name)]);
    return reply?.errno === 0 && this.isOurs(foundLink(reply));
  }

  /** Whether somebody else has made it; false where there is none. Throws a NetworkError for another kind of link. */
  async isForeignBridge(name: string): Promise<boolean> {
    const [reply] = await this.#socket.send([byName(name)]);
    if (reply?.errno !== 0) return false;
    const link = foundLink(reply);
    if (link.kind !== 'bridge') throw notBridge(name);
    return !this.isOurs(link);
  }

  isOurs({ group }: Link): boolean {
    return group === this.#groups.live || group === this.#groups.dying;
  }

  async addresses(family: Family): Promise<readonly InterfaceAddress[]> {
    const request = { type: RTM_GETADDR, payload: anyAddress(family), purpose: 'list addresses' };
    const messages = await this.#socket.dump(request);
    return messages.map(({ payload }) => decodeAddress(payload)).filter((one) => one !== null);
  }

  async routes(family: Family): Promise<readonly Route[]> {
    const request = { type: RTM_GETROUTE, payload: anyRoute(family), purpose: 'list routes' };
    const messages = await this.#socket.dump(request);
    return messages.map(({ payload }) => decodeRoute(payload)).filter((one) => one !== null);
  }

  #newVeth({ name, bridge, mtu, peer }: VethRequest): NetlinkRequest {
    const master = this.#bridges.get(bridge);
    if (master === undefined) throw new TypeError(`bridge "${bridge}" is not set up`);
    const common = {
      index: 0,
      transmitQueues: 1,
      receiveQueues: 1,
      ...(mtu === null ? {} : { mtu }),
    };
    return {
      type: RTM_NEWLINK,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      payload: encodeLink({
        ...common,
        flags: IFF_UP,
        change: IFF_UP,
        name,
        master,
        group: this.#groups.live,
        kind: 'veth',
        peer: {
          ...common,
          // Up only once its other end exists: ENOTCONN otherwise.
          flags: 0,
          change: 0,
          name: peer.name,
          hardwareAddress: peer.hardwareAddress,
          namespaceFd: peer.namespace,
        },
      }),
      purpose: `create link "${name}"`,
    };
  }

  /** One by one a deletion waits 20 ms for RCU each; a group waits once. */
  async #removeAll(groups: readonly (readonly string[])[]): Promise<readonly null[]> {
    const names = groups.flat();
    const purpose = `remove ${names.length} links`;
    const moves = names.map((name) => ({
      type: RTM_SETLINK,
      payload: encodeLink({ ...anyLink, name, group: this.#groups.dying }),
      purpose,
    }));
    const removal = {
      type: RTM_DELLINK,
      payload: encodeLink({ ...anyLink, group: this.#groups.dying }),
      purpose,
    };
    // No such device: it was gone already, or all of them were.
    requireReplies(await this.#socket.send([...moves, removal]), [errnoNoDevice], purpose);
    for (const name of names) this.#bridges.delete(name);
    return groups.map(() => null);
  }
}

function byName(name: string): NetlinkRequest {
  return {
    type: RTM_GETLINK,
    payload: encodeLink({ ...anyLink, name }),
    purpose: `look for link "${name}"`,
  };
}

/** Where bridged frames are translated (bridge-nf-call-iptables=1), what a sandbox asks of itself goes back at once. */
function hairpin(name: string): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    payload: encodeLink({ ...anyLink, name, isHairpin: true }),
    purpose: `let link "${name}" reach itself`,
  };
}

/** Two of a bridge whose networks shall not talk among themselves (Linux 4.18). */
function isolate(name: string): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    payload: encodeLink({ ...anyLink, name, isIsolated: true }),
    purpose: `isolate link "${name}"`,
  };
}

function foundLink(reply: NetlinkReply | undefined): Link {
  const message = reply?.messages[0];
  if (message === undefined) throw new Error('the kernel named no link');
  return decodeLink(message.payload);
}

function requireReplies(
  replies: readonly NetlinkReply[],
  harmless: readonly number[],
  purpose: string,
): void {
  const failed = replies.find(({ errno }) => errno !== 0 && !harmless.includes(errno));
  if (failed !== undefined) throw refusal(purpose, failed);
}
