/** Boots one machine for most tests of this tier, starts the engine in it and gives it busybox as the image `app`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

import { tempPrefix } from '../lib/temp-dir.ts';
import { missingForMicrovm, prepareGuest } from './guest.ts';
import { makeImage, type MachineImage } from './image.ts';
import { bootMachine, type MachinePorts } from './machine.ts';

declare module 'vitest' {
  interface ProvidedContext {
    microvm: MachinePorts | null;
    /** For a machine of one's own. */
    microvmImage: MachineImage | null;
  }
}

/** Vitest calls it by this name. A machine that is up may be named by its ports, for work on the tests themselves. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const running = process.env['MICROVM_PORTS']?.split(',').map(Number);
  if (running !== undefined) {
    const [script = 0, engine = 0] = running;
    project.provide('microvm', { script, engine });
    project.provide('microvmImage', null);
    return undefined;
  }
  if (missingForMicrovm.length > 0) {
    project.provide('microvm', null);
    project.provide('microvmImage', null);
    return undefined;
  }
  const directory = mkdtempSync(join(tmpdir(), tempPrefix));
  try {
    const image = makeImage(directory);
    const machine = await bootMachine(image);
    await prepareGuest(machine.ports);
    project.provide('microvm', machine.ports);
    project.provide('microvmImage', image);
    return async () => {
      await machine[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    };
  } catch (error) {
    rmSync(directory, { recursive: true });
    throw error;
  }
}
