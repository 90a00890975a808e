import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import { removeOrphansOption, servicesArgument, timeoutOption } from '../options.ts';

interface DownRequest {
  readonly services?: readonly string[];
  readonly volumes?: boolean;
  readonly removeOrphans?: boolean;
  readonly rmi?: string;
  readonly timeout?: number;
}

export const downCommand: Command = defineCommand<DownRequest>({
  name: 'down',
  summary: 'stop and remove containers and networks',
  arguments: [servicesArgument],
  options: {
    services: null,
    volumes: {
      flags: '-v, --volumes',
      description: 'remove the volumes, and the data in them, as well',
    },
    removeOrphans: removeOrphansOption,
    rmi: {
      flags: '--rmi <which>',
      description: 'remove images as well: "local", those without a name of their own, or "all"',
    },
    timeout: timeoutOption,
  },
  examples: ['tscompose down', 'tscompose down -v'],
  run: async ({ services, volumes, removeOrphans, rmi, timeout }, context) => {
    const images = rmi === undefined ? undefined : parseRmi(rmi);
    const { takeDown } = await import('../take-down.ts');
    await takeDown(context, {
      ...(services !== undefined && services.length > 0 && { services }),
      ...(timeout !== undefined && { timeoutSeconds: timeout }),
      ...(images !== undefined && { images }),
      volumes: volumes === true,
      removeOrphans: removeOrphans === true || isSet(context.env['COMPOSE_REMOVE_ORPHANS']),
    });
    return undefined;
  },
});

function isSet(text = ''): boolean {
  return /^(1|t|true|y|yes|on)$/iu.test(text);
}

function parseRmi(text: string): 'local' | 'all' {
  if (text === 'local' || text === 'all') return text;
  throw new CliError(`invalid value for --rmi: "${text}"`, { hint: 'allowed are local and all' });
}
