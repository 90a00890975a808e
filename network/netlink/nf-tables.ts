/**
 * nf_tables messages (linux/netfilter/nf_tables.h): tables, chains, sets and maps, their elements, rules, and the
 * frame of a batch. One batch is one transaction of the kernel.
 */
import {
  attribute,
  decodeAttributes,
  encodeAttributes,
  indexAttributes,
  nested,
  nestedBytes,
  stringAttribute,
  u32beAttribute,
} from './attributes.ts';
import type { Attribute } from './attributes.ts';
import {
  concatBytes,
  readI32be,
  readString,
  readU32be,
  readU64be,
  requireBytes,
  u32,
  u32be,
  u64be,
} from './bytes.ts';
import {
  decodeExpressions,
  dataValue,
  encodeExpressions,
  readDataValue,
} from './nf-expressions.ts';
import type { Expression } from './nf-expressions.ts';
import { NLM_F_APPEND, NLM_F_CREATE } from './message.ts';
import type { Message } from './message.ts';
import type { NetlinkRequest } from './socket.ts';

export const NFPROTO_INET = 1;
export const NFPROTO_IPV4 = 2;
export const NFPROTO_IPV6 = 10;

const subsystem = 10 << 8;
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_DELRULE = 8;
const NFT_MSG_NEWSET = 9;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;
const NFT_MSG_DELSETELEM = 14;
const NFT_MSG_NEWGEN = 15;
const NFT_MSG_DESTROYTABLE = 26;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

const headerBytes = 4;

export interface TableName {
  readonly family: number;
  readonly table: string;
}

export interface Chain extends TableName {
  readonly chain: string;
  /** null for a chain that is only jumped to. */
  readonly base: BaseChain | null;
}

export interface BaseChain {
  readonly type: string;
  readonly hook: number;
  readonly priority: number;
  /** NF_ACCEPT or NF_DROP. */
  readonly policy: number;
}

export interface SetDefinition extends TableName {
  readonly set: string;
  /** Unique within a batch. */
  readonly id: number;
  /** nft's number for the type, which `nft list` prints; the kernel knows only lengths. */
  readonly keyType: number;
  readonly keyLength: number;
  /** Keys are in host byte order, as nft must be told to print them: interface names are to it. */
  readonly isHostOrder: boolean;
  /** null for a set. */
  readonly data: { readonly type: number; readonly length: number } | null;
}

export interface SetElement {
  readonly key: Uint8Array;
  /** null in a set. */
  readonly value: Uint8Array | null;
}

export interface Elements extends TableName {
  readonly set: string;
  readonly elements: readonly SetElement[];
}

export interface Rule extends TableName {
  readonly chain: string;
  readonly expressions: readonly (Expression | null)[];
  /** The kernel's number; null before it is there. */
  readonly handle: bigint | null;
}

const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
const NFT_TABLE_F_OWNER = 2;
const NFT_TABLE_F_PERSIST = 4;
const NFTA_GEN = { process: 2, program: 3 } as const;
const NFTA_CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const NFTA_HOOK = { number: 1, priority: 2 } as const;
const NFTA_SET = { table: 1, name: 2, flags: 3, keyType: 4, keyLength: 5, dataType: 6 } as const;
const NFTA_SET_DATA_LEN = 7;
const NFTA_SET_ID = 10;
const NFTA_SET_USERDATA = 13;
const NFT_SET_MAP = 8;
// libnftnl's own: type 0 (order of the key), length 4, then 1 (host order) as a number of the host.
const hostOrder = concatBytes([Uint8Array.of(0, 4), u32(1)]);
const NFTA_ELEMENTS = { table: 1, set: 2, list: 3 } as const;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_RULE = { table: 1, chain: 2, handle: 3, expressions: 4 } as const;

export const beginBatch: Omit<NetlinkRequest, 'purpose'> = {
  type: NFNL_MSG_BATCH_BEGIN,
  payload: Uint8Array.of(0, 0, 0, subsystem >> 8),
};
export const endBatch: Omit<NetlinkRequest, 'purpose'> = {
  type: NFNL_MSG_BATCH_END,
  payload: Uint8Array.of(0, 0, 0, subsystem >> 8),
};

