import { defineCommand, type Command } from '../../command.ts';
import { memberArguments, memberOptions, type MemberRequest } from '../../objects/made.ts';
import { CliError } from '../../cli-error.ts';

interface NetworkConnectRequest extends MemberRequest {
  readonly alias?: readonly string[];
  readonly driverOpt?: readonly string[];
  readonly gwPriority?: number;
  readonly ip?: string;
  readonly ip6?: string;
  readonly link?: readonly string[];
  readonly linkLocalIp?: readonly string[];
}

export const networkConnectCommand: Command = defineCommand<NetworkConnectRequest>({
  name: 'connect',
  summary: 'join a container to a network',
  arguments: memberArguments,
  options: {
    ...memberOptions,
    alias: {
      flags: '--alias <name>',
      description: 'another name for it on this network',
      repeats: true,
    },
    driverOpt: {
      flags: '--driver-opt <option>',
      description: 'an option of the network driver: KEY=VALUE',
      repeats: true,
    },
    gwPriority: {
      flags: '--gw-priority <number>',
      description: 'the network with the highest one is the way out',
      parse: parsePriority,
    },
    ip: { flags: '--ip <address>', description: 'its IPv4 address there' },
    ip6: { flags: '--ip6 <address>', description: 'its IPv6 address there' },
    link: {
      flags: '--link <container>',
      description: 'another container under a name of its own: CONTAINER[:NAME]',
      repeats: true,
    },
    linkLocalIp: {
      flags: '--link-local-ip <address>',
      description: 'a link-local address for it',
      repeats: true,
    },
  },
  examples: ['tscompose network connect --alias db back shop-db-1'],
  run: async (request, context) => {
    const { network = '', container = '', alias = [], link = [], linkLocalIp = [] } = request;
    const { driverOpt = [], gwPriority, ip, ip6 } = request;
    const engine = await context.engine();
    const { unlessUnserved } = await import('../../objects/unserved.ts');
    const joining = engine.networks.connect(
      network,
      {
        Container: container,
        EndpointConfig: {
          IPAMConfig: {
            ...(ip !== undefined && { IPv4Address: ip }),
            ...(ip6 !== undefined && { IPv6Address: ip6 }),
            ...(linkLocalIp.length > 0 && { LinkLocalIPs: linkLocalIp }),
          },
          ...(link.length > 0 && { Links: link }),
          Aliases: alias,
          DriverOpts: Object.fromEntries(driverOpt.map(pairOf)),
          ...(gwPriority !== undefined && { GwPriority: gwPriority }),
        },
      },
      { signal: context.interrupts.graceful },
    );
    await unlessUnserved(joining, 'connect containers and networks');
    return undefined;
  },
});

function parsePriority(text: string): number {
  if (/^-?\d{1,9}$/u.test(text)) return Number(text);
  throw new CliError(`"${text}" is not a whole number`);
}

function pairOf(text: string): readonly [string, string] {
  const [key = '', value] = text.split(/=(.*)/su);
  if (value !== undefined) return [key, value];
  throw new CliError('invalid key/value pair format in driver options');
}
