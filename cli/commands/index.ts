/** The commands, in the order in which `--help` lists them. */
import type { Command } from '../command.ts';
import { attachCommand } from './attach.ts';
import { commitCommand } from './commit.ts';
import { configCommand } from './config.ts';
import { cpCommand } from './cp.ts';
import { createCommand } from './create.ts';
import { daemonCommand } from './daemon.ts';
import { downCommand } from './down.ts';
import { execCommand } from './exec.ts';
import { exportCommand } from './export.ts';
import { killCommand } from './kill.ts';
import { logsCommand } from './logs.ts';
import { pauseCommand } from './pause.ts';
import { psCommand } from './ps.ts';
import { restartCommand } from './restart.ts';
import { rmCommand } from './rm.ts';
import { runCommand } from './run.ts';
import { scaleCommand } from './scale.ts';
import { startCommand } from './start.ts';
import { stopCommand } from './stop.ts';
import { unpauseCommand } from './unpause.ts';
import { upCommand } from './up.ts';
import { versionCommand } from './version.ts';

export const commands: readonly Command[] = [
  upCommand,
  createCommand,
  downCommand,
  startCommand,
  stopCommand,
  restartCommand,
  scaleCommand,
  killCommand,
  pauseCommand,
  unpauseCommand,
  rmCommand,
  psCommand,
  logsCommand,
  execCommand,
  runCommand,
  attachCommand,
  cpCommand,
  exportCommand,
  commitCommand,
  configCommand,
  versionCommand,
  daemonCommand,
];
