/** RTM_*LINK, rtnetlink(7): network interfaces. Only the fields we write or look at; the codec keeps these whole. */
import {
  attribute,
  encodeAttributes,
  indexAttributes,
  nested,
  stringAttribute,
  u16Attribute,
  u32Attribute,
  u8Attribute,
} from './attributes.ts';
import type { Attribute } from './attributes.ts';
import {
  concatBytes,
  isLittleEndian,
  NetlinkFormatError,
  readString,
  readU32,
  requireBytes,
  viewOf,
} from './bytes.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;

export const IFF_UP = 1;
export const IFF_LOOPBACK = 8;

export interface Link {
  /** 0: by name, or not there yet. */
  readonly index: number;
  readonly flags: number;
  /** Which flags to change. */
  readonly change: number;
  readonly name?: string;
  /** Six bytes. */
  readonly hardwareAddress?: Uint8Array;
  readonly mtu?: number;
  /** Index of the bridge it is a port of. */
  readonly master?: number;
  /** Index of a veth's other end, in the other end's namespace. */
  readonly peerIndex?: number;
  readonly group?: number;
  readonly transmitQueues?: number;
  readonly receiveQueues?: number;
  /** Descriptor of the namespace to create it in. */
  readonly namespaceFd?: number;
  readonly kind?: string;
  /** How a macvlan or ipvlan hands frames on; numbers of linux/if_link.h. */
  readonly mode?: number;
  /** Of an ipvlan. */
  readonly modeFlags?: number;
  /** Of a vlan, IEEE 802.1Q. */
  readonly vlanId?: number;
  /** A veth's other end, when creating both. */
  readonly peer?: Link;
  /** As a port of a bridge: whether a frame may leave by the port it came from. */
  readonly isHairpin?: boolean;
  /** As a port of a bridge: whether frames to and from its other isolated ports are dropped. */
  readonly isIsolated?: boolean;
}

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_GROUP = 27;
const IFLA_NET_NS_FD = 28;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const VETH_INFO_PEER = 1;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;
const IFLA_VLAN_ID = 1;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;

const headerBytes = 16;

const numbers = [
  ['mtu', IFLA_MTU],
  ['peerIndex', IFLA_LINK],
  ['master', IFLA_MASTER],
  ['group', IFLA_GROUP],
  ['namespaceFd', IFLA_NET_NS_FD],
  ['transmitQueues', IFLA_NUM_TX_QUEUES],
  ['receiveQueues', IFLA_NUM_RX_QUEUES],
] as const satisfies readonly (readonly [keyof Link, number])[];

export function encodeLink(link: Link): Uint8Array {
  const header = new Uint8Array(headerBytes);
  const view = viewOf(header);
  view.setInt32(4, link.index, isLittleEndian);
  view.setUint32(8, link.flags, isLittleEndian);
  view.setUint32(12, link.change, isLittleEndian);
  return concatBytes([header, encodeAttributes(attributesOf(link))]);
}

function attributesOf(link: Link): Attribute[] {
  const attributes: Attribute[] = [];
  if (link.name !== undefined) attributes.push(stringAttribute(IFLA_IFNAME, link.name));
  if (link.hardwareAddress !== undefined)
    attributes.push(attribute(IFLA_ADDRESS, link.hardwareAddress));
  for (const [field, type] of numbers) {
    const value = link[field];
    if (value !== undefined) attributes.push(u32Attribute(type, value));
  }
  const info = linkInfo(link);
  if (info.length > 0) attributes.push(nested(IFLA_LINKINFO, info));
  return attributes;
}

function linkInfo(link: Link): Attribute[] {
  const { kind, isHairpin, isIsolated } = link;
  const info: Attribute[] = [];
  if (kind !== undefined) info.push(stringAttribute(IFLA_INFO_KIND, kind));
  const data = kindData(link);
  if (data.length > 0) info.push(nested(IFLA_INFO_DATA, data));
  const port = [
    ...flagAttribute(IFLA_BRPORT_MODE, isHairpin),
    ...flagAttribute(IFLA_BRPORT_ISOLATED, isIsolated),
  ];
  if (port.length > 0) {
    info.push(stringAttribute(IFLA_INFO_SLAVE_KIND, 'bridge'));
    info.push(nested(IFLA_INFO_SLAVE_DATA, port));
  }
  return info;
}

