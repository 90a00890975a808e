import { describe, expect, test } from 'vitest';
import { compileRuleset } from '../../../../network/firewall/compile.ts';
import { chooseChain, isSameRule } from '../../../../network/firewall/foreign.ts';
import { printRuleset } from '../../../../network/firewall/print.ts';
import { buildRuleset } from '../../../../network/firewall/ruleset.ts';
import type { FirewallState } from '../../../../network/firewall/ruleset.ts';
import { decodeElements, decodeRule } from '../../../../network/netlink/nf-tables.ts';

const state: FirewallState = {
  networks: [
    { bridge: 'tsc111111111111', isInternal: false, isOpenWithin: true, isMasqueraded: true },
    { bridge: 'tsc222222222222', isInternal: true, isOpenWithin: false, isMasqueraded: false },
  ],
  ports: [
    {
      protocol: 'tcp',
      hostIp: '0.0.0.0',
      published: 8080,
      target: { address: '172.18.0.2', port: 80 },
    },
    {
      protocol: 'udp',
      hostIp: '0.0.0.0',
      published: 5300,
      target: { address: '172.18.0.3', port: 53 },
    },
    {
      protocol: 'tcp',
      hostIp: '127.0.0.1',
      published: 8081,
      target: { address: '172.18.0.2', port: 81 },
    },
    {
      protocol: 'tcp',
      hostIp: '::',
      published: 8080,
      target: { address: 'fd00::2', port: 80 },
    },
    {
      protocol: 'tcp',
      hostIp: 'fd01::1',
      published: 8081,
      target: { address: 'fd00::2', port: 81 },
    },
    {
      protocol: 'udp',
      hostIp: '::',
      published: 5301,
      target: { address: '172.18.0.3', port: 53 },
    },
  ],
  uplinks: ['eth0', 'wlan0'],
  uplinks6: ['eth0'],
};

describe('the rule set', () => {
  test('must be, as a whole', () => {
    expect(printRuleset(buildRuleset('tscompose-1a2b3c', state)))
      .toBe(`table inet tscompose_1a2b3c {
	set bridges {
		type ifname
		elements = { "tsc111111111111",
			     "tsc222222222222" }
	}

	set internal {
		type ifname
		elements = { "tsc222222222222" }
	}

	set masqueraded {
		type ifname
		elements = { "tsc111111111111" }
	}

	set uplinks {
		type ifname
		elements = { "eth0",
			     "wlan0" }
	}

	set uplinks6 {
		type ifname
		elements = { "eth0" }
	}

	set within {
		type ifname . ifname
		elements = { "tsc111111111111" . "tsc111111111111",
			     "tsc222222222222" . "tsc222222222222" }
	}

	set open {
		type ifname . ifname
		elements = { "tsc111111111111" . "tsc111111111111" }
	}

	set own {
		type ipv4_addr . ipv4_addr
		elements = { 172.18.0.2 . 172.18.0.2,
			     172.18.0.3 . 172.18.0.3 }
	}

	map bound {
		type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service
		elements = { tcp . 127.0.0.1 . 8081 : 172.18.0.2 . 81 }
	}

	map published {
		type inet_proto . inet_service : ipv4_addr . inet_service
		elements = { tcp . 8080 : 172.18.0.2 . 80,
			     udp . 5300 : 172.18.0.3 . 53 }
	}

	set own6 {
		type ipv6_addr . ipv6_addr
		elements = { fd00::2 . fd00::2 }
	}

	map bound6 {
		type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service
		elements = { tcp . fd01::1 . 8081 : fd00::2 . 81 }
	}

	map published6 {
		type inet_proto . inet_service : ipv6_addr . inet_service
		elements = { tcp . 8080 : fd00::2 . 80 }
	}

	set relayed_bound {
		type inet_proto . ipv6_addr . inet_service
		elements = { tcp . fd01::1 . 8081 }
	}

	set relayed {
		type inet_proto . inet_service
		elements = { tcp . 8080,
			     udp . 5301 }
	}

	chain raw {
		type filter hook prerouting priority raw; policy accept;
		ip daddr 127.0.0.0/8 iifname @bridges drop
		ip saddr 127.0.0.0/8 iifname @bridges drop
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 127.0.0.0/8 return
		fib daddr type local dnat ip to ip protocol . ip daddr . th dport map @bound
		fib daddr type local dnat ip to ip protocol . th dport map @published
		ip6 daddr ::1 return
		fib daddr type local dnat ip6 to meta l4proto . ip6 daddr . th dport map @bound6
		fib daddr type local meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @published6
	}

	chain output {
		type nat hook output priority -100; policy accept;
		fib daddr type local dnat ip to ip protocol . ip daddr . th dport map @bound
		fib daddr type local dnat ip to ip protocol . th dport map @published
		ip6 daddr ::1 return
		fib daddr type local dnat ip6 to meta l4proto . ip6 daddr . th dport map @bound6
		fib daddr type local meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @published6
	}

	chain input {
		type filter hook input priority filter - 1; policy accept;
		iifname @internal meta l4proto . ip6 daddr . th dport @relayed_bound drop
		iifname @internal meta nfproto ipv6 meta l4proto . th dport @relayed drop
	}

	chain forward {
		type filter hook forward priority filter - 1; policy accept;
		iifname . oifname @open accept
		iifname @internal drop
		oifname @internal drop
		ct status ! snat,dnat oifname @bridges drop
		ct state established,related accept
		oifname @bridges ct status dnat accept
		oifname @bridges drop
		meta nfproto ipv4 iifname @uplinks oifname @uplinks drop
		meta nfproto ipv6 iifname @uplinks6 oifname @uplinks6 drop
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname @bridges ip saddr 127.0.0.0/8 masquerade
		iifname . oifname @within ct status dnat masquerade
		oifname @bridges ip saddr . ip daddr @own masquerade
		oifname @bridges ip6 saddr . ip6 daddr @own6 masquerade
		iifname @masqueraded oifname != @bridges masquerade
	}
}
`);
  });

  test('must have the same chains whatever the networks and ports', () => {
    const empty = buildRuleset('tscompose', { networks: [], ports: [], uplinks: [], uplinks6: [] });
    expect(empty.chains).toEqual(buildRuleset('tscompose', state).chains);
    expect(empty.sets.every(({ elements }) => elements.length === 0)).toBe(true);
  });

  test('must become one element per published port', () => {
    const published = compileRuleset(buildRuleset('tscompose', state))
      .filter(({ purpose }) => purpose === 'add elements to nftables set "published"')
      .flatMap(({ payload }) => decodeElements(payload).elements);
    expect(published.map(({ key, value }) => [hex(key), hex(value)])).toEqual([
      ['060000001f900000', 'ac12000200500000'],
      ['1100000014b40000', 'ac12000300350000'],
    ]);
  });

  test('must have rules that each end in a decision', () => {
    const rules = compileRuleset(buildRuleset('tscompose', state))
      .filter(({ purpose }) => purpose.startsWith('add a rule'))
      .map(({ payload }) => decodeRule(payload));
    const last = rules.map(({ expressions }) => expressions.at(-1)?.name);
    expect(new Set(last)).toEqual(new Set(['verdict', 'nat', 'masq']));
    expect(rules.flatMap(({ expressions }) => expressions)).not.toContain(null);
  });
});

