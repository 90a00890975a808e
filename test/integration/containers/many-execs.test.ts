/** Execs with a terminal that nobody sits at: as many as there may be, and what they print. */
import { describe, expect, test } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import { absent, failure, obedient, runReady, sh, useEngine } from './support.ts';

/** EXEC_MAX of native/shim/poll-set.h. */
const most = 256;

describe.skipIf(absent.length > 0)(
  `execs that are left running (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    async function startDetached(container: string, command: readonly string[]): Promise<string> {
      const { execs } = subject().client;
      const { Id } = await execs.create(container, { Cmd: command, Tty: true });
      await execs.startDetached(Id);
      return Id;
    }

    async function pidOf(exec: string): Promise<number> {
      return (await subject().client.execs.inspect(exec)).Pid;
    }

    test('one too many must say what to do, and each that ends make room for another', async () => {
      const id = await runReady(subject(), obedient);
      const left: string[] = [];
      while (left.length < most) {
        const some = Array.from({ length: 8 }, () => startDetached(id, ['sleep', '1000']));
        left.push(...(await Promise.all(some)));
      }
      const error = await failure(startDetached(id, ['true']));
      expect([error.kind, error.message, error.hint]).toEqual([
        'conflict',
        expect.stringContaining(`runs ${most} programs beside its own`),
        expect.stringContaining('docker top'),
      ]);
      const ending = await Promise.all(left.slice(0, 3).map(pidOf));
      for (const pid of ending) process.kill(pid, 'SIGKILL');
      for (let i = 0; i < ending.length; i++) {
        await eventually(() => startDetached(id, ['sleep', '1000']));
      }
      expect((await failure(startDetached(id, ['true']))).kind).toBe('conflict');
      for (const exec of left.slice(3)) process.kill(await pidOf(exec), 'SIGKILL');
      await eventually(async () => {
        const { ExecIDs } = await subject().client.containers.inspect(id);
        expect(ExecIDs).toHaveLength(ending.length);
      });
      for (let i = 0; i < 16; i++) await startDetached(id, ['sleep', '1000']);
    });

    test('one that prints more than its terminal holds must come to its end', async () => {
      const id = await runReady(subject(), obedient);
      const exec = await startDetached(id, sh('head -c 3000000 /dev/zero; exit 5'));
      await eventually(async () => {
        expect(await subject().client.execs.inspect(exec)).toMatchObject({ ExitCode: 5 });
      });
    });
  },
);
