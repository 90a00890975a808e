/** Who asks whom by what: the table, made from the kinds of networks. */
import {
  hostModePort,
  joinedPort,
  kinds,
  loopbackPort,
  ports,
  servicePort,
  type NetworkKind,
  type PortUse,
} from './kinds.ts';

export type Protocol = 'tcp' | 'udp' | 'icmp';

export interface Case {
  /** The group that it is judged in. */
  readonly network: string;
  /** `FROM → TO PROTOCOL`, once in a group. */
  readonly name: string;
  readonly from: string;
  /** A name of world.ts, or an address. */
  readonly address: string;
  readonly protocol: Protocol;
  /** 0 for icmp. */
  readonly port: number;
  /** Who must be the one that answers. */
  readonly server: string;
}

export const cases: readonly Case[] = [
  ...kinds.flatMap((kind) => [...inward(kind), ...published(kind), ...outward(kind)]),
  ...twoNetworks(),
  ...hostMode(),
  ...noNetwork(),
  ...sharedNamespace(),
];

/** To a container's own address, by those beside it, by the host, and by those who route to it. */
function inward({ name }: NetworkKind): readonly Case[] {
  const to = { network: name, address: `${name}.a`, server: `${name}.a` };
  return askers(name).flatMap((from) => [
    ask({ ...to, from, to: 'a published port of a', use: 'published', protocol: 'tcp' }),
    ask({ ...to, from, to: 'a published port of a', use: 'published', protocol: 'udp' }),
    ask({ ...to, from, to: 'an unpublished port of a', use: 'unpublished', protocol: 'tcp' }),
    ask({ ...to, from, to: 'an unpublished port of a', use: 'unpublished', protocol: 'udp' }),
    ask({ ...to, from, to: 'a', protocol: 'icmp' }),
  ]);
}

/** To the host's ports that a container publishes. */
function published({ name, firstPort }: NetworkKind): readonly Case[] {
  const at = (use: PortUse): number => firstPort + ports[use].after;
  const to = { network: name, server: `${name}.a`, protocol: 'tcp' } as const;
  const host = { ...to, address: 'host' };
  const loopback = { ...to, address: '127.0.0.1' };
  return [
    ...[`${name}.a`, ...askers(name)].flatMap((from) => [
      ask({ ...host, from, to: 'the published port', port: at('published') }),
      ask({ ...host, from, to: 'the published port', port: at('published'), protocol: 'udp' }),
      ask({ ...host, from, to: 'the port published for 0.0.0.0', port: at('onEvery') }),
      ask({ ...host, from, to: 'the port published for 127.0.0.1', port: at('onLoopback') }),
      ask({ ...host, from, to: 'the port of another address', port: at('onOneAddress') }),
      ask({ ...host, from, to: 'the port nobody publishes', port: at('unpublished') }),
      ask({
        ...to,
        ...{ from, address: 'hostToo', to: 'the port of one address', port: at('onOneAddress') },
      }),
      ask({
        ...to,
        ...{ from, address: `${name}.gateway`, to: 'the published port of the gateway' },
        port: at('published'),
      }),
    ]),
    // The neighbour's way to 127.0.0.1 is the host.
    ...['host', 'neighbour'].flatMap((from) => [
      ask({ ...loopback, from, to: 'the published port at 127.0.0.1', port: at('published') }),
      ask({
        ...{ ...loopback, from, to: 'the published port at 127.0.0.1' },
        ...{ port: at('published'), protocol: 'udp' },
      }),
      ask({ ...loopback, from, to: '127.0.0.1 published', port: at('onLoopback') }),
      ask({ ...loopback, from, to: '0.0.0.0 published, at 127.0.0.1', port: at('onEvery') }),
    ]),
  ];
}

/** From a container to what is not on its network. */
function outward({ name }: NetworkKind): readonly Case[] {
  const from = { network: name, from: `${name}.b`, port: servicePort };
  const everywhere = ['host', 'neighbour', 'outside'].flatMap((place) =>
    (['tcp', 'udp', 'icmp'] as const).map((protocol) =>
      ask({ ...from, address: place, to: place, server: place, protocol }),
    ),
  );
  const gateway = { ...from, address: `${name}.gateway`, server: 'host' };
  const foreign = { ...from, address: `${strangerTo(name)}.gateway`, server: 'host' };
  return [
    ...everywhere,
    ask({ ...gateway, to: 'its gateway', protocol: 'tcp' }),
    ask({ ...gateway, to: 'its gateway', protocol: 'icmp' }),
    ask({ ...foreign, to: "another network's gateway", protocol: 'tcp' }),
    ask({ ...foreign, to: "another network's gateway", protocol: 'icmp' }),
    ask({ ...from, address: 'router', to: 'the router', server: 'router', protocol: 'icmp' }),
    ...['neighbour', 'outside', `${strangerTo(name)}.b`].map((other) =>
      ask({ ...gateway, from: other, to: 'the gateway', protocol: 'tcp' }),
    ),
  ];
}