function hex(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

describe('a chain of others', () => {
  const base = { type: 'filter', hook: 2, priority: 0, policy: 0 };
  const forward = { family: 2, table: 'filter', chain: 'FORWARD', base };
  const docker = { family: 2, table: 'filter', chain: 'DOCKER-USER', base: null };

  test.each([
    { name: 'nothing is there', chains: [], expected: null },
    { name: 'FORWARD drops', chains: [forward], expected: forward },
    {
      name: 'FORWARD accepts',
      chains: [{ ...forward, base: { ...base, policy: 1 } }],
      expected: null,
    },
    { name: 'Docker is there', chains: [forward, docker], expected: docker },
    {
      name: 'FORWARD of IPv6 drops, which is another family',
      chains: [{ ...forward, family: 10 }],
      expected: null,
    },
    { name: 'another table has the name', chains: [{ ...docker, table: 'other' }], expected: null },
  ])('must be entered where it decides: $name', ({ chains, expected }) => {
    expect(chooseChain(chains, 2)).toBe(expected);
  });

  test('must be entered for IPv6 as for IPv4', () => {
    const forward6 = { ...forward, family: 10 };
    expect(chooseChain([forward, docker, forward6], 10)).toBe(forward6);
    expect(chooseChain([forward, docker], 10)).toBe(null);
  });

  test('must be told to have our rule by all of it', () => {
    const wanted = [
      { name: 'meta', key: 6, register: 1 },
      { name: 'cmp', operator: 0, register: 1, value: Uint8Array.of(1, 2, 3) },
    ] as const;
    expect(isSameRule([...wanted], wanted)).toBe(true);
    expect(isSameRule([wanted[0]], wanted)).toBe(false);
    expect(isSameRule([wanted[0], null], wanted)).toBe(false);
    expect(isSameRule([wanted[0], { ...wanted[1], value: Uint8Array.of(1, 2, 4) }], wanted)).toBe(
      false,
    );
    expect(isSameRule([...wanted, null], wanted)).toBe(false);
  });
});
