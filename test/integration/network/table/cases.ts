/** Who asks whom by what: the table, made from the kinds of networks. */
import {
  hostModePort,
  joinedPort,
  kinds,
  loopbackPort,
  ports,
  servicePort,
  type Family,
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
  ...kinds.flatMap((kind) =>
    kind.families.flatMap((family) => {
      const subject = subjectOf(kind, family);
      return [...inward(subject), ...published(subject), ...outward(subject)];
    }),
  ),
  ...twoNetworks(),
  ...hostMode(),
  ...noNetwork(),
  ...sharedNamespace(),
  ...publishedToSix(),
];

/** A network by one of its families. */
interface Subject {
  readonly name: string;
  readonly network: string;
  readonly firstPort: number;
  /** The name of the address of a place. */
  readonly at: (place: string) => string;
  readonly loopback: string;
  /** Those around the host. */
  readonly around: readonly string[];
  /** Another network, which has the same family. */
  readonly stranger: string;
}

function subjectOf({ name, firstPort }: NetworkKind, family: Family): Subject {
  return family === 4
    ? {
        ...{ name, network: name, firstPort, at: (place) => place, loopback: '127.0.0.1' },
        around: ['neighbour', 'outside'],
        stranger: name === 'plain' ? 'other' : 'plain',
      }
    : {
        ...{ name, network: `${name} by IPv6`, firstPort, at: (place) => `${place}6` },
        loopback: '::1',
        around: ['neighbour', 'outside', 'six'],
        stranger: name === 'dual' ? 'only six' : 'dual',
      };
}

/** To a container's own address, by those beside it, by the host, and by those who route to it. */
function inward(subject: Subject): readonly Case[] {
  const { name, network, at } = subject;
  const to = { network, address: at(`${name}.a`), server: `${name}.a` };
  return askers(subject).flatMap((from) => [
    ask({ ...to, from, to: 'a published port of a', use: 'published', protocol: 'tcp' }),
    ask({ ...to, from, to: 'a published port of a', use: 'published', protocol: 'udp' }),
    ask({ ...to, from, to: 'an unpublished port of a', use: 'unpublished', protocol: 'tcp' }),
    ask({ ...to, from, to: 'an unpublished port of a', use: 'unpublished', protocol: 'udp' }),
    ask({ ...to, from, to: 'a', protocol: 'icmp' }),
  ]);
}

/** To the host's ports that a container publishes. */
function published(subject: Subject): readonly Case[] {
  const { name, network, firstPort, at, loopback } = subject;
  const port = (use: PortUse): number => firstPort + ports[use].after;
  const to = { network, server: `${name}.a`, protocol: 'tcp' } as const;
  const host = { ...to, address: at('host') };
  const own = { ...to, address: loopback };
  const [every, bound] = [ports.onEvery, ports.onLoopback].map(
    ({ hostIp }) => hostIp[loopback === '::1' ? 6 : 4],
  );
  return [
    ...[`${name}.a`, ...askers(subject)].flatMap((from) => [
      ask({ ...host, from, to: 'the published port', port: port('published') }),
      ask({ ...host, from, to: 'the published port', port: port('published'), protocol: 'udp' }),
      ask({ ...host, from, to: `the port published for ${every}`, port: port('onEvery') }),
      ask({ ...host, from, to: `the port published for ${bound}`, port: port('onLoopback') }),
      ask({ ...host, from, to: 'the port of another address', port: port('onOneAddress') }),
      ask({ ...host, from, to: 'the port nobody publishes', port: port('unpublished') }),
      ask({
        ...{ ...to, from, address: at('hostToo') },
        ...{ to: 'the port of one address', port: port('onOneAddress') },
      }),
      ask({
        ...{ ...to, from, address: at(`${name}.gateway`) },
        ...{ to: 'the published port of the gateway', port: port('published') },
      }),
    ]),
    // The neighbour's way to 127.0.0.1 is the host.
    ...['host', ...(loopback === '::1' ? [] : ['neighbour'])].flatMap((from) => [
      ask({ ...own, from, to: `the published port at ${loopback}`, port: port('published') }),
      ask({
        ...{ ...own, from, to: `the published port at ${loopback}` },
        ...{ port: port('published'), protocol: 'udp' },
      }),
      ask({ ...own, from, to: `${loopback} published`, port: port('onLoopback') }),
      ask({ ...own, from, to: `${every} published, at ${loopback}`, port: port('onEvery') }),
    ]),
  ];
}

/** From a container to what is not on its network. */
function outward({ name, network, at, around, stranger }: Subject): readonly Case[] {
  const from = { network, from: `${name}.b`, port: servicePort };
  const everywhere = ['host', ...around].flatMap((place) =>
    (['tcp', 'udp', 'icmp'] as const).map((protocol) =>
      ask({
        ...{ ...from, to: place, server: place, protocol },
        address: place === 'six' ? place : at(place),
      }),
    ),
  );
  const gateway = { ...from, address: at(`${name}.gateway`), server: 'host' };
  const foreign = { ...from, address: at(`${stranger}.gateway`), server: 'host' };
  return [
    ...everywhere,
    ask({ ...gateway, to: 'its gateway', protocol: 'tcp' }),
    ask({ ...gateway, to: 'its gateway', protocol: 'icmp' }),
    ask({ ...foreign, to: "another network's gateway", protocol: 'tcp' }),
    ask({ ...foreign, to: "another network's gateway", protocol: 'icmp' }),
    ask({ ...from, address: at('router'), to: 'the router', server: 'router', protocol: 'icmp' }),
    ...[...around, `${stranger}.b`].map((other) =>
      ask({ ...gateway, from: other, to: 'the gateway', protocol: 'tcp' }),
    ),
  ];
}

/** A port that is published without an address, of a container that has no IPv6. */
function publishedToSix(): readonly Case[] {
  const network = 'plain by IPv6';
  const kind = kinds.find(({ name }) => name === 'plain');
  const port = kind?.firstPort ?? 0;
  const to = { network, to: 'the published port', server: 'plain.a', port };
  return (['tcp', 'udp'] as const).flatMap((protocol) => [
    ask({ ...to, from: 'host', address: '::1', protocol }),
    ...['host', 'neighbour', 'six', 'outside', 'dual.b'].map((from) =>
      ask({ ...to, from, to: 'by IPv6 what it publishes', address: 'host6', protocol }),
    ),
  ]);
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
function askers({ name, around, stranger }: Subject): readonly string[] {
  return ['host', ...around, `${name}.b`, `${stranger}.b`];
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