export function newTable(name: TableName): NetlinkRequest {
  const purpose = `create nftables table "${name.table}"`;
  return request(NFT_MSG_NEWTABLE, NLM_F_CREATE, { name, attributes: [], purpose });
}

/**
 * A table that only the socket may change which has made it, so that nobody else's flush touches it. It stays when the
 * socket closes, and is anybody's then. Linux 6.9 has both; earlier ones refuse.
 */
export function newOwnedTable(name: TableName): NetlinkRequest {
  const purpose = `create nftables table "${name.table}"`;
  const flags = u32beAttribute(NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST);
  return request(NFT_MSG_NEWTABLE, NLM_F_CREATE, { name, attributes: [flags], purpose });
}

/** Where there is none it does nothing. Since Linux 6.3. */
export function destroyTable(name: TableName): NetlinkRequest {
  const purpose = `delete nftables table "${name.table}"`;
  return request(NFT_MSG_DESTROYTABLE, 0, { name, attributes: [], purpose });
}

export function deleteTable(name: TableName): NetlinkRequest {
  const purpose = `delete nftables table "${name.table}"`;
  return request(NFT_MSG_DELTABLE, 0, { name, attributes: [], purpose });
}

export function getTable(name: TableName): NetlinkRequest {
  const purpose = `look for nftables table "${name.table}"`;
  return request(NFT_MSG_GETTABLE, 0, { name, attributes: [], purpose });
}

export function newChain(chain: Chain): NetlinkRequest {
  const purpose = `create nftables chain "${chain.chain}"`;
  const attributes = chainAttributes(chain);
  return request(NFT_MSG_NEWCHAIN, NLM_F_CREATE, { name: chain, attributes, purpose });
}

function chainAttributes({ chain, base }: Chain): Attribute[] {
  const attributes = [stringAttribute(NFTA_CHAIN.name, chain)];
  if (base === null) return attributes;
  return [
    ...attributes,
    nested(NFTA_CHAIN.hook, [
      u32beAttribute(NFTA_HOOK.number, base.hook),
      attribute(NFTA_HOOK.priority, u32be(base.priority)),
    ]),
    u32beAttribute(NFTA_CHAIN.policy, base.policy),
    stringAttribute(NFTA_CHAIN.type, base.type),
  ];
}

/** A dump of every chain of a family. */
export function getChains(family: number): NetlinkRequest {
  return {
    type: subsystem | NFT_MSG_GETCHAIN,
    payload: header(family),
    purpose: 'list nftables chains',
  };
}

export function decodeChain(payload: Uint8Array): Chain {
  const { family, values } = split(payload, 'chain');
  const hook = values.get(NFTA_CHAIN.hook);
  return {
    family,
    table: text(values, NFTA_CHAIN.table),
    chain: text(values, NFTA_CHAIN.name),
    base: hook === undefined ? null : decodeBase(hook, values),
  };
}

function decodeBase(hook: Uint8Array, values: Values): BaseChain {
  const parts = indexAttributes(hook);
  return {
    type: text(values, NFTA_CHAIN.type),
    hook: number(parts, NFTA_HOOK.number),
    priority: readI32be(parts.get(NFTA_HOOK.priority) ?? new Uint8Array(), 'chain priority'),
    policy: number(values, NFTA_CHAIN.policy),
  };
}

export function newSet(set: SetDefinition): NetlinkRequest {
  const purpose = `create nftables set "${set.set}"`;
  const attributes = [
    stringAttribute(NFTA_SET.name, set.set),
    u32beAttribute(NFTA_SET.flags, set.data === null ? 0 : NFT_SET_MAP),
    u32beAttribute(NFTA_SET.keyType, set.keyType),
    u32beAttribute(NFTA_SET.keyLength, set.keyLength),
  ];
  if (set.data !== null) {
    attributes.push(u32beAttribute(NFTA_SET.dataType, set.data.type));
    attributes.push(u32beAttribute(NFTA_SET_DATA_LEN, set.data.length));
  }
  attributes.push(u32beAttribute(NFTA_SET_ID, set.id));
  if (set.isHostOrder) attributes.push(attribute(NFTA_SET_USERDATA, hostOrder));
  return request(NFT_MSG_NEWSET, NLM_F_CREATE, { name: set, attributes, purpose });
}

