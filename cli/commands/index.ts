/** The commands, in the order in which `--help` lists them. */
import type { Command } from '../command.ts';
import { configCommand } from './config.ts';
import { daemonCommand } from './daemon.ts';
import { downCommand } from './down.ts';
import { logsCommand } from './logs.ts';
import { psCommand } from './ps.ts';
import { upCommand } from './up.ts';
import { versionCommand } from './version.ts';

export const commands: readonly Command[] = [
  upCommand,
  downCommand,
  psCommand,
  logsCommand,
  configCommand,
  versionCommand,
  daemonCommand,
];
