/** The directories above a container's own: how they are named, and what has to be in them before anybody enters. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError } from '../api/index.ts';

/** A group of v1 has no CPUs and no memory nodes of its own, and no process may enter one like that, cpuset(7). */
export function inheritCpuset(directory: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readFileSync(join(directory, file), 'utf8').trim() !== '') continue;
    writeFileSync(join(directory, file), readFileSync(join(dirname(directory), file), 'utf8'));
  }
  // From here on the kernel does the same for every directory that is made below.
  writeFileSync(join(directory, 'cgroup.clone_children'), '1');
}

/** Outermost first, without the first and with the last. */
export function directoriesBetween(top: string, directory: string): readonly string[] {
  if (directory === top) return [];
  return [...directoriesBetween(top, dirname(directory)), directory];
}

/** As Docker's: a path below the hierarchy's root, absolute or not. */
export function checkedParent(parent: string): string {
  const steps = parent.split('/').filter((step) => step !== '');
  const isBad = steps.some((step) => step === '.' || step === '..' || step.includes('\0'));
  if (steps.length > 0 && !isBad) return steps.join('/');
  throw new EngineError('invalid-argument', `invalid cgroup parent "${parent}"`, {
    hint: 'use a path below the root of the cgroup file system, without ".."',
  });
}