export function decodeSet(payload: Uint8Array): SetDefinition {
  const { family, values } = split(payload, 'set');
  const isMap = values.has(NFTA_SET.dataType);
  return {
    family,
    table: text(values, NFTA_SET.table),
    set: text(values, NFTA_SET.name),
    id: values.has(NFTA_SET_ID) ? number(values, NFTA_SET_ID) : 0,
    keyType: number(values, NFTA_SET.keyType),
    keyLength: number(values, NFTA_SET.keyLength),
    isHostOrder: Buffer.compare(values.get(NFTA_SET_USERDATA) ?? new Uint8Array(), hostOrder) === 0,
    data: isMap
      ? { type: number(values, NFTA_SET.dataType), length: number(values, NFTA_SET_DATA_LEN) }
      : null,
  };
}

// An attribute's length has 16 bits; an element of ours has at most 80 bytes.
const mostElements = 500;

export function newElements(elements: Elements): NetlinkRequest[] {
  return elementMessages(elements, {
    type: NFT_MSG_NEWSETELEM,
    flags: NLM_F_CREATE,
    purpose: `add elements to nftables set "${elements.set}"`,
  });
}

export function deleteElements(elements: Elements): NetlinkRequest[] {
  return elementMessages(elements, {
    type: NFT_MSG_DELSETELEM,
    flags: 0,
    purpose: `remove elements from nftables set "${elements.set}"`,
  });
}

interface ElementMessage {
  readonly type: number;
  readonly flags: number;
  readonly purpose: string;
}

function elementMessages(all: Elements, message: ElementMessage): NetlinkRequest[] {
  const requests: NetlinkRequest[] = [];
  for (let start = 0; start < all.elements.length; start += mostElements) {
    const elements = all.elements.slice(start, start + mostElements);
    const attributes = [
      stringAttribute(NFTA_ELEMENTS.set, all.set),
      nested(NFTA_ELEMENTS.list, elements.map(elementAttribute)),
    ];
    requests.push(
      request(message.type, message.flags, { name: all, attributes, purpose: message.purpose }),
    );
  }
  return requests;
}

function elementAttribute({ key, value }: SetElement): Attribute {
  const parts = [dataValue(NFTA_SET_ELEM_KEY, key)];
  if (value !== null) parts.push(dataValue(NFTA_SET_ELEM_DATA, value));
  return nested(NFTA_LIST_ELEM, parts);
}

/** A dump of a set's elements. */
export function getElements(name: TableName, set: string): NetlinkRequest {
  const purpose = `list nftables set "${set}"`;
  const attributes = [stringAttribute(NFTA_ELEMENTS.set, set)];
  return request(NFT_MSG_GETSETELEM, 0, { name, attributes, purpose });
}

export function decodeElements(payload: Uint8Array): Elements {
  const { family, values } = split(payload, 'set elements');
  const list = decodeAttributes(values.get(NFTA_ELEMENTS.list) ?? new Uint8Array());
  return {
    family,
    table: text(values, NFTA_ELEMENTS.table),
    set: text(values, NFTA_ELEMENTS.set),
    elements: list.map(({ payload: item }) => decodeElement(indexAttributes(item))),
  };
}

function decodeElement(parts: Values): SetElement {
  const value = parts.get(NFTA_SET_ELEM_DATA);
  return {
    key: readDataValue(parts.get(NFTA_SET_ELEM_KEY) ?? new Uint8Array()),
    value: value === undefined ? null : readDataValue(value),
  };
}