/** One container on two networks must not join them. */
function twoNetworks(): readonly Case[] {
  const network = 'two networks';
  const both = { network, from: 'plain.both', port: ports.unpublished.inside };
  return (['tcp', 'udp', 'icmp'] as const).flatMap((protocol) => [
    ask({ ...both, address: 'plain.a', to: 'a of plain', server: 'plain.a', protocol }),
    ask({ ...both, address: 'internal.a', to: 'a of internal', server: 'internal.a', protocol }),
    ask({ ...both, address: 'other.a', to: 'a of other', server: 'other.a', protocol }),
    ask({
      ...{ ...both, address: 'outside', to: 'outside' },
      ...{ server: 'outside', port: servicePort, protocol },
    }),
    ...['plain.b', 'internal.b', 'other.b', 'neighbour'].map((from) =>
      ask({ ...both, from, address: 'plain.both', to: 'both', server: 'plain.both', protocol }),
    ),
  ]);
}

function hostMode(): readonly Case[] {
  const network = 'host';
  const to = { network, address: 'host', to: 'a port of a', port: hostModePort, server: 'host.a' };
  const from = { network, from: 'host.a' };
  return (['tcp', 'udp'] as const).flatMap((protocol) => [
    ...['host', 'neighbour', 'outside', 'plain.b', 'internal.b'].map((asker) =>
      ask({ ...to, from: asker, protocol }),
    ),
    ask({ ...to, from: 'plain.b', address: 'plain.gateway', to: 'a by its gateway', protocol }),
    ...['plain', 'internal', 'icc off'].map((other) =>
      ask({
        ...{ ...from, address: `${other}.a`, to: `a of ${other}`, server: `${other}.a`, protocol },
        port: ports.unpublished.inside,
      }),
    ),
    ask({
      ...{ ...from, address: 'outside', to: 'outside', server: 'outside' },
      ...{ port: servicePort, protocol },
    }),
  ]);
}

function noNetwork(): readonly Case[] {
  const from = { network: 'none', from: 'none.a', port: servicePort };
  return [
    ...['host', 'neighbour', 'outside'].flatMap((place) =>
      (['tcp', 'udp', 'icmp'] as const).map((protocol) =>
        ask({ ...from, address: place, to: place, server: place, protocol }),
      ),
    ),
    ask({ ...from, address: 'plain.gateway', to: 'a gateway', server: 'host', protocol: 'tcp' }),
    ask({
      ...{ ...from, address: 'plain.a', to: 'a of plain', server: 'plain.a', protocol: 'tcp' },
      port: ports.published.inside,
    }),
    ask({ ...from, address: '127.0.0.1', to: 'itself', server: 'none.a', protocol: 'tcp' }),
    // What listens on the host's loopback is not in anybody else's.
    ...['none.a', 'plain.b', 'bridge.b', 'internal.b', 'neighbour'].map((asker) =>
      ask({
        ...{ ...from, from: asker, address: '127.0.0.1', to: "the host's loopback" },
        ...{ port: loopbackPort, server: 'host', protocol: 'tcp' },
      }),
    ),
  ];
}

function sharedNamespace(): readonly Case[] {
  const network = 'container:b';
  const to = { network, address: 'plain.b', to: 'joined', port: joinedPort };
  return [
    ...['plain.a', 'host', 'other.a', 'neighbour'].map((from) =>
      ask({ ...to, from, server: 'plain.joined', protocol: 'tcp' }),
    ),
    ask({ ...to, from: 'plain.b', address: '127.0.0.1', server: 'plain.joined', protocol: 'tcp' }),
    ...['plain.a', 'other.a', 'outside'].map((other) =>
      ask({
        ...{ network, from: 'plain.joined', address: other, to: other, server: other },
        ...{ port: other === 'outside' ? servicePort : ports.published.inside, protocol: 'tcp' },
      }),
    ),
  ];
}

/** The host, those around it, one beside, and one of another network. */
function askers(network: string): readonly string[] {
  return ['host', 'neighbour', 'outside', `${network}.b`, `${strangerTo(network)}.b`];
}

function strangerTo(network: string): string {
  return network === 'plain' ? 'other' : 'plain';
}

interface Question {
  readonly network: string;
  readonly from: string;
  readonly to: string;
  readonly address: string;
  readonly server: string;
  readonly protocol: Protocol;
  readonly port?: number;
  readonly use?: PortUse;
}

function ask({ to, use, port, ...rest }: Question): Case {
  const name = `${rest.from} → ${to} ${rest.protocol}`;
  const chosen = use === undefined ? (port ?? 0) : ports[use].inside;
  return { ...rest, name, port: rest.protocol === 'icmp' ? 0 : chosen };
}
