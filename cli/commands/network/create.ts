import { defineCommand, type Command } from '../../command.ts';
import { madeFrom, madeOptions, type MadeRequest } from '../../objects/made.ts';
import { parsePair, pairsOf, type Pair } from '../../objects/pairs.ts';
import { poolsOf } from '../../objects/pools.ts';
import { parseSwitch } from '../../options.ts';

interface NetworkCreateCommandRequest extends MadeRequest {
  readonly network?: string;
  readonly attachable?: boolean;
  readonly auxAddress?: readonly Pair[];
  readonly gateway?: readonly string[];
  readonly internal?: boolean;
  readonly ipRange?: readonly string[];
  readonly ipamDriver?: string;
  readonly ipamOpt?: readonly Pair[];
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly subnet?: readonly string[];
}

export const networkCreateCommand: Command = defineCommand<NetworkCreateCommandRequest>({
  name: 'create',
  summary: 'make a network',
  arguments: [{ name: '<network>', description: 'its name' }],
  options: {
    network: null,
    attachable: { flags: '--attachable', description: 'single containers may join it' },
    auxAddress: {
      flags: '--aux-address <pair>',
      description: 'an address that no container gets: NAME=ADDRESS',
      repeats: true,
      parse: parsePair,
    },
    gateway: {
      flags: '--gateway <address>',
      description: 'the address of the host in its subnet',
      repeats: true,
    },
    internal: { flags: '--internal', description: 'without a way out of the host' },
    ipRange: {
      flags: '--ip-range <range>',
      description: 'containers get their addresses from this part of the subnet',
      repeats: true,
    },
    ipamDriver: { flags: '--ipam-driver <name>', description: 'what gives addresses' },
    ipamOpt: {
      flags: '--ipam-opt <option>',
      description: 'an option of what gives addresses: KEY=VALUE',
      repeats: true,
      parse: parsePair,
    },
    ipv4: {
      flags: '--ipv4 [boolean]',
      description: 'with IPv4 addresses (default: true)',
      parse: parseSwitch,
    },
    ipv6: { flags: '--ipv6 [boolean]', description: 'with IPv6 addresses', parse: parseSwitch },
    ...madeOptions({ driver: 'what carries it (default: bridge)', example: 'KEY=VALUE' }),
    subnet: {
      flags: '--subnet <subnet>',
      description: 'where its addresses are from: 10.20.0.0/16',
      repeats: true,
    },
  },
  examples: [
    'tscompose network create back',
    'tscompose network create --subnet 10.20.0.0/16 --gateway 10.20.0.1 --internal back',
  ],
  run: async (request, context) => {
    const { network = '', driver, ipamDriver, ipamOpt = [] } = request;
    const { labels, options } = madeFrom(request);
    const body = {
      Name: network,
      Driver: driver ?? 'bridge',
      Internal: request.internal === true,
      Attachable: request.attachable === true,
      ...(request.ipv4 !== undefined && { EnableIPv4: request.ipv4 }),
      ...(request.ipv6 !== undefined && { EnableIPv6: request.ipv6 }),
      IPAM: {
        Driver: ipamDriver ?? 'default',
        Options: pairsOf(ipamOpt),
        Config: poolsOf({
          subnets: request.subnet ?? [],
          ranges: request.ipRange ?? [],
          gateways: request.gateway ?? [],
          reserved: request.auxAddress ?? [],
        }),
      },
      Options: options,
      Labels: labels,
    };
    const engine = await context.engine();
    const created = await engine.networks.create(body, { signal: context.interrupts.graceful });
    if (created.Warning !== '') context.ui.warn(created.Warning);
    await context.ui.stdout.write(`${created.Id}\n`);
    return undefined;
  },
});