/** At the end of the chain, or before everything else in it. */
export function newRule(rule: Rule, place: 'first' | 'last'): NetlinkRequest {
  const expressions = rule.expressions.filter((expression) => expression !== null);
  return request(NFT_MSG_NEWRULE, NLM_F_CREATE | (place === 'last' ? NLM_F_APPEND : 0), {
    name: rule,
    attributes: [
      stringAttribute(NFTA_RULE.chain, rule.chain),
      nestedBytes(NFTA_RULE.expressions, encodeExpressions(expressions)),
    ],
    purpose: `add a rule to nftables chain "${rule.chain}"`,
  });
}

export function deleteRule(rule: Rule & { readonly handle: bigint }): NetlinkRequest {
  return request(NFT_MSG_DELRULE, 0, {
    name: rule,
    attributes: [
      stringAttribute(NFTA_RULE.chain, rule.chain),
      attribute(NFTA_RULE.handle, u64be(rule.handle)),
    ],
    purpose: `remove a rule from nftables chain "${rule.chain}"`,
  });
}

/** A dump of a chain's rules. */
export function getRules(name: TableName, chain: string): NetlinkRequest {
  const attributes = [stringAttribute(NFTA_RULE.chain, chain)];
  const purpose = `list the rules of nftables chain "${chain}"`;
  return request(NFT_MSG_GETRULE, 0, { name, attributes, purpose });
}

export function decodeRule(payload: Uint8Array): Rule {
  const { family, values } = split(payload, 'rule');
  const handle = values.get(NFTA_RULE.handle);
  return {
    family,
    table: text(values, NFTA_RULE.table),
    chain: text(values, NFTA_RULE.chain),
    expressions: decodeExpressions(values.get(NFTA_RULE.expressions) ?? new Uint8Array()),
    handle: handle === undefined ? null : readU64be(handle, 'rule handle'),
  };
}

/** What a notification of group NFNLGRP_NFTABLES is about. */
export type RulesetChange =
  | ({ readonly kind: 'object' } & TableName)
  /** Ends every transaction and says whose it was. */
  | { readonly kind: 'generation'; readonly pid: number; readonly program: string };

/** NFNLGRP_NFTABLES of nfnetlink_compat.h, as a mask. */
export const rulesetGroup: number = 1 << (7 - 1);

/** null for what is none of nf_tables. */
export function decodeChange({ type, payload }: Message): RulesetChange | null {
  if ((type & 0xff00) !== subsystem) return null;
  const { family, values } = split(payload, 'notification');
  if ((type & 0xff) !== NFT_MSG_NEWGEN)
    return { kind: 'object', family, table: text(values, NFTA_TABLE_NAME) };
  return {
    kind: 'generation',
    pid: values.has(NFTA_GEN.process) ? number(values, NFTA_GEN.process) : 0,
    program: text(values, NFTA_GEN.program),
  };
}

interface Body {
  readonly name: TableName;
  readonly attributes: readonly Attribute[];
  readonly purpose: string;
}

/** The table's name is attribute 1 of every message. */
function request(type: number, flags: number, { name, attributes, purpose }: Body): NetlinkRequest {
  const all = [stringAttribute(1, name.table), ...attributes];
  const payload = concatBytes([header(name.family), encodeAttributes(all)]);
  return { type: subsystem | type, flags, payload, purpose };
}

/** struct nfgenmsg: family, version 0, no resource. */
function header(family: number): Uint8Array {
  return Uint8Array.of(family, 0, 0, 0);
}

type Values = ReadonlyMap<number, Uint8Array>;

function split(payload: Uint8Array, what: string): { family: number; values: Values } {
  const family = requireBytes(payload, headerBytes, what).getUint8(0);
  return { family, values: indexAttributes(payload.subarray(headerBytes)) };
}

function text(values: Values, type: number): string {
  return readString(values.get(type) ?? new Uint8Array());
}

function number(values: Values, type: number): number {
  return readU32be(values.get(type) ?? new Uint8Array(), `nftables attribute ${type}`);
}
