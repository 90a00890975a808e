/** Who the engine is, for `daemon stop`. A pid alone proves nothing, so the start time goes with it. */
import { readFileSync, rmSync } from 'node:fs';

import { writeFileAtomic } from '../lib/index.ts';

export interface PidRecord {
  readonly pid: number;
  /** Field 22 of proc_pid_stat(5), in clock ticks since boot. */
  readonly startTime: string;
  readonly version: string;
}

export async function writePidFile(path: string, version: string): Promise<void> {
  const record: PidRecord = { pid: process.pid, startTime: ownStartTime(), version };
  await writeFileAtomic(path, Buffer.from(`${JSON.stringify(record)}\n`), { durability: 'boot' });
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true });
}

function ownStartTime(): string {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // The second field is the program's name, which may hold spaces and brackets: fields are counted after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[22 - 3];
  if (startTime === undefined) throw new TypeError('/proc/self/stat has no start time');
  return startTime;
}
