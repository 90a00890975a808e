/** Confining the devices of a cgroup: by control files of version 1, by a program of the kernel on version 2. */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  attachDeviceProgram,
  closeFd,
  isSyscallError,
  loadDeviceProgram,
  O_DIRECTORY,
  O_RDONLY,
  openTrusted,
} from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import { deviceProgram } from './device-program.ts';
import { printDeviceRule } from './devices.ts';
import type { DeviceRule } from './devices.ts';

/** Everything is refused first, then rules allow: one a write(2), Documentation/admin-guide/cgroup-v1/devices.rst. */
export function writeDeviceRules(directory: string, rules: readonly DeviceRule[]): void {
  writeFileSync(join(directory, 'devices.deny'), 'a');
  const fd = openSync(join(directory, 'devices.allow'), 'w');
  try {
    for (const rule of rules) writeSync(fd, printDeviceRule(rule));
  } finally {
    closeSync(fd);
  }
}

/** Confines what is opened from a directory of cgroup v2, and from those below it. */
export function attachRules(directory: string, rules: readonly DeviceRule[]): void {
  const cgroup = openTrusted(directory, O_RDONLY | O_DIRECTORY);
  let program: Fd | null = null;
  try {
    program = loadDeviceProgram(deviceProgram(rules));
    attachDeviceProgram(cgroup, program);
  } finally {
    if (program !== null) closeFd(program);
    closeFd(cgroup);
  }
}

export function canLoadDeviceProgram(): boolean {
  try {
    closeFd(loadDeviceProgram(deviceProgram([])));
    return true;
  } catch (error) {
    if (isSyscallError(error)) return false;
    throw error;
  }
}
