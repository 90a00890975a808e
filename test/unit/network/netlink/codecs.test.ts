import { describe, expect, test } from 'vitest';
import {
  decodeAttributes,
  encodeAttributes,
  NLA_F_NESTED,
} from '../../../../network/netlink/attributes.ts';
import { addressOfBytes } from '../../../../network/ipam/address.ts';
import type { Address, Family } from '../../../../network/ipam/address.ts';
import { decodeAddress, encodeAddress } from '../../../../network/netlink/address.ts';
import type { InterfaceAddress } from '../../../../network/netlink/address.ts';
import { NetlinkFormatError } from '../../../../network/netlink/bytes.ts';
import { decodeFlow, encodeFlow } from '../../../../network/netlink/conntrack.ts';
import type { Tuple } from '../../../../network/netlink/conntrack.ts';
import { decodeLink, encodeLink } from '../../../../network/netlink/link.ts';
import type { Link } from '../../../../network/netlink/link.ts';
import {
  decodeMessages,
  decodeVerdict,
  encodeMessages,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_ERROR,
} from '../../../../network/netlink/message.ts';
import { decodeRoute, encodeRoute } from '../../../../network/netlink/route.ts';
import {
  decodeExpressions,
  encodeExpressions,
} from '../../../../network/netlink/nf-expressions.ts';
import type { Expression } from '../../../../network/netlink/nf-expressions.ts';
import {
  decodeChain,
  decodeChange,
  decodeElements,
  decodeRule,
  decodeSet,
  deleteElements,
  deleteRule,
  newChain,
  newElements,
  newRule,
  newSet,
} from '../../../../network/netlink/nf-tables.ts';
import { defined, Random, rounds } from '../random.ts';

const u32 = 2 ** 32;

const makers = {
  attributes: (random: Random) =>
    random.list(6, () => ({
      type: random.below(0x4000),
      flags: random.pick([0, NLA_F_NESTED, 0x4000]),
      payload: random.bytes(40),
    })),
  messages: (random: Random) =>
    random.list(4, () => ({
      type: random.below(0x10000),
      flags: random.below(0x10000),
      sequence: random.below(u32),
      payload: random.bytes(50),
    })),
  link: (random: Random): Link => ({
    ...someLink(random),
    ...defined({
      kind: 'veth',
      peer: random.maybe(() => someLink(random)),
      isHairpin: random.maybe(() => random.below(2) === 1),
    }),
  }),
  address: (random: Random) =>
    defined({
      index: random.below(u32),
      prefixLength: random.below(33),
      ...someAddresses(random),
      isUnchecked: random.maybe(() => true),
    }),
  flow: (random: Random) => {
    const family = random.pick<Family>([4, 6]);
    return {
      original: someTuple(random, family),
      reply: someTuple(random, family),
      id: random.below(u32),
    };
  },
  route: (random: Random) => {
    const prefixLength = random.below(33);
    const family = random.pick<Family>([4, 6]);
    return defined({
      destination: prefixLength === 0 ? { family, value: 0n } : someAddress(random, family),
      prefixLength,
      table: random.below(u32),
      scope: random.below(256),
      type: random.below(256),
      gateway: random.maybe(() => someAddress(random, family)),
      outputIndex: random.maybe(() => random.below(u32)),
    });
  },
};

function someAddress(random: Random, family: Family): Address {
  const bytes = Uint8Array.from({ length: family === 4 ? 4 : 16 }, () => random.below(256));
  return addressOfBytes(bytes) as Address;
}

function someAddresses(random: Random): Pick<InterfaceAddress, 'local' | 'peer' | 'broadcast'> {
  const family = random.pick<Family>([4, 6]);
  return defined({
    local: someAddress(random, family),
    peer: someAddress(random, family),
    broadcast: random.maybe(() => someAddress(random, family)),
  });
}

function someTuple(random: Random, family: Family): Tuple {
  return {
    source: someAddress(random, family),
    destination: someAddress(random, family),
    protocol: random.below(256),
    sourcePort: random.below(0x10000),
    destinationPort: random.below(0x10000),
  };
}

function someLink(random: Random): Link {
  return defined({
    index: random.below(2 ** 31),
    flags: random.below(u32),
    change: random.below(u32),
    name: random.maybe(() => random.word()),
    hardwareAddress: random.maybe(() => Uint8Array.from({ length: 6 }, () => random.below(256))),
    mtu: random.maybe(() => random.below(u32)),
    master: random.maybe(() => random.below(u32)),
    peerIndex: random.maybe(() => random.below(u32)),
    group: random.maybe(() => random.below(u32)),
    transmitQueues: random.maybe(() => random.below(u32)),
    receiveQueues: random.maybe(() => random.below(u32)),
    namespaceFd: random.maybe(() => random.below(u32)),
  });
}

