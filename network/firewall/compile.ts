/** A rule set as nf_tables messages. */
import { concatBytes, u16be, u32 } from '../netlink/bytes.ts';
import { addressBytes, requireAddress } from '../ipam/address.ts';
import type { Family } from '../ipam/address.ts';
import {
  CMP_EQ,
  CMP_NEQ,
  CT_STATE,
  CT_STATUS,
  FIB_F_DADDR,
  FIB_RESULT_ADDRTYPE,
  META_IIFNAME,
  META_L4PROTO,
  META_NFPROTO,
  META_OIFNAME,
  NAT_DNAT,
  NF_ACCEPT,
  NF_DROP,
  NFT_RETURN,
  PAYLOAD_NETWORK,
  PAYLOAD_TRANSPORT,
} from '../netlink/nf-expressions.ts';
import type { Expression } from '../netlink/nf-expressions.ts';
import {
  newChain,
  newElements,
  newRule,
  newSet,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
} from '../netlink/nf-tables.ts';
import type { SetElement } from '../netlink/nf-tables.ts';
import type { NetlinkRequest } from '../netlink/socket.ts';
import type { Field, Part, RuleChain, RuleElement, Ruleset, RuleSet, Side } from './ruleset.ts';

/** nft's number of each type, and how many bytes a value has. */
const fields: Record<Field, { readonly type: number; readonly length: number }> = {
  ifname: { type: 41, length: 16 },
  inet_proto: { type: 12, length: 1 },
  ipv4_addr: { type: 7, length: 4 },
  ipv6_addr: { type: 8, length: 16 },
  inet_service: { type: 13, length: 2 },
};

const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Everything, into a table that is empty. */
export function compileRuleset({ table, sets, chains }: Ruleset): NetlinkRequest[] {
  const name = { family: NFPROTO_INET, table };
  return [
    ...sets.map((set, index) => newSet({ ...name, ...definition(set), id: index + 1 })),
    ...sets.flatMap((set) => compileElements(table, set)),
    ...chains.flatMap((chain) => compileChain(table, chain)),
  ];
}

/** The elements of one set, to add or to remove. */
export function compileElements(
  table: string,
  set: RuleSet,
  compile: typeof newElements = newElements,
): NetlinkRequest[] {
  const elements = set.elements.map((element) => compileElement(set, element));
  return compile({ family: NFPROTO_INET, table, set: set.name, elements });
}

function definition({ name, key, value }: RuleSet): {
  set: string;
  keyType: number;
  keyLength: number;
  isHostOrder: boolean;
  data: { type: number; length: number } | null;
} {
  const { type: keyType, length: keyLength } = concatenation(key);
  const isHostOrder = key.length === 1 && key[0] === 'ifname';
  const data = value === null ? null : concatenation(value);
  return { set: name, keyType, keyLength, isHostOrder, data };
}

