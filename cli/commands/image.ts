import { defineGroup, type Command } from '../command.ts';
import { inspectCommand } from '../objects/inspect-command.ts';
import { pruneCommand } from '../objects/prune-command.ts';
import { imageLsCommand } from './image/ls.ts';
import { imageRmCommand } from './image/rm.ts';

export const imageCommand: Command = defineGroup({
  name: 'image',
  summary: 'look after the images of the engine',
  subcommands: [
    imageLsCommand,
    inspectCommand({
      kind: 'image',
      inspect: (engine, name, options) => engine.images.inspect(name, options),
    }),
    imageRmCommand,
    pruneCommand({
      kind: 'image',
      summary: 'remove images without a name that no container uses',
      all: 'those with a name as well',
      warning: (all) =>
        all
          ? 'This will remove all images without at least one container associated to them.'
          : 'This will remove all dangling images.',
      prune: async () => (await import('../objects/prune.ts')).pruneImages,
    }),
  ],
});