function someExpression(random: Random): Expression {
  const register = 1 + random.below(20);
  const value = random.bytes(16);
  return random.pick<Expression>([
    { name: 'meta', key: random.below(30), register },
    { name: 'ct', key: random.below(30), register },
    {
      name: 'payload',
      base: random.below(3),
      offset: random.below(99),
      length: random.below(9),
      register,
    },
    { name: 'fib', result: random.below(4), flags: random.below(9), register },
    { name: 'cmp', operator: random.below(6), register, value },
    { name: 'bitwise', source: register, register, mask: value, xor: value },
    { name: 'lookup', set: random.word(), source: register, register: null, isInverted: true },
    { name: 'lookup', set: random.word(), source: register, register, isInverted: false },
    { name: 'immediate', register, value },
    { name: 'verdict', code: random.pick([0, 1, -5]) },
    { name: 'nat', type: random.below(2), family: 2, address: register, port: register },
    { name: 'masq' },
    { name: 'counter' },
  ]);
}

function someElements(random: Random): Parameters<typeof newElements>[0] {
  return {
    family: random.below(10),
    table: random.word(),
    set: random.word(),
    elements: Array.from({ length: 1 + random.below(20) }, () => ({
      key: random.bytes(16),
      value: random.maybe(() => random.bytes(8)) ?? null,
    })),
  };
}

describe('decoding must give back what was encoded', () => {
  test.each([
    {
      name: 'attributes',
      make: makers.attributes,
      encode: encodeAttributes,
      decode: decodeAttributes,
    },
    {
      name: 'messages',
      make: makers.messages,
      encode: encodeMessages,
      decode: (bytes: Uint8Array) =>
        decodeMessages(bytes).map(({ origin, ...message }) => {
          expect(origin).toBe(0);
          return message;
        }),
    },
    { name: 'links', make: makers.link, encode: encodeLink, decode: decodeLink },
    { name: 'addresses', make: makers.address, encode: encodeAddress, decode: decodeAddress },
    { name: 'flows', make: makers.flow, encode: encodeFlow, decode: decodeFlow },
    { name: 'routes', make: makers.route, encode: encodeRoute, decode: decodeRoute },
    {
      name: 'expressions',
      make: (random: Random) => random.list(8, () => someExpression(random)),
      encode: encodeExpressions,
      decode: decodeExpressions,
    },
    {
      name: 'elements to add',
      make: someElements,
      encode: (value: ReturnType<typeof someElements>) => newElements(value)[0]?.payload,
      decode: decodeElements,
    },
    {
      name: 'elements to remove',
      make: someElements,
      encode: (value: ReturnType<typeof someElements>) => deleteElements(value)[0]?.payload,
      decode: decodeElements,
    },
    {
      name: 'chains',
      make: (random: Random) => ({
        family: random.below(10),
        table: random.word(),
        chain: random.word(),
        base: random.pick([
          null,
          {
            type: random.word(),
            hook: random.below(5),
            priority: random.below(900) - 450,
            policy: random.below(2),
          },
        ]),
      }),
      encode: (chain: Parameters<typeof newChain>[0]) => newChain(chain).payload,
      decode: decodeChain,
    },
    {
      name: 'sets',
      make: (random: Random) => ({
        family: random.below(10),
        table: random.word(),
        set: random.word(),
        id: random.below(u32),
        keyType: random.below(u32),
        keyLength: random.below(64),
        isHostOrder: random.below(2) === 1,
        data: random.pick([null, { type: random.below(u32), length: random.below(64) }]),
      }),
      encode: (set: Parameters<typeof newSet>[0]) => newSet(set).payload,
      decode: decodeSet,
    },
    {
      name: 'rules',
      make: (random: Random) => ({
        family: random.below(10),
        table: random.word(),
        chain: random.word(),
        expressions: random.list(5, () => someExpression(random)),
        handle: null,
      }),
      encode: (rule: Parameters<typeof newRule>[0]) => newRule(rule, 'last').payload,
      decode: decodeRule,
    },
    {
      name: 'handles of rules',
      make: (random: Random) => ({
        family: 2,
        table: random.word(),
        chain: random.word(),
        expressions: [],
        handle: BigInt(random.below(u32)) * BigInt(u32) + BigInt(random.below(u32)),
      }),
      encode: (rule: Parameters<typeof deleteRule>[0]) => deleteRule(rule).payload,
      decode: decodeRule,
    },
  ])('$name', ({ make, encode, decode }) => {
    for (let seed = 1; seed <= rounds; seed++) {
      const value = make(new Random(seed));
      const bytes = (encode as (value: unknown) => Uint8Array)(value);
      expect(decode(bytes), `seed ${seed}`).toEqual(value);
    }
  });
});

