/**
 * Inside a sandbox, questions to 127.0.0.11:53 go to the resolver's sockets. They are bound to a port nobody asks for,
 * because a socket on 127.0.0.11:53 would keep a container from binding 0.0.0.0:53.
 */
import { addressBytes, requireAddress } from '../ipam/address.ts';
import { u16be } from '../netlink/bytes.ts';
import {
  CMP_EQ,
  META_L4PROTO,
  NAT_DNAT,
  NF_ACCEPT,
  PAYLOAD_NETWORK,
  PAYLOAD_TRANSPORT,
} from '../netlink/nf-expressions.ts';
import type { Expression } from '../netlink/nf-expressions.ts';
import {
  beginBatch,
  deleteTable,
  endBatch,
  newChain,
  newRule,
  newTable,
  NFPROTO_IPV4,
} from '../netlink/nf-tables.ts';
import type { NetlinkRequest, Transaction } from '../netlink/socket.ts';

export const dnsAddress = '127.0.0.11';
/** Above the default range of ephemeral ports, ip(7). */
export const dnsPort = 63_053;

const name = { family: NFPROTO_IPV4, table: 'tscompose_dns' };
const hookOutput = 3;
const priorityDestinationNat = -100;

const address = addressBytes(requireAddress(dnsAddress));

function redirect(protocol: number): NetlinkRequest {
  const expressions: readonly Expression[] = [
    { name: 'payload', base: PAYLOAD_NETWORK, offset: 16, length: 4, register: 1 },
    { name: 'cmp', operator: CMP_EQ, register: 1, value: address },
    { name: 'meta', key: META_L4PROTO, register: 1 },
    { name: 'cmp', operator: CMP_EQ, register: 1, value: Uint8Array.of(protocol) },
    { name: 'payload', base: PAYLOAD_TRANSPORT, offset: 2, length: 2, register: 1 },
    { name: 'cmp', operator: CMP_EQ, register: 1, value: u16be(53) },
    { name: 'immediate', register: 1, value: address },
    { name: 'immediate', register: 2, value: u16be(dnsPort) },
    { name: 'nat', type: NAT_DNAT, family: NFPROTO_IPV4, address: 1, port: 2 },
  ];
  return newRule({ ...name, chain: 'output', expressions, handle: null }, 'last');
}

const rules = [
  newTable(name),
  newChain({
    ...name,
    chain: 'output',
    base: { type: 'nat', hook: hookOutput, priority: priorityDestinationNat, policy: NF_ACCEPT },
  }),
  redirect(17),
  redirect(6),
];

/** The same in every sandbox. */
export const dnsRules: Transaction = { begin: beginBatch, requests: rules, end: endBatch };

/** For a sandbox that may have them: a table must be there to be deleted. */
export const dnsRulesAnew: Transaction = {
  begin: beginBatch,
  requests: [newTable(name), deleteTable(name), ...rules],
  end: endBatch,
};
