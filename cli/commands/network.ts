import { defineGroup, type Command } from '../command.ts';
import { inspectCommand } from '../objects/inspect-command.ts';
import { pruneCommand } from '../objects/prune-command.ts';
import { removeCommand } from '../objects/remove-command.ts';
import { networkConnectCommand } from './network/connect.ts';
import { networkCreateCommand } from './network/create.ts';
import { networkDisconnectCommand } from './network/disconnect.ts';
import { networkLsCommand } from './network/ls.ts';

export const networkCommand: Command = defineGroup({
  name: 'network',
  summary: 'look after the networks of the engine, of whatever project',
  subcommands: [
    networkLsCommand,
    inspectCommand({
      kind: 'network',
      inspect: (engine, name, options) => engine.networks.inspect(name, options),
    }),
    networkCreateCommand,
    removeCommand({
      kind: 'network',
      force: 'one that does not exist is no failure',
      remove: (engine, name, { signal }) => engine.networks.remove(name, { signal }),
    }),
    networkConnectCommand,
    networkDisconnectCommand,
    pruneCommand({
      kind: 'network',
      summary: 'remove networks that no container uses',
      warning: () => 'This will remove all custom networks not used by at least one container.',
      prune: async () => (await import('../objects/prune.ts')).pruneNetworks,
    }),
  ],
});
