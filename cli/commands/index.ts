/** The commands, in the order in which `--help` lists them. */
import type { Command } from '../command.ts';
import { attachCommand } from './attach.ts';
import { configCommand } from './config.ts';
import { daemonCommand } from './daemon.ts';
import { downCommand } from './down.ts';
import { execCommand } from './exec.ts';
import { logsCommand } from './logs.ts';
import { psCommand } from './ps.ts';
import { upCommand } from './up.ts';
import { versionCommand } from './version.ts';

export const commands: readonly Command[] = [
  upCommand,
  downCommand,
  psCommand,
  logsCommand,
  execCommand,
  attachCommand,
  configCommand,
  versionCommand,
  daemonCommand,
];