/** nft shifts six bits per part; the kernel gives every part of several its own four-byte registers. */
function concatenation(parts: readonly Field[]): { type: number; length: number } {
  let type = 0;
  for (const part of parts) type = (type << 6) | fields[part].type;
  const lengths = parts.map((part) => fields[part].length);
  const isSingle = parts.length === 1;
  return { type, length: lengths.reduce((sum, one) => sum + (isSingle ? one : padded(one)), 0) };
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function compileElement({ key, value }: RuleSet, element: RuleElement): SetElement {
  return {
    key: encodeValues(key, element.key),
    value: value === null ? null : encodeValues(value, element.value ?? []),
  };
}

function encodeValues(types: readonly Field[], values: readonly string[]): Uint8Array {
  const isSingle = types.length === 1;
  return concatBytes(
    types.map((type, index) => {
      const { length } = fields[type];
      const bytes = new Uint8Array(isSingle ? length : padded(length));
      bytes.set(encodeValue(type, values[index] ?? ''));
      return bytes;
    }),
  );
}

function encodeValue(type: Field, value: string): Uint8Array {
  switch (type) {
    case 'ifname':
      return new TextEncoder().encode(value);
    case 'inet_proto':
      return Uint8Array.of(protocols[value] ?? Number(value));
    case 'ipv4_addr':
    case 'ipv6_addr':
      return addressBytes(requireAddress(value));
    case 'inet_service':
      return u16be(Number(value));
  }
}

function compileChain(table: string, chain: RuleChain): NetlinkRequest[] {
  const name = { family: NFPROTO_INET, table, chain: chain.name };
  const base = {
    type: chain.type,
    hook: hooks[chain.hook],
    priority: chain.priority,
    policy: NF_ACCEPT,
  };
  return [
    newChain({ ...name, base }),
    ...chain.rules.map((parts) =>
      newRule({ ...name, expressions: parts.flatMap(compilePart), handle: null }, 'last'),
    ),
  ];
}

const metaKeys: Record<Side, number> = { iifname: META_IIFNAME, oifname: META_OIFNAME };

/** Registers: 1 to 4 have 16 bytes each, 8 is the first four bytes of 1, 9 the second, and so on. */
function compilePart(part: Part): readonly Expression[] {
  switch (part.kind) {
    case 'interface':
      return [
        { name: 'meta', key: metaKeys[part.side], register: 1 },
        lookup(part.set, part.isNot === true),
      ];
    case 'interfaces':
      return [
        { name: 'meta', key: META_IIFNAME, register: 1 },
        { name: 'meta', key: META_OIFNAME, register: 2 },
        lookup(part.set, false),
      ];
    case 'family':
      return isOf(part.family);
    case 'addresses':
      return [...isOf(part.family), ...bothAddresses(part.family), lookup(part.set, false)];
    case 'destination':
      return [...isOf(6), ...destination6(part.hasAddress), lookup(part.set, false)];
    case 'loopback-address':
      return loopbackAddress(part);
    case 'local-destination':
      return [
        { name: 'fib', result: FIB_RESULT_ADDRTYPE, flags: FIB_F_DADDR, register: 1 },
        equals(u32(RTN_LOCAL)),
      ];
    case 'established':
      return [...anyBit(CT_STATE, CT_STATE_ESTABLISHED | CT_STATE_RELATED)];
    case 'translated':
      return [...anyBit(CT_STATUS, IPS_DST_NAT)];
    case 'untranslated':
      return [...noBit(CT_STATUS, IPS_SRC_NAT | IPS_DST_NAT)];
    case 'dnat':
      return part.family === 4 ? translate(part) : translate6(part);
    case 'masquerade':
      return [{ name: 'masq' }];
    case 'accept':
      return [{ name: 'verdict', code: NF_ACCEPT }];
    case 'drop':
      return [{ name: 'verdict', code: NF_DROP }];
    case 'return':
      return [{ name: 'verdict', code: NFT_RETURN }];
  }
}

// rtnetlink.h, nf_conntrack_common.h: bits of `ct state` are 1 << (ip_conntrack_info + 1).
const RTN_LOCAL = 2;
const CT_STATE_ESTABLISHED = 2;
const CT_STATE_RELATED = 4;
const IPS_SRC_NAT = 0x10;
const IPS_DST_NAT = 0x20;

function isOf(family: Family): readonly Expression[] {
  const number = family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  return [{ name: 'meta', key: META_NFPROTO, register: 1 }, equals(Uint8Array.of(number))];
}

function loopbackAddress({
  family,
  end,
}: Extract<Part, { kind: 'loopback-address' }>): readonly Expression[] {
  const isSource = end === 'saddr';
  return family === 4
    ? [...isOf(4), payload(PAYLOAD_NETWORK, isSource ? 12 : 16, 1), equals(Uint8Array.of(127))]
    : [
        ...isOf(6),
        payload(PAYLOAD_NETWORK, isSource ? 8 : 24, 16),
        equals(addressBytes(requireAddress('::1'))),
      ];
}

/** Source and destination, one behind the other. */
function bothAddresses(family: Family): readonly Expression[] {
  if (family === 4) {
    const destination = { ...payload(PAYLOAD_NETWORK, 16, 4), register: 9 };
    return [payload(PAYLOAD_NETWORK, 12, 4), destination];
  }
  return [payload(PAYLOAD_NETWORK, 8, 16), { ...payload(PAYLOAD_NETWORK, 24, 16), register: 2 }];
}

type Translation = Extract<Part, { kind: 'dnat' }>;

function translate({ map, hasAddress }: Translation): readonly Expression[] {
  const protocol = payload(PAYLOAD_NETWORK, 9, 1);
  const address = payload(PAYLOAD_NETWORK, 16, 4);
  const port = payload(PAYLOAD_TRANSPORT, 2, 2);
  const key = hasAddress
    ? [protocol, { ...address, register: 9 }, { ...port, register: 10 }]
    : [protocol, { ...port, register: 9 }];
  return [
    ...isOf(4),
    ...key,
    { name: 'lookup', set: map, source: 1, register: 1, isInverted: false },
    { name: 'nat', type: NAT_DNAT, family: NFPROTO_IPV4, address: 1, port: 9 },
  ];
}

/** The protocol is behind headers of any number, which the kernel has gone through. */
function destination6(hasAddress: boolean): readonly Expression[] {
  const protocol: Expression = { name: 'meta', key: META_L4PROTO, register: 1 };
  const address = { ...payload(PAYLOAD_NETWORK, 24, 16), register: 9 };
  const port = payload(PAYLOAD_TRANSPORT, 2, 2);
  return hasAddress
    ? [protocol, address, { ...port, register: 13 }]
    : [protocol, { ...port, register: 9 }];
}

function translate6({ map, hasAddress }: Translation): readonly Expression[] {
  return [
    ...isOf(6),
    ...destination6(hasAddress),
    { name: 'lookup', set: map, source: 1, register: 1, isInverted: false },
    { name: 'nat', type: NAT_DNAT, family: NFPROTO_IPV6, address: 1, port: 2 },
  ];
}

function lookup(set: string, isInverted: boolean): Expression {
  return { name: 'lookup', set, source: 1, register: null, isInverted };
}

function payload(base: number, offset: number, length: number): Expression & { name: 'payload' } {
  return { name: 'payload', base, offset, length, register: 1 };
}

function equals(value: Uint8Array): Expression {
  return { name: 'cmp', operator: CMP_EQ, register: 1, value };
}

function anyBit(key: number, mask: number): readonly Expression[] {
  return compareBits(key, mask, CMP_NEQ);
}

function noBit(key: number, mask: number): readonly Expression[] {
  return compareBits(key, mask, CMP_EQ);
}

/** With none of them. */
function compareBits(key: number, mask: number, operator: number): readonly Expression[] {
  return [
    { name: 'ct', key, register: 1 },
    { name: 'bitwise', source: 1, register: 1, mask: u32(mask), xor: new Uint8Array(4) },
    { name: 'cmp', operator, register: 1, value: new Uint8Array(4) },
  ];
}
