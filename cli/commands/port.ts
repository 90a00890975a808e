import type { ContainerPort } from '../../engine/api/index.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import { parseIndex } from '../options.ts';
import { nameOf } from '../select.ts';
import { formatPorts } from '../ui/format.ts';

interface PortRequest {
  readonly service?: string;
  readonly privateport?: string;
  readonly protocol?: string;
  readonly index?: number;
}

export const portCommand: Command = defineCommand<PortRequest>({
  name: 'port',
  summary: 'show where a port of a container is published',
  arguments: [
    { name: '<service>', description: 'which service' },
    { name: '<private-port>', description: 'the port inside: 80, or 53/udp' },
  ],
  options: {
    service: null,
    privateport: null,
    protocol: { flags: '--protocol <protocol>', description: 'tcp or udp (default: tcp)' },
    index: {
      flags: '--index <number>',
      description: 'of which replica',
      parse: parseIndex,
    },
  },
  examples: ['tscompose port web 80', 'tscompose port --index 2 dns 53/udp'],
  run: async ({ service = '', privateport = '', protocol, index }, context) => {
    const [text = '', suffix] = privateport.split('/');
    if (!/^\d+$/u.test(text) || Number(text) > 65_535) {
      throw new CliError(`"${privateport}" is no port`, { hint: 'give a number up to 65535' });
    }
    const wanted = { port: Number(text), protocol: protocol ?? suffix ?? 'tcp' };
    const { findContainer } = await import('../running.ts');
    const project = await context.projectName();
    const container = await findContainer(context, {
      project,
      service,
      ...(index !== undefined && { index }),
    });
    const published = container.Ports.find((port) => isPublished(port, wanted));
    if (published === undefined) {
      const asked = `${wanted.port}/${wanted.protocol}`;
      throw new CliError(
        `no port ${asked} for container ${nameOf(container)}: ${formatPorts(container.Ports)}`,
      );
    }
    const { IP = '0.0.0.0', PublicPort = 0 } = published;
    await context.ui.stdout.write(`${IP.includes(':') ? `[${IP}]` : IP}:${PublicPort}\n`);
    return undefined;
  },
});

function isPublished(
  { PrivatePort, PublicPort, Type }: ContainerPort,
  { port, protocol }: { readonly port: number; readonly protocol: string },
): boolean {
  return PrivatePort === port && Type === protocol.toLowerCase() && PublicPort !== undefined;
}
