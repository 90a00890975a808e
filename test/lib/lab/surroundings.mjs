// What a host has around it, as namespaces without names: a segment with a neighbour, a router, and a host that has only
// IPv6; and outside, behind the router, one more host. Those around know the way to the host's containers, so that nothing
// but the host itself keeps them out. A place is its `enter`: the words before a command that is to run there.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Documentation prefixes, RFC 5737 and RFC 3849: no machine has routes to them. */
export const addresses = {
  host: '192.0.2.10',
  /** The host's second one, for what is published on one address. */
  hostToo: '192.0.2.11',
  neighbour: '192.0.2.20',
  router: '192.0.2.1',
  outside: '198.51.100.2',
  host6: '2001:db8:1::10',
  hostToo6: '2001:db8:1::11',
  neighbour6: '2001:db8:1::20',
  router6: '2001:db8:1::1',
  six: '2001:db8:1::66',
  outside6: '2001:db8:2::2',
};
const routerOutside = '198.51.100.1';
const routerOutside6 = '2001:db8:2::1';
/** Where containers get their addresses. */
const containerSubnets = ['172.16.0.0/12', '10.0.0.0/8', '192.168.0.0/16'];
const containerSubnets6 = ['fd00::/8', '2001:db8:c::/48'];
/** The host's link to the segment. */
export const hostLink = 'lan0';

/** `host` is where the engine is to run: a place, by default the namespace of this process. */
export async function makeSurroundings({ host = { enter: [] } } = {}) {
  const made = [];
  const names = ['segment', 'neighbour', 'router', 'outside', 'six'];
  try {
    for (const _name of names) made.push(await makeNamespace());
    const places = Object.fromEntries(names.map((name, index) => [name, made[index]]));
    await connect(host, places);
    return {
      places: { host, ...places },
      async close() {
        // The segment's end of the link goes with its namespace, and the kernel takes its time.
        await command(host, ['ip', 'link', 'delete', hostLink]);
        await Promise.all(made.map((one) => one.close()));
      },
    };
  } catch (error) {
    await Promise.all(made.map((one) => one.close()));
    throw error;
  }
}

/** An empty network namespace with loopback up, which ends with this process. */
export async function makeNamespace() {
  // Duplicate addresses are not looked for: that keeps an address from answering for its first second.
  const script =
    'sysctl -qw net.ipv6.conf.default.accept_dad=0; ip link set lo up && echo && exec cat';
  const child = spawn('unshare', ['--net', 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`a network namespace is not to be had: unshare ended with ${code}`);
    }),
  ]);
  return {
    pid: child.pid,
    enter: ['nsenter', `--net=/proc/${child.pid}/ns/net`],
    async close() {
      if (child.exitCode !== null) return;
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

export async function command({ enter }, words) {
  const [file, ...args] = [...enter, ...words];
  const { stdout } = await execute(file, args, { encoding: 'utf8', maxBuffer: 16 << 20 });
  return stdout;
}

async function connect(host, { segment, neighbour, router, outside, six }) {
  await ip(segment, ['link add segment type bridge', 'link set segment up']);
  for (const [name, { pid }] of Object.entries({ neighbour, router, six })) {
    await ip(segment, [
      `link add ${name} type veth peer name eth0 netns ${pid}`,
      `link set ${name} master segment up`,
    ]);
  }
  await ip(host, [`link add ${hostLink} type veth peer name host netns ${segment.pid}`]);
  await ip(segment, ['link set host master segment up']);
  await ip(router, [`link add eth1 type veth peer name eth0 netns ${outside.pid}`]);
  await command(router, [
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
  ]);
  await ip(host, [
    ...addressed(
      hostLink,
      [addresses.host, addresses.hostToo],
      [addresses.host6, addresses.hostToo6],
    ),
    `route add default via ${addresses.router}`,
    `-6 route add default via ${addresses.router6}`,
  ]);
  await ip(router, [
    ...addressed('eth0', [addresses.router], [addresses.router6]),
    ...addressed('eth1', [routerOutside], [routerOutside6]),
    ...routesToContainers(),
  ]);
  await ip(outside, [
    ...addressed('eth0', [addresses.outside], [addresses.outside6]),
    `route add default via ${routerOutside}`,
    `-6 route add default via ${routerOutside6}`,
  ]);
  await ip(six, [
    ...addressed('eth0', [], [addresses.six]),
    `-6 route add default via ${addresses.router6}`,
    ...routesToContainers().filter((line) => line.startsWith('-6')),
  ]);
  await ip(neighbour, [
    ...addressed('eth0', [addresses.neighbour], [addresses.neighbour6]),
    `route add default via ${addresses.router}`,
    `-6 route add default via ${addresses.router6}`,
    ...routesToContainers(),
  ]);
  await forgeLoopback(neighbour);
}

/** What it sends to 127.0.0.1 goes to the host's hardware address, and answers are taken back in. */
async function forgeLoopback(neighbour) {
  await command(neighbour, ['sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1']);
  await ip(neighbour, [
    'address del 127.0.0.1/8 dev lo',
    `route add 127.0.0.1/32 via ${addresses.host} dev eth0 src ${addresses.neighbour}`,
  ]);
}

function addressed(link, ipv4, ipv6) {
  return [
    ...ipv4.map((address) => `address add ${address}/24 dev ${link}`),
    ...ipv6.map((address) => `address add ${address}/64 dev ${link} nodad`),
    `link set ${link} up`,
  ];
}

function routesToContainers() {
  return [
    ...containerSubnets.map((subnet) => `route add ${subnet} via ${addresses.host}`),
    ...containerSubnets6.map((subnet) => `-6 route add ${subnet} via ${addresses.host6}`),
  ];
}

async function ip(place, lines) {
  for (const line of lines) await command(place, ['ip', ...line.split(' ')]);
}
