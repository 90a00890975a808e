/**
 * What the firewall must say, as data: networks and published ports in, one nftables table out. Pure. All that changes
 * with a network or a port are elements of sets and maps; chains and rules are always the same.
 */
import type { Family } from '../ipam/address.ts';
import type { PortBinding } from '../model.ts';
import { familyOf } from '../way-out.ts';

/** What the rules are made from. */
export interface FirewallState {
  readonly networks: readonly FilteredNetwork[];
  readonly ports: readonly PublishedPort[];
  /** Interfaces between which the host did not forward before us, and must not because of us; by family. */
  readonly uplinks: readonly string[];
  readonly uplinks6: readonly string[];
}

export interface FilteredNetwork {
  /** Interface name. */
  readonly bridge: string;
  readonly isInternal: boolean;
  /** Whether those on it may talk to each other. */
  readonly isOpenWithin: boolean;
  /** Whether what leaves it for elsewhere takes the host's address. */
  readonly isMasqueraded: boolean;
}

/** A target of another family than the host's address is not translated to: the proxy passes on what comes. */
export interface PublishedPort extends Omit<PortBinding, 'target'> {
  readonly target: { readonly address: string; readonly port: number };
}

export interface Ruleset {
  readonly table: string;
  readonly sets: readonly RuleSet[];
  readonly chains: readonly RuleChain[];
}

export type Field = 'ifname' | 'inet_proto' | AddressField | 'inet_service';
export type AddressField = 'ipv4_addr' | 'ipv6_addr';

/** A set, or a map when it has `value`. */
export interface RuleSet {
  readonly name: string;
  readonly key: readonly Field[];
  readonly value: readonly Field[] | null;
  readonly elements: readonly RuleElement[];
}

export interface RuleElement {
  readonly key: readonly string[];
  readonly value: readonly string[] | null;
}

export interface RuleChain {
  readonly name: string;
  readonly type: 'filter' | 'nat';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
  readonly rules: readonly (readonly Part[])[];
}

/** One match or statement of a rule. */
export type Part =
  | { readonly kind: 'interface'; readonly side: Side; readonly set: string; readonly isNot?: true }
  | { readonly kind: 'interfaces'; readonly set: string }
  | { readonly kind: 'family'; readonly family: Family }
  | { readonly kind: 'addresses'; readonly family: Family; readonly set: string }
  /** Protocol and port, both of the destination; before them its address. Of IPv6. */
  | { readonly kind: 'destination'; readonly set: string; readonly hasAddress: boolean }
  | { readonly kind: 'loopback-address'; readonly family: Family; readonly end: 'saddr' | 'daddr' }
  | { readonly kind: 'local-destination' }
  | { readonly kind: 'established' }
  | { readonly kind: 'translated' }
  | { readonly kind: 'untranslated' }
  | {
      readonly kind: 'dnat';
      readonly family: Family;
      readonly map: string;
      readonly hasAddress: boolean;
    }
  | { readonly kind: 'masquerade' }
  | { readonly kind: 'accept' | 'drop' | 'return' };

export type Side = 'iifname' | 'oifname';

export function buildRuleset(instance: string, state: FirewallState): Ruleset {
  return { table: tableName(instance), sets: buildSets(state), chains };
}

/** nft needs a name that is an identifier. */
export function tableName(instance: string): string {
  return instance.replaceAll('-', '_');
}

export function buildSets(state: FirewallState): readonly RuleSet[] {
  const { networks } = state;
  const { uplinks, uplinks6 } = withoutBridges(state);
  const named = (
    name: string,
    isOne: (network: FilteredNetwork) => boolean = () => true,
  ): RuleSet => {
    const chosen = networks.filter(isOne);
    return interfaceSet(
      name,
      chosen.map(({ bridge }) => bridge),
    );
  };
  return [
    named('bridges'),
    named('internal', ({ isInternal }) => isInternal),
    named('masqueraded', ({ isMasqueraded }) => isMasqueraded),
    interfaceSet('uplinks', uplinks),
    interfaceSet('uplinks6', uplinks6),
    pairSet('within', networks),
    pairSet(
      'open',
      networks.filter(({ isOpenWithin }) => isOpenWithin),
    ),
    ...portSets(state, 4),
    ...portSets(state, 6),
    ...relayedSets(state),
  ];
}

