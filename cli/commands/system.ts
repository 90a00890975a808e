import { defineGroup, type Command } from '../command.ts';
import { infoCommand } from './info.ts';
import { systemDfCommand } from './system/df.ts';
import { systemEventsCommand } from './system/events.ts';
import { systemPruneCommand } from './system/prune.ts';

export const systemCommand: Command = defineGroup({
  name: 'system',
  summary: 'what the engine is, does and takes',
  subcommands: [systemDfCommand, systemPruneCommand, infoCommand, systemEventsCommand],
});
