/**
 * C-03, CVE-2016-9962: who has CAP_SYS_PTRACE in a container takes over the program of an exec before it is one, and speaks
 * to the shim in its place. Nothing that it says may reach beyond the container.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createId } from '../../engine/lib/index.ts';
import type { SandboxSpec } from '../../engine/runtime/index.ts';
import type { Shim } from '../../engine/runtime/shim.ts';
import { closeFd } from '../../native/index.ts';
import { dockerCapabilities, makeBox, readOutput, start } from '../integration/runtime/support.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import { compile } from './containers.ts';

const absent = missing('root', 'cc', 'overlayfs');
const CAP_SYS_PTRACE = 1n << 19n;
const attempts = 150;
const sigKill = 9;

describe.skipIf(absent.length > 0)(
  `C-03, CVE-2016-9962: a program that was taken over must not speak for its shim (missing: ${absent.join() || 'nothing'})`,
  () => {
    let dir: TempDir;
    let victim: ChildProcess;
    let shim: Shim;
    let spec: SandboxSpec;
    let isLost = false;

    beforeEach(async () => {
      dir = await tempDir();
      victim = spawn('sleep', ['1000'], { stdio: 'ignore' });
    });
    afterEach(async () => {
      // Itself: whoever runs this without the guard finds that it cannot be talked to.
      process.kill(shim.pid, sigKill);
      await shim.gone;
      victim.kill('SIGKILL');
      await dir[Symbol.asyncDispose]();
    });

    async function besiege(...words: readonly string[]): Promise<void> {
      const all = dockerCapabilities | CAP_SYS_PTRACE;
      const args = ['/tmp/usurper', String(victim.pid), ...words];
      const sets = { bounding: all, effective: all, permitted: all };
      const capabilities = { ...sets, inheritable: 0n, ambient: 0n };
      const box = makeBox(dir.path, args, { process: { capabilities } });
      spec = box.spec;
      mkdirSync(join(box.upper, 'tmp'), { recursive: true });
      copyFileSync(compile('usurper', dir.path), join(box.upper, 'tmp/usurper'));
      shim = await start(spec);
      isLost = false;
      void shim.exited.then(() => (isLost = true));
      await eventually(async () => {
        expect((await readOutput(spec.log.path)).stdout).toContain('ready');
      });
    }

    async function taken(): Promise<number> {
      const { stdout } = await readOutput(spec.log.path);
      return stdout.match(/^taken [1-9]/gm)?.length ?? 0;
    }

    function descriptors(): number {
      return readdirSync(`/proc/${shim.pid}/fd`).length;
    }

    /** One exec after the other, ended by a signal; how they ended. */
    async function execAll(terminal: { rows: number; columns: number } | null): Promise<string[]> {
      const outcomes: string[] = [];
      for (let i = 0; i < attempts; i++) {
        const id = createId();
        const starting = shim.execs.start({
          id,
          process: { ...spec.process, args: ['sleep', '1000'], terminal },
          attached: { stdin: false, stdout: false, stderr: false },
        });
        const exec = await starting.catch((error: unknown) => {
          if (isLost) return null;
          throw error;
        });
        if (exec === null) break;
        // It may be told to end before it runs, as nobody knows whether one that was taken over ever says so.
        const signal = setInterval(() => void shim.execs.signal(id, sigKill).catch(() => 0), 10);
        const late = delay(5_000, 'no end', { ref: false });
        outcomes.push(await Promise.race([exec.ended.then(({ state }) => state), late]));
        clearInterval(signal);
        await shim.execs.forget(id);
        if (exec.descriptors.terminal !== null) closeFd(exec.descriptors.terminal);
        if (victim.signalCode !== null || outcomes.at(-1) === 'no end') break;
      }
      return outcomes;
    }

    test.each([
      ['that lives on', [], null],
      ['that is killed then', ['kill'], null],
      ['that has a terminal', [], { rows: 24, columns: 80 }],
    ])('one %s', async (_name, words, terminal) => {
      await besiege(...words);
      const before = descriptors();
      const outcomes = await execAll(terminal);
      expect(victim.signalCode, 'a process of the host was killed').toBeNull();
      expect(isLost, 'the container was taken for lost').toBe(false);
      expect(outcomes.filter((state) => state === 'no end')).toEqual([]);
      expect(outcomes).toHaveLength(attempts);
      await eventually(() => {
        expect(descriptors(), 'descriptors were left in the shim').toBeLessThanOrEqual(before);
      });
      expect(await taken()).toBeGreaterThan(0);
    });
  },
);
