/** The commands, in the order in which `--help` lists them. */
import type { Command } from '../command.ts';
import { attachCommand } from './attach.ts';
import { commitCommand } from './commit.ts';
import { completeCommandOf } from './complete.ts';
import { completionCommand } from './completion.ts';
import { configCommand } from './config.ts';
import { containerCommand } from './container.ts';
import { cpCommand } from './cp.ts';
import { createCommand } from './create.ts';
import { daemonCommand } from './daemon.ts';
import { downCommand } from './down.ts';
import { eventsCommand } from './events.ts';
import { execCommand } from './exec.ts';
import { imagesCommand } from './images.ts';
import { infoCommand } from './info.ts';
import { imageCommand } from './image.ts';
import { networkCommand } from './network.ts';
import { systemCommand } from './system.ts';
import { volumeCommand } from './volume.ts';
import { exportCommand } from './export.ts';
import { killCommand } from './kill.ts';
import { logsCommand } from './logs.ts';
import { lsCommand } from './ls.ts';
import { pauseCommand } from './pause.ts';
import { portCommand } from './port.ts';
import { psCommand } from './ps.ts';
import { restartCommand } from './restart.ts';
import { rmCommand } from './rm.ts';
import { runCommand } from './run.ts';
import { scaleCommand } from './scale.ts';
import { startCommand } from './start.ts';
import { statsCommand } from './stats.ts';
import { stopCommand } from './stop.ts';
import { topCommand } from './top.ts';
import { unpauseCommand } from './unpause.ts';
import { upCommand } from './up.ts';
import { versionCommand } from './version.ts';
import { volumesCommand } from './volumes.ts';
import { waitCommand } from './wait.ts';

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
  topCommand,
  statsCommand,
  eventsCommand,
  waitCommand,
  portCommand,
  lsCommand,
  imagesCommand,
  volumesCommand,
  execCommand,
  runCommand,
  attachCommand,
  cpCommand,
  exportCommand,
  commitCommand,
  configCommand,
  systemCommand,
  containerCommand,
  imageCommand,
  networkCommand,
  volumeCommand,
  infoCommand,
  versionCommand,
  daemonCommand,
  completionCommand,
  completeCommandOf(() => commands),
];
