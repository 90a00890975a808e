/**
 * nf_tables expressions (linux/netfilter/nf_tables.h): what a rule is made of. Numbers are big-endian in them, except
 * what is loaded into a register in host byte order, which the callers give as bytes.
 */
import {
  attribute,
  decodeAttributes,
  encodeAttributes,
  indexAttributes,
  nested,
  stringAttribute,
  u32beAttribute,
} from './attributes.ts';
import type { Attribute } from './attributes.ts';
import { NetlinkFormatError, readI32be, readString, readU32be, u32be, u64be } from './bytes.ts';

/** 1 to 4 are registers of 16 bytes; 8 to 23 are the same memory in pieces of 4. */
export type Register = number;

export type Expression =
  | { readonly name: 'meta'; readonly key: number; readonly register: Register }
  | { readonly name: 'ct'; readonly key: number; readonly register: Register }
  | {
      readonly name: 'payload';
      readonly base: number;
      readonly offset: number;
      readonly length: number;
      readonly register: Register;
    }
  | {
      readonly name: 'fib';
      readonly result: number;
      readonly flags: number;
      readonly register: Register;
    }
  | {
      readonly name: 'cmp';
      readonly operator: number;
      readonly register: Register;
      readonly value: Uint8Array;
    }
  | {
      readonly name: 'bitwise';
      readonly source: Register;
      readonly register: Register;
      readonly mask: Uint8Array;
      readonly xor: Uint8Array;
    }
  | {
      readonly name: 'lookup';
      readonly set: string;
      readonly source: Register;
      /** Where a map's value goes; null for a set. */
      readonly register: Register | null;
      readonly isInverted: boolean;
    }
  | { readonly name: 'immediate'; readonly register: Register; readonly value: Uint8Array }
  | { readonly name: 'verdict'; readonly code: number }
  | {
      readonly name: 'nat';
      readonly type: number;
      readonly family: number;
      readonly address: Register;
      readonly port: Register;
    }
  | { readonly name: 'masq' }
  | { readonly name: 'counter' };

type Kind = Expression['name'];
type Of<K extends Kind> = Extract<Expression, { name: K }>;
type Values = ReadonlyMap<number, Uint8Array>;

interface Codec<K extends Kind> {
  readonly encode: (expression: Of<K>) => readonly Attribute[];
  readonly decode: (values: Values) => Of<K>;
}

export const META_IIFNAME = 6;
export const META_OIFNAME = 7;
export const META_NFPROTO = 15;
export const META_L4PROTO = 16;
export const CT_STATE = 0;
export const CT_STATUS = 2;
export const PAYLOAD_NETWORK = 1;
export const PAYLOAD_TRANSPORT = 2;
export const FIB_RESULT_ADDRTYPE = 3;
export const FIB_F_DADDR = 2;
export const CMP_EQ = 0;
export const CMP_NEQ = 1;
export const NAT_DNAT = 1;
export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NFT_RETURN = -5;

const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFT_REG_VERDICT = 0;
const LOOKUP_INVERTED = 1;

export function dataValue(type: number, value: Uint8Array): Attribute {
  return nested(type, [attribute(NFTA_DATA_VALUE, value)]);
}

/** The bytes of a data attribute; empty when it is a verdict. */
export function readDataValue(payload: Uint8Array): Uint8Array {
  return indexAttributes(payload).get(NFTA_DATA_VALUE) ?? new Uint8Array();
}

