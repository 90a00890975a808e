import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type { SandboxSpec } from '../../../engine/runtime/sandbox-spec.ts';

const here = import.meta.dirname;

export interface EngineProcess {
  readonly process: ChildProcess;
  readonly containerPid: number;
}

/** Another process, run `under` a tracer perhaps, that has started this container and holds its control connection. */
export async function startInEngine(
  dir: string,
  request: { readonly spec: SandboxSpec; readonly waitsForStart: boolean },
  under: readonly string[] = [],
): Promise<EngineProcess> {
  const outfile = join(dir, 'engine-driver.mjs');
  await build({
    entryPoints: [join(here, 'engine-driver.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'error',
  });
  // Where the bundle looks for the addon and the shim: beside itself.
  symlinkSync(join(here, '../../../native/build'), join(dir, 'build'));
  const requestFile = join(dir, 'request.json');
  writeFileSync(
    requestFile,
    JSON.stringify(request, (_key, value: unknown) =>
      typeof value === 'bigint' ? `bigint:${value}` : value,
    ),
  );
  const command = [...under, process.execPath, outfile, requestFile];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { process: child, containerPid: Number(line) };
}

export async function kill9({ process: child }: EngineProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