/** What only links of its kind have. */
function kindData({ kind, peer, mode, modeFlags, vlanId }: Link): Attribute[] {
  const data: Attribute[] = [];
  if (peer !== undefined) data.push(attribute(VETH_INFO_PEER, encodeLink(peer)));
  if (kind === 'macvlan' && mode !== undefined) data.push(u32Attribute(IFLA_MACVLAN_MODE, mode));
  if (kind === 'ipvlan' && mode !== undefined) data.push(u16Attribute(IFLA_IPVLAN_MODE, mode));
  if (kind === 'ipvlan' && modeFlags !== undefined)
    data.push(u16Attribute(IFLA_IPVLAN_FLAGS, modeFlags));
  if (kind === 'vlan' && vlanId !== undefined) data.push(u16Attribute(IFLA_VLAN_ID, vlanId));
  return data;
}

function flagAttribute(type: number, value: boolean | undefined): readonly Attribute[] {
  return value === undefined ? [] : [u8Attribute(type, value ? 1 : 0)];
}

export function decodeLink(payload: Uint8Array): Link {
  const view = requireBytes(payload, headerBytes, 'link');
  const attributes = indexAttributes(payload.subarray(headerBytes));
  const name = attributes.get(IFLA_IFNAME);
  const hardwareAddress = attributes.get(IFLA_ADDRESS);
  const info = attributes.get(IFLA_LINKINFO);
  const found: Record<string, number> = {};
  for (const [field, type] of numbers) {
    const value = attributes.get(type);
    if (value !== undefined) found[field] = readU32(value, `link's ${field}`);
  }
  return {
    index: view.getInt32(4, isLittleEndian),
    flags: view.getUint32(8, isLittleEndian),
    change: view.getUint32(12, isLittleEndian),
    ...(name === undefined ? {} : { name: readString(name) }),
    ...(hardwareAddress === undefined ? {} : { hardwareAddress }),
    ...found,
    ...(info === undefined ? {} : decodeLinkInfo(info)),
  };
}

function decodeLinkInfo(
  bytes: Uint8Array,
): Pick<Link, 'kind' | 'peer' | 'isHairpin' | 'isIsolated'> {
  const info = indexAttributes(bytes);
  const kind = info.get(IFLA_INFO_KIND);
  const data = info.get(IFLA_INFO_DATA);
  const name = kind === undefined ? undefined : readString(kind);
  return {
    ...(name === undefined ? {} : { kind: name }),
    ...(name === 'veth' && data !== undefined ? decodePeer(data) : {}),
    ...decodePort(info),
  };
}

function decodePeer(data: Uint8Array): Pick<Link, 'peer'> {
  const peer = indexAttributes(data).get(VETH_INFO_PEER);
  if (peer === undefined) return {};
  if (indexAttributes(peer.subarray(headerBytes)).has(IFLA_LINKINFO))
    throw new NetlinkFormatError('the peer of a veth has a kind of its own');
  return { peer: decodeLink(peer) };
}

function decodePort(info: ReadonlyMap<number, Uint8Array>): Pick<Link, 'isHairpin' | 'isIsolated'> {
  const kind = info.get(IFLA_INFO_SLAVE_KIND);
  const data = info.get(IFLA_INFO_SLAVE_DATA);
  if (kind === undefined || data === undefined || readString(kind) !== 'bridge') return {};
  const attributes = indexAttributes(data);
  const mode = attributes.get(IFLA_BRPORT_MODE)?.[0];
  const isolated = attributes.get(IFLA_BRPORT_ISOLATED)?.[0];
  return {
    ...(mode !== undefined && { isHairpin: mode !== 0 }),
    ...(isolated !== undefined && { isIsolated: isolated !== 0 }),
  };
}