/** With a bridge of the host's own for a network, what is on it must reach the other interfaces. */
export function withoutBridges({
  networks,
  uplinks,
  uplinks6,
}: Pick<FirewallState, 'networks' | 'uplinks' | 'uplinks6'>): Pick<
  FirewallState,
  'uplinks' | 'uplinks6'
> {
  const isApart = (link: string): boolean => !networks.some(({ bridge }) => bridge === link);
  return { uplinks: uplinks.filter(isApart), uplinks6: uplinks6.filter(isApart) };
}

function portSets({ ports }: FirewallState, family: Family): readonly RuleSet[] {
  const address = addressFields[family];
  const ofFamily = ports.filter(
    ({ hostIp, target }) => familyOf(hostIp) === family && familyOf(target.address) === family,
  );
  const specific = ofFamily.filter(({ hostIp }) => hostIp !== anyAddresses[family]);
  const wildcard = ofFamily.filter(({ hostIp }) => hostIp === anyAddresses[family]);
  return [
    {
      // Addresses that publish something.
      name: ofSets('own', family),
      key: [address, address],
      value: null,
      elements: [...new Set(ofFamily.map(({ target }) => target.address))].map((one) => ({
        key: [one, one],
        value: null,
      })),
    },
    {
      name: ofSets('bound', family),
      key: ['inet_proto', address, 'inet_service'],
      value: [address, 'inet_service'],
      elements: specific.map((port) => ({
        key: [port.protocol, port.hostIp, String(port.published)],
        value: [port.target.address, String(port.target.port)],
      })),
    },
    {
      name: ofSets('published', family),
      key: ['inet_proto', 'inet_service'],
      value: [address, 'inet_service'],
      elements: wildcard.map((port) => ({
        key: [port.protocol, String(port.published)],
        value: [port.target.address, String(port.target.port)],
      })),
    },
  ];
}

/** Ports at which the proxy may listen, for what is not translated. */
function relayedSets({ ports }: FirewallState): readonly RuleSet[] {
  const ofIpv6 = ports.filter(({ hostIp }) => familyOf(hostIp) === 6);
  const specific = ofIpv6.filter(({ hostIp }) => hostIp !== anyAddresses[6]);
  const wildcard = ofIpv6.filter(({ hostIp }) => hostIp === anyAddresses[6]);
  return [
    {
      name: 'relayed_bound',
      key: ['inet_proto', 'ipv6_addr', 'inet_service'],
      value: null,
      elements: specific.map(({ protocol, hostIp, published }) => ({
        key: [protocol, hostIp, String(published)],
        value: null,
      })),
    },
    {
      name: 'relayed',
      key: ['inet_proto', 'inet_service'],
      value: null,
      elements: wildcard.map(({ protocol, published }) => ({
        key: [protocol, String(published)],
        value: null,
      })),
    },
  ];
}

const addressFields: Readonly<Record<Family, AddressField>> = { 4: 'ipv4_addr', 6: 'ipv6_addr' };
const anyAddresses: Readonly<Record<Family, string>> = { 4: '0.0.0.0', 6: '::' };

function ofSets(name: string, family: Family): string {
  return family === 4 ? name : `${name}6`;
}

/** What comes from a bridge and stays on it. */
function pairSet(name: string, networks: readonly FilteredNetwork[]): RuleSet {
  const elements = networks.map(({ bridge }) => ({ key: [bridge, bridge], value: null }));
  return { name, key: ['ifname', 'ifname'], value: null, elements };
}

function interfaceSet(name: string, interfaces: readonly string[]): RuleSet {
  const elements = interfaces.map((item) => ({ key: [item], value: null }));
  return { name, key: ['ifname'], value: null, elements };
}

const accept: Part = { kind: 'accept' };
const drop: Part = { kind: 'drop' };
const fromBridge: Part = { kind: 'interface', side: 'iifname', set: 'bridges' };
const fromInternal: Part = { kind: 'interface', side: 'iifname', set: 'internal' };
const toBridge: Part = { kind: 'interface', side: 'oifname', set: 'bridges' };
const awayFromBridges: Part = { kind: 'interface', side: 'oifname', set: 'bridges', isNot: true };
const withinNetwork: Part = { kind: 'interfaces', set: 'within' };
const withinOpenNetwork: Part = { kind: 'interfaces', set: 'open' };
const fromMasqueraded: Part = { kind: 'interface', side: 'iifname', set: 'masqueraded' };
const toLoopback: Part = { kind: 'loopback-address', family: 4, end: 'daddr' };
const fromLoopback: Part = { kind: 'loopback-address', family: 4, end: 'saddr' };
const translated: Part = { kind: 'translated' };
const untranslated: Part = { kind: 'untranslated' };
const local: Part = { kind: 'local-destination' };
const masquerade: Part = { kind: 'masquerade' };

