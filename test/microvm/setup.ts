/** Boots one machine for all tests of this tier, starts the engine in it and gives it busybox as the image `app`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

import { dockerCli } from '../lib/docker-cli.ts';
import { tempPrefix } from '../lib/temp-dir.ts';
import { missingForMicrovm, startEngine } from './guest.ts';
import { makeImage } from './image.ts';
import { bootMachine, type MachinePorts } from './machine.ts';

declare module 'vitest' {
  interface ProvidedContext {
    microvm: MachinePorts | null;
  }
}

/** Vitest calls it by this name. A machine that is up may be named by its ports, for work on the tests themselves. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const running = process.env['MICROVM_PORTS']?.split(',').map(Number);
  if (running !== undefined) {
    const [script = 0, engine = 0] = running;
    project.provide('microvm', { script, engine });
    return undefined;
  }
  if (missingForMicrovm.length > 0) {
    project.provide('microvm', null);
    return undefined;
  }
  const directory = mkdtempSync(join(tmpdir(), tempPrefix));
  try {
    const machine = await bootMachine(makeImage(directory));
    await startEngine(machine.ports);
    await importApp(machine.ports, directory);
    project.provide('microvm', machine.ports);
    return async () => {
      await machine[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    };
  } catch (error) {
    rmSync(directory, { recursive: true });
    throw error;
  }
}

async function importApp(ports: MachinePorts, configDirectory: string): Promise<void> {
  const docker = dockerCli({ address: `tcp://127.0.0.1:${ports.engine}`, configDirectory });
  const archive = execFileSync('tar', ['-C', '/', '-c', 'bin/busybox'], { maxBuffer: 64 << 20 });
  const change = ['--change', 'ENTRYPOINT ["/bin/busybox"]'];
  const { code, stderr } = await docker.runWithInput(archive, 'import', ...change, '-', 'app');
  if (code !== 0) throw new Error(`cannot import the image: ${stderr}`);
}
