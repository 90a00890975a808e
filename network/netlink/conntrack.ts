/**
 * Connection tracking (linux/netfilter/nfnetlink_conntrack.h): enough to find flows and to make the kernel forget them.
 */
import {
  attribute,
  encodeAttributes,
  indexAttributes,
  nested,
  nestedBytes,
  u16beAttribute,
  u32beAttribute,
  u8Attribute,
} from './attributes.ts';
import type { Attribute } from './attributes.ts';
import { concatBytes, readU32be, requireBytes } from './bytes.ts';
import { addressBytes, addressOfBytes } from '../ipam/address.ts';
import type { Address } from '../ipam/address.ts';
import { NFPROTO_IPV4, NFPROTO_IPV6 } from './nf-tables.ts';
import type { NetlinkRequest } from './socket.ts';

/** One direction of a flow; both addresses are of one family. */
export interface Tuple {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface Flow {
  readonly original: Tuple;
  readonly reply: Tuple;
  /** Tells it from a later flow with the same tuples. */
  readonly id: number;
}

const subsystem = 1 << 8;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const headerBytes = 4;

/** A dump of all flows, of either family. */
export const getFlows: NetlinkRequest = {
  type: subsystem | IPCTNL_MSG_CT_GET,
  payload: new Uint8Array(headerBytes),
  purpose: 'list tracked connections',
};

export function deleteFlow(flow: Flow): NetlinkRequest {
  return {
    type: subsystem | IPCTNL_MSG_CT_DELETE,
    payload: encodeFlow(flow),
    purpose: 'forget a tracked connection',
  };
}

export function encodeFlow({ original, reply, id }: Flow): Uint8Array {
  return concatBytes([
    Uint8Array.of(original.source.family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6, 0, 0, 0),
    encodeAttributes([
      nestedBytes(CTA_TUPLE_ORIG, encodeTuple(original)),
      nestedBytes(CTA_TUPLE_REPLY, encodeTuple(reply)),
      u32beAttribute(CTA_ID, id),
    ]),
  ]);
}

/** null for a flow that is not between ports. */
export function decodeFlow(payload: Uint8Array): Flow | null {
  requireBytes(payload, headerBytes, 'flow');
  const values = indexAttributes(payload.subarray(headerBytes));
  const original = decodeTuple(values.get(CTA_TUPLE_ORIG));
  const reply = decodeTuple(values.get(CTA_TUPLE_REPLY));
  const id = values.get(CTA_ID);
  if (original === null || reply === null || id === undefined) return null;
  return { original, reply, id: readU32be(id, 'flow id') };
}

function encodeTuple(tuple: Tuple): Uint8Array {
  return encodeAttributes([
    nested(CTA_TUPLE_IP, [
      addressAttribute(CTA_IP_V4_SRC, CTA_IP_V6_SRC, tuple.source),
      addressAttribute(CTA_IP_V4_DST, CTA_IP_V6_DST, tuple.destination),
    ]),
    nested(CTA_TUPLE_PROTO, [
      u8Attribute(CTA_PROTO_NUM, tuple.protocol),
      u16beAttribute(CTA_PROTO_SRC_PORT, tuple.sourcePort),
      u16beAttribute(CTA_PROTO_DST_PORT, tuple.destinationPort),
    ]),
  ]);
}

function decodeTuple(bytes: Uint8Array | undefined): Tuple | null {
  const parts = indexAttributes(bytes ?? new Uint8Array());
  const addresses = indexAttributes(parts.get(CTA_TUPLE_IP) ?? new Uint8Array());
  const protocol = indexAttributes(parts.get(CTA_TUPLE_PROTO) ?? new Uint8Array());
  const source = readAddress(addresses, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
  const destination = readAddress(addresses, CTA_IP_V4_DST, CTA_IP_V6_DST);
  const [sourcePort, destinationPort] = [
    protocol.get(CTA_PROTO_SRC_PORT),
    protocol.get(CTA_PROTO_DST_PORT),
  ];
  const number = protocol.get(CTA_PROTO_NUM);
  if (source === null || destination === null || number === undefined) return null;
  // ICMP has a type and an id instead.
  if (sourcePort === undefined || destinationPort === undefined) return null;
  return {
    source,
    destination,
    protocol: requireBytes(number, 1, 'protocol').getUint8(0),
    sourcePort: readPort(sourcePort),
    destinationPort: readPort(destinationPort),
  };
}

function addressAttribute(ipv4: number, ipv6: number, address: Address): Attribute {
  return attribute(address.family === 4 ? ipv4 : ipv6, addressBytes(address));
}

function readAddress(
  values: ReadonlyMap<number, Uint8Array>,
  ipv4: number,
  ipv6: number,
): Address | null {
  const bytes = values.get(ipv4) ?? values.get(ipv6);
  return bytes === undefined ? null : addressOfBytes(bytes);
}

function readPort(bytes: Uint8Array): number {
  return requireBytes(bytes, 2, 'port').getUint16(0, false);
}