const codecs: { readonly [K in Exclude<Kind, 'verdict'>]: Codec<K> } = {
  meta: {
    encode: ({ register, key }) => [u32beAttribute(1, register), u32beAttribute(2, key)],
    decode: (values) => ({ name: 'meta', register: number(values, 1), key: number(values, 2) }),
  },
  ct: {
    encode: ({ register, key }) => [u32beAttribute(1, register), u32beAttribute(2, key)],
    decode: (values) => ({ name: 'ct', register: number(values, 1), key: number(values, 2) }),
  },
  payload: {
    encode: ({ register, base, offset, length }) => [
      u32beAttribute(1, register),
      u32beAttribute(2, base),
      u32beAttribute(3, offset),
      u32beAttribute(4, length),
    ],
    decode: (values) => ({
      name: 'payload',
      register: number(values, 1),
      base: number(values, 2),
      offset: number(values, 3),
      length: number(values, 4),
    }),
  },
  fib: {
    encode: ({ register, result, flags }) => [
      u32beAttribute(1, register),
      u32beAttribute(2, result),
      u32beAttribute(3, flags),
    ],
    decode: (values) => ({
      name: 'fib',
      register: number(values, 1),
      result: number(values, 2),
      flags: number(values, 3),
    }),
  },
  cmp: {
    encode: ({ register, operator, value }) => [
      u32beAttribute(1, register),
      u32beAttribute(2, operator),
      dataValue(3, value),
    ],
    decode: (values) => ({
      name: 'cmp',
      register: number(values, 1),
      operator: number(values, 2),
      value: readDataValue(bytes(values, 3)),
    }),
  },
  bitwise: {
    encode: ({ source, register, mask, xor }) => [
      u32beAttribute(1, source),
      u32beAttribute(2, register),
      u32beAttribute(3, mask.length),
      dataValue(4, mask),
      dataValue(5, xor),
    ],
    decode: (values) => ({
      name: 'bitwise',
      source: number(values, 1),
      register: number(values, 2),
      mask: readDataValue(bytes(values, 4)),
      xor: readDataValue(bytes(values, 5)),
    }),
  },
  lookup: {
    encode: ({ set, source, register, isInverted }) => [
      stringAttribute(1, set),
      u32beAttribute(2, source),
      ...(register === null ? [] : [u32beAttribute(3, register)]),
      ...(isInverted ? [u32beAttribute(5, LOOKUP_INVERTED)] : []),
    ],
    decode: (values) => ({
      name: 'lookup',
      set: readString(bytes(values, 1)),
      source: number(values, 2),
      register: values.has(3) ? number(values, 3) : null,
      isInverted: values.has(5) && number(values, 5) === LOOKUP_INVERTED,
    }),
  },
  immediate: {
    encode: ({ register, value }) => [u32beAttribute(1, register), dataValue(2, value)],
    decode: (values) => ({
      name: 'immediate',
      register: number(values, 1),
      value: readDataValue(bytes(values, 2)),
    }),
  },
  nat: {
    // The upper ends of both ranges are the lower ones, as nft writes them.
    encode: ({ type, family, address, port }) => [
      u32beAttribute(1, type),
      u32beAttribute(2, family),
      u32beAttribute(3, address),
      u32beAttribute(5, port),
    ],
    decode: (values) => ({
      name: 'nat',
      type: number(values, 1),
      family: number(values, 2),
      address: number(values, 3),
      port: values.has(5) ? number(values, 5) : 0,
    }),
  },
  masq: { encode: () => [], decode: () => ({ name: 'masq' }) },
  counter: {
    encode: () => [attribute(1, u64be(0n)), attribute(2, u64be(0n))],
    decode: () => ({ name: 'counter' }),
  },
};

/** The payload of NFTA_RULE_EXPRESSIONS. */
export function encodeExpressions(expressions: readonly Expression[]): Uint8Array {
  return encodeAttributes(
    expressions.map((expression) => nested(NFTA_LIST_ELEM, encodeExpression(expression))),
  );
}

function encodeExpression(expression: Expression): Attribute[] {
  // A verdict is an immediate whose register is the verdict register.
  if (expression.name === 'verdict') {
    const verdict = nested(NFTA_DATA_VERDICT, [
      attribute(NFTA_VERDICT_CODE, u32be(expression.code)),
    ]);
    return element('immediate', [u32beAttribute(1, NFT_REG_VERDICT), nested(2, [verdict])]);
  }
  // The table is typed per kind; which of its functions fits is known only together with the kind.
  const { encode } = codecs[expression.name];
  return element(expression.name, encode(expression as never));
}

function element(name: string, data: readonly Attribute[]): Attribute[] {
  return [stringAttribute(NFTA_EXPR_NAME, name), nested(NFTA_EXPR_DATA, data)];
}

/** null in place of an expression that is none of ours. */
export function decodeExpressions(payload: Uint8Array): (Expression | null)[] {
  return decodeAttributes(payload).map((item) => decodeExpression(item.payload));
}

function decodeExpression(item: Uint8Array): Expression | null {
  const parts = indexAttributes(item);
  const name = readString(bytes(parts, NFTA_EXPR_NAME));
  const values = indexAttributes(parts.get(NFTA_EXPR_DATA) ?? new Uint8Array());
  if (name === 'immediate' && number(values, 1) === NFT_REG_VERDICT) return decodeVerdict(values);
  return isKnown(name) ? codecs[name].decode(values) : null;
}

function decodeVerdict(values: Values): Expression {
  const verdict = indexAttributes(bytes(values, 2)).get(NFTA_DATA_VERDICT);
  if (verdict === undefined) throw new NetlinkFormatError('verdict expression without verdict');
  const code = bytes(indexAttributes(verdict), NFTA_VERDICT_CODE);
  return { name: 'verdict', code: readI32be(code, 'verdict') };
}

function isKnown(name: string): name is keyof typeof codecs {
  return Object.hasOwn(codecs, name);
}

function bytes(values: Values, type: number): Uint8Array {
  const value = values.get(type);
  if (value === undefined) throw new NetlinkFormatError(`expression lacks attribute ${type}`);
  return value;
}

function number(values: Values, type: number): number {
  return readU32be(bytes(values, type), `attribute ${type} of an expression`);
}
