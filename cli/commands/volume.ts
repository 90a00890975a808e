import { defineGroup, type Command } from '../command.ts';
import { inspectCommand } from '../objects/inspect-command.ts';
import { pruneCommand } from '../objects/prune-command.ts';
import { removeCommand } from '../objects/remove-command.ts';
import { volumeCreateCommand } from './volume/create.ts';
import { volumeLsCommand } from './volume/ls.ts';

export const volumeCommand: Command = defineGroup({
  name: 'volume',
  summary: 'look after the volumes of the engine, of whatever project',
  subcommands: [
    volumeLsCommand,
    inspectCommand({
      kind: 'volume',
      inspect: (engine, name, options) => engine.volumes.inspect(name, options),
    }),
    volumeCreateCommand,
    removeCommand({
      kind: 'volume',
      force: 'one that does not exist is no failure',
      remove: (engine, name, options) => engine.volumes.remove(name, options),
    }),
    pruneCommand({
      kind: 'volume',
      summary: 'remove anonymous volumes that no container uses',
      all: 'those with a name as well',
      warning: (all) =>
        `This will remove ${all ? 'all' : 'anonymous'} local volumes not used by at least one container.`,
      prune: async () => (await import('../objects/prune.ts')).pruneVolumes,
    }),
  ],
});
