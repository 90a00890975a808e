/** Every program that an engine executes, and every file it opens, while something is done with it. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { TestEngine } from '../lib/engine.ts';
import { traceThreads } from '../lib/strace.ts';

export interface Traced {
  /** Arguments of execve(2), in every process that the engine started. */
  readonly executed: readonly string[];
  readonly opened: readonly string[];
}

export async function traced(engine: TestEngine, work: () => Promise<void>): Promise<Traced> {
  const directory = join(engine.root, 'trace');
  await mkdir(directory);
  const pid = enginePid(engine);
  const calls = 'trace=execve,execveat,open,openat,openat2';
  const options = ['-f', '-ff', '-s', '4096', '-e', calls, '-o', join(directory, 'calls')];
  const tracer = await traceThreads(pid, options);
  try {
    await work();
  } finally {
    await tracer.stop();
  }
  const lines = readdirSync(directory).flatMap((name) =>
    readFileSync(join(directory, name), 'utf8').split('\n'),
  );
  await rm(directory, { recursive: true });
  return {
    executed: lines.filter((line) => line.startsWith('execve')),
    opened: lines.filter((line) => line.startsWith('open')),
  };
}

export function enginePid({ runRoot }: TestEngine): number {
  const text = readFileSync(join(runRoot, 'engine.pid'), 'utf8');
  return (JSON.parse(text) as { readonly pid: number }).pid;
}
