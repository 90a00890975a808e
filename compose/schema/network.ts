import { labels, options, strings } from './definitions.ts';
import {
  filled,
  flag,
  listOf,
  mapOf,
  nameKeys,
  nothing,
  number,
  object,
  optional,
  either,
  setOf,
  string,
  withShort,
} from './shapes.ts';

/** `true`, or the older `{name: …}`. */
export const external = withShort(
  flag,
  object({
    name: optional('Its name on the engine.', string, {
      deprecated: 'write external: true, and name beside it',
    }),
  }),
);

/** networks.*.ipam.config[]. */
export const pool = object({
  aux_addresses: optional(
    'Addresses that containers do not get, by a name of your choice.',
    mapOf(string),
  ),
  gateway: optional('Address of the host in the network.', string),
  ip_range: optional('Part of subnet that containers get addresses from.', string, {
    examples: ['172.28.5.0/24'],
  }),
  subnet: optional('The network in CIDR form.', string, { examples: ['172.28.0.0/16'] }),
});

/** networks.*. */
export const network = withShort(
  object({
    attachable: optional(
      'Whether containers outside the project may join. On one host they always may.',
      flag,
      { default: false },
    ),
    driver: optional('bridge, macvlan, ipvlan, or what else the engine offers.', string, {
      default: 'bridge',
    }),
    driver_opts: optional('Settings of the driver.', options, {
      examples: [{ 'com.docker.network.driver.mtu': '1400' }],
    }),
    enable_ipv4: optional('Give containers IPv4 addresses.', flag, { default: true }),
    enable_ipv6: optional('Give containers IPv6 addresses.', flag, { default: false }),
    external: optional('The network exists already: it is neither created nor removed.', external, {
      default: false,
    }),
    internal: optional('No way out of the network, and no published ports into it.', flag, {
      default: false,
    }),
    ipam: filled(
      'Where addresses come from; without it, from a free subnet.',
      object({
        config: optional('The subnets.', listOf(pool)),
        driver: optional('Who gives out addresses.', string, { default: 'default' }),
        options: optional('Settings of who gives out addresses.', mapOf(string)),
      }),
    ),
    labels: optional('Labels of the network.', labels),
    name: filled('Its name on the engine, as it is; without it, project_key.', string),
  }),
  nothing,
);

/** services.*.networks.*. */
export const serviceNetwork = object({
  aliases: optional('More names under which the network knows the service.', strings),
  driver_opts: optional('Settings of the driver for this connection.', options),
  gw_priority: optional('The network with the highest number has the default route.', number, {
    default: 0,
  }),
  interface_name: optional('Name of the network interface in the container.', string, {
    examples: ['eth0'],
  }),
  ipv4_address: optional('A fixed address; the network needs a subnet that has it.', string, {
    examples: ['172.28.0.10'],
  }),
  ipv6_address: optional('A fixed address; the network needs a subnet that has it.', string, {
    examples: ['2001:db8::10'],
  }),
  link_local_ips: optional('Link-local addresses, beside the usual one.', strings),
  mac_address: optional('Hardware address on this network.', string, {
    examples: ['02:42:ac:11:65:43'],
  }),
  priority: optional('Networks with a higher number are connected first.', number, { default: 0 }),
});

/** services.*.networks. */
export const serviceNetworks = withShort(
  mapOf(either(nothing, serviceNetwork), nameKeys),
  setOf(string),
);