const toLoopback6: Part = { kind: 'loopback-address', family: 6, end: 'daddr' };
const ofIpv4: Part = { kind: 'family', family: 4 };
const ofIpv6: Part = { kind: 'family', family: 6 };

// A map without the element ends its rule only, so the next one is asked.
const publish: readonly (readonly Part[])[] = [
  [local, { kind: 'dnat', family: 4, map: 'bound', hasAddress: true }],
  [local, { kind: 'dnat', family: 4, map: 'published', hasAddress: false }],
  // What comes from ::1 never leaves the host, whatever it is translated to: for the listener there.
  [toLoopback6, { kind: 'return' }],
  [local, { kind: 'dnat', family: 6, map: 'bound6', hasAddress: true }],
  [local, { kind: 'dnat', family: 6, map: 'published6', hasAddress: false }],
];

/** Between the interfaces that the host had kept apart. */
function apart(set: string): readonly Part[] {
  return [
    { kind: 'interface', side: 'iifname', set },
    { kind: 'interface', side: 'oifname', set },
    drop,
  ];
}

// Every packet passes the filter chains, so what costs least comes first in their rules: bits, then names in sets.
const chains: readonly RuleChain[] = [
  {
    // With route_localnet a bridge takes packets for 127.0.0.0/8: none may come from a sandbox. Before connection
    // tracking, which gives answers to published ports their loopback address back only afterwards.
    name: 'raw',
    type: 'filter',
    hook: 'prerouting',
    priority: -300,
    rules: [
      [toLoopback, fromBridge, drop],
      [fromLoopback, fromBridge, drop],
    ],
  },
  {
    // A neighbour can send a packet for 127.0.0.1 to our hardware address. Translated here, before the routing
    // decision that refuses it, it would reach ports published for this host alone (moby#45610).
    name: 'prerouting',
    type: 'nat',
    hook: 'prerouting',
    priority: -100,
    rules: [[toLoopback, { kind: 'return' }], ...publish],
  },
  { name: 'output', type: 'nat', hook: 'output', priority: -100, rules: publish },
  {
    // A published port that the proxy leads on is the host's own, and never forwarded: as closed to internal networks
    // as those that are translated.
    name: 'input',
    type: 'filter',
    hook: 'input',
    priority: -1,
    rules: [
      [fromInternal, { kind: 'destination', set: 'relayed_bound', hasAddress: true }, drop],
      [fromInternal, { kind: 'destination', set: 'relayed', hasAddress: false }, drop],
    ],
  },
  {
    // Before priority 0, where Docker and iptables filter: what is accepted there for all our bridges has passed here.
    name: 'forward',
    type: 'filter',
    hook: 'forward',
    priority: -1,
    rules: [
      // With bridge-nf-call-iptables=1, what stays on one bridge comes by here as well.
      [withinOpenNetwork, accept],
      [fromInternal, drop],
      [{ kind: 'interface', side: 'oifname', set: 'internal' }, drop],
      // Nobody elsewhere may send to a container's own address, not even answers: those to a network that is not
      // masqueraded come in where its gateway mode lets them, as with Docker 28.
      [untranslated, toBridge, drop],
      [{ kind: 'established' }, accept],
      // A published port is for everybody; all else on its way into a network is direct routing or another network.
      [toBridge, translated, accept],
      [toBridge, drop],
      [ofIpv4, ...apart('uplinks')],
      [ofIpv6, ...apart('uplinks6')],
    ],
  },
  {
    // The input interface is known here since Linux 5.7.
    name: 'postrouting',
    type: 'nat',
    hook: 'postrouting',
    priority: 100,
    rules: [
      [toBridge, fromLoopback, masquerade],
      // A sandbox that asks for a port published from its own network: the answer must come back through the host.
      [withinNetwork, translated, masquerade],
      // The same where bridged frames are translated and their input interface is not told: only what a sandbox asks
      // of itself needs it there.
      [toBridge, { kind: 'addresses', family: 4, set: 'own' }, masquerade],
      [toBridge, { kind: 'addresses', family: 6, set: 'own6' }, masquerade],
      [fromMasqueraded, awayFromBridges, masquerade],
    ],
  },
];
