import { defineGroup, type Command } from '../command.ts';
import { inspectCommand } from '../objects/inspect-command.ts';
import { pruneCommand } from '../objects/prune-command.ts';
import { removeCommand } from '../objects/remove-command.ts';
import { containerLsCommand } from './container/ls.ts';

export const containerCommand: Command = defineGroup({
  name: 'container',
  summary: 'look after the containers of the engine, of whatever project',
  subcommands: [
    containerLsCommand,
    inspectCommand({
      kind: 'container',
      inspect: (engine, name, options) => engine.containers.inspect(name, options),
    }),
    removeCommand({
      kind: 'container',
      force: 'those that run as well: they are killed',
      remove: (engine, name, options) => engine.containers.remove(name, options),
    }),
    pruneCommand({
      kind: 'container',
      summary: 'remove all containers that do not run',
      warning: () => 'This will remove all stopped containers.',
      prune: async () => (await import('../objects/prune.ts')).pruneContainers,
    }),
  ],
});
