/** Execs outlive the engine that has started them, and so does what is known of them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExecInspect } from '../../../engine/api/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { absent, failure, obedient, runReady, sh, useEngine } from './support.ts';

describe.skipIf(absent.length > 0)(
  `execs after an engine's end (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    async function killEngine(
      meanwhile: () => Promise<void> = () => Promise.resolve(),
    ): Promise<void> {
      await subject().engine.kill();
      await meanwhile();
      await subject().engine.start();
    }

    async function startDetached(container: string, command: readonly string[]): Promise<string> {
      const { execs } = subject().client;
      const { Id } = await execs.create(container, { Cmd: command, Env: ['MARK=1'] });
      await execs.startDetached(Id);
      return Id;
    }

    function inspect(id: string): Promise<ExecInspect> {
      return subject().client.execs.inspect(id);
    }

    async function end(id: string): Promise<number | null> {
      return await eventually(async () => {
        const { Running, ExitCode } = await inspect(id);
        expect(Running).toBe(false);
        return ExitCode;
      });
    }

    function records(): Promise<readonly string[]> {
      return readdir(join(subject().engine.runRoot, 'records/execs')).then((names) =>
        names.filter((name) => name.endsWith('.json')),
      );
    }

    test('must be found as they are: ended, running, and ended while nobody looked', async () => {
      const id = await runReady(subject(), obedient);
      const ended = await startDetached(id, sh('exit 7'));
      const missing = await startDetached(id, ['/nowhere']).catch(() => null);
      const waiting = sh('until [ -e /tmp/go ]; do sleep 0.02; done; exit 9');
      const goesOn = await startDetached(id, waiting);
      const endsMeanwhile = await startDetached(id, ['sleep', '1000']);
      expect(await end(ended)).toBe(7);
      const before = await Promise.all([goesOn, endsMeanwhile].map(inspect));
      await killEngine(async () => {
        const pid = before[1]?.Pid ?? 0;
        process.kill(pid, 'SIGTERM');
        await eventually(() => {
          expect(() => process.kill(pid, 0)).toThrow('ESRCH');
        });
      });
      expect(await inspect(goesOn)).toEqual(before[0]);
      expect(await end(ended)).toBe(7);
      expect(await end(endsMeanwhile)).toBe(143);
      expect(missing).toBeNull();
      expect((await subject().client.containers.inspect(id)).ExecIDs).toEqual([goesOn]);
      await subject().client.execs.run(id, { Cmd: ['touch', '/tmp/go'] }, { onOutput: () => 0 });
      expect(await end(goesOn)).toBe(9);
      // Another engine still knows, although no shim does any more.
      await killEngine();
      expect(await Promise.all([ended, goesOn, endsMeanwhile].map(end))).toEqual([7, 9, 143]);
      const again = await failure(subject().client.execs.startDetached(goesOn));
      expect(again.message).toContain('has already run');
    });

    test('must end with their container, whichever engine sees it', async () => {
      const id = await runReady(subject(), obedient);
      const first = await startDetached(id, ['sleep', '1000']);
      await killEngine();
      const second = await startDetached(id, ['sleep', '1000']);
      await subject().client.containers.stop(id);
      expect(await Promise.all([first, second].map(end))).toEqual([137, 137]);
      expect(await records()).toHaveLength(2);
      await subject().client.containers.remove(id);
      expect((await failure(inspect(first))).kind).toBe('not-found');
      await eventually(async () => {
        expect(await records()).toEqual([]);
      });
    });

    test('must not stay when their container went while no engine was there', async () => {
      const id = await runReady(subject(), obedient);
      const exec = await startDetached(id, ['sleep', '1000']);
      const { State } = await subject().client.containers.inspect(id);
      await killEngine(async () => {
        process.kill(State.Pid, 'SIGKILL');
        await eventually(() => {
          expect(() => process.kill(State.Pid, 0)).toThrow('ESRCH');
        });
      });
      expect(await end(exec)).toBe(137);
    });

    test('must include no probe of a health check, which is ended', async () => {
      const id = await runReady(subject(), obedient, {
        Healthcheck: { Test: ['CMD', 'sleep', '321'], Interval: 20e6, Timeout: 600e9 },
      });
      const pids = (): Promise<readonly string[]> =>
        subject()
          .client.containers.top(id)
          .then(({ Processes }) =>
            Processes.map((row) => row.join(' ')).filter((row) => row.endsWith('sleep 321')),
          );
      const before = await eventually(async () => {
        const found = await pids();
        expect(found).toHaveLength(1);
        return found;
      });
      await killEngine();
      await eventually(async () => {
        const found = await pids();
        expect(found).toHaveLength(1);
        expect(found).not.toEqual(before);
      });
    });
  },
);
