import { defineCommand, type Command } from '../command.ts';
import { parseIndex, parseSwitch } from '../options.ts';

interface CommitRequest {
  readonly service?: string;
  readonly reference?: string;
  readonly author?: string;
  readonly change?: readonly string[];
  readonly message?: string;
  readonly pause?: boolean;
  readonly index?: number;
}

export const commitCommand: Command = defineCommand<CommitRequest>({
  name: 'commit',
  summary: 'make an image from a service’s container and its changes',
  arguments: [
    { name: '<service>', description: 'service' },
    { name: '[reference]', description: 'name of the image, with ":tag" or without' },
  ],
  options: {
    service: null,
    reference: null,
    author: { flags: '-a, --author <name>', description: 'who made it' },
    change: {
      flags: '-c, --change <instruction>',
      description: 'a Dockerfile instruction to apply, such as "CMD sh"',
      repeats: true,
    },
    message: { flags: '-m, --message <text>', description: 'what it is' },
    pause: {
      flags: '-p, --pause [boolean]',
      description: 'let its programs stand still meanwhile (default: true)',
      parse: parseSwitch,
    },
    index: {
      flags: '--index <number>',
      description: 'which replica (default: the first)',
      parse: parseIndex,
    },
  },
  examples: ['tscompose commit -m "before the upgrade" db backup:1'],
  run: async (request, context) => {
    const { findContainers } = await import('../copy/containers.ts');
    const { service = '', index } = request;
    const [{ id, name }] = await findContainers(context, { service, index });
    const engine = await context.engine();
    const image = await engine.archives.commit(id, {
      ...(request.reference !== undefined && { reference: request.reference }),
      ...(request.author !== undefined && { author: request.author }),
      ...(request.message !== undefined && { comment: request.message }),
      changes: request.change ?? [],
      pause: request.pause !== false,
      signal: context.interrupts.graceful,
    });
    context.ui.notice(`made ${request.reference ?? 'an image'} from ${name}`);
    await context.ui.stdout.write(`${image}\n`);
    return undefined;
  },
});