describe('decoding must fail with a NetlinkFormatError or not at all', () => {
  const decoders = {
    decodeAttributes,
    decodeMessages,
    decodeLink,
    decodeAddress,
    decodeRoute,
    decodeFlow,
    decodeExpressions,
    decodeElements,
    decodeChain,
    decodeSet,
    decodeRule,
    decodeChange: (payload: Uint8Array) =>
      decodeChange({ type: (10 << 8) | (payload.length % 32), flags: 0, sequence: 0, payload }),
    decodeVerdict: (payload: Uint8Array) =>
      decodeVerdict({ type: NLMSG_ERROR, flags: NLM_F_ACK_TLVS, sequence: 0, payload }),
  };

  test.each(Object.entries(decoders))('%s', (_, decode) => {
    const valid = seeds();
    for (let seed = 1; seed <= rounds * 4; seed++) {
      const random = new Random(seed);
      const bytes = random.below(2) === 0 ? random.bytes(80) : damage(random, random.pick(valid));
      try {
        decode(bytes);
      } catch (error) {
        expect(error, `seed ${seed}`).toBeInstanceOf(NetlinkFormatError);
      }
    }
  });

  /** Bytes that are right, to be made wrong in places. */
  function seeds(): readonly Uint8Array[] {
    const random = new Random(7);
    return [
      encodeLink(makers.link(random)),
      encodeAddress(makers.address(random)),
      encodeRoute(makers.route(random)),
      encodeFlow(makers.flow(random)),
      encodeMessages(makers.messages(random)),
      encodeExpressions(random.list(8, () => someExpression(random))),
      ...newElements(someElements(random)).map(({ payload }) => payload),
    ];
  }

  function damage(random: Random, bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice(0, bytes.length - random.below(4));
    for (let times = random.below(5); times > 0 && copy.length > 0; times--)
      copy[random.below(copy.length)] = random.below(256);
    return copy;
  }
});

describe('a verdict', () => {
  const error = (errno: number): number[] => [...new Uint8Array(Int32Array.of(-errno).buffer)];
  const header = (length: number): number[] => [
    ...new Uint8Array(Uint32Array.of(length, 0, 0, 0).buffer),
  ];
  const reason = [
    ...encodeAttributes([
      { type: 1, flags: 0, payload: new TextEncoder().encode('no such thing\0') },
    ]),
  ];

  test('must be an acknowledgement when its errno is 0', () => {
    const payload = Uint8Array.from([...error(0), ...header(16)]);
    expect(decodeVerdict({ type: NLMSG_ERROR, flags: 0, sequence: 1, payload })).toEqual({
      errno: 0,
      reason: '',
    });
  });

  test.each([
    { name: 'capped', flags: NLM_F_ACK_TLVS | NLM_F_CAPPED, quoted: header(400) },
    { name: 'whole', flags: NLM_F_ACK_TLVS, quoted: [...header(20), 1, 2, 3, 4] },
  ])('must carry the kernel’s words behind a message quoted $name', ({ flags, quoted }) => {
    const payload = Uint8Array.from([...error(19), ...quoted, ...reason]);
    expect(decodeVerdict({ type: NLMSG_ERROR, flags, sequence: 1, payload })).toEqual({
      errno: 19,
      reason: 'no such thing',
    });
  });
});

test('many elements must be split, as an attribute has 64 KiB at most', () => {
  const elements = Array.from({ length: 1200 }, (_, index) => ({
    key: Uint8Array.of(index >> 8, index),
    value: null,
  }));
  const messages = newElements({ family: 1, table: 't', set: 's', elements });
  expect(messages).toHaveLength(3);
  expect(messages.flatMap(({ payload }) => decodeElements(payload).elements)).toEqual(elements);
});

/** linux/if_link.h: IFLA_INFO_KIND, and IFLA_INFO_DATA with the attributes of the kind. */
test.each([
  [{ kind: 'macvlan', mode: 4 }, [[1, [4, 0, 0, 0]]]],
  [
    { kind: 'ipvlan', mode: 1, modeFlags: 2 },
    [
      [1, [1, 0]],
      [2, [2, 0]],
    ],
  ],
  [{ kind: 'vlan', vlanId: 300 }, [[1, [44, 1]]]],
])('a link of %j must have the data of its kind', (link, expected) => {
  const bytes = encodeLink({ index: 0, flags: 0, change: 0, ...link });
  const [info] = decodeAttributes(bytes.subarray(16)).filter(({ type }) => type === 18);
  const parts = decodeAttributes(info?.payload ?? new Uint8Array());
  const data = parts.find(({ type }) => type === 2)?.payload ?? new Uint8Array();
  const found = decodeAttributes(data).map(({ type, payload }) => [type, [...payload]]);
  expect(found).toEqual(expected);
});
