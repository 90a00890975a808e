/** Shims and engines that somebody stops (SIGSTOP) and lets go on: late is not lost. */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EngineError } from '../../../engine/api/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { absent, failure, isReady, run, runReady, sh, state, useEngine } from './support.ts';

/** Counts aloud until it is told to end, with 5. */
const counter = sh(
  'trap "exit 5" TERM; echo ready; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done',
);

/** proc_pid_stat(5), field 4. */
function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
}

function isStopped(pid: number): boolean {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('T') === true;
}

async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await eventually(() => {
    expect(isStopped(pid)).toBe(true);
  });
}

function socketsOf(pid: number): number {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).filter((fd) =>
    readlinkSync(`${directory}/${fd}`).startsWith('socket:'),
  ).length;
}

describe.skipIf(absent.length > 0)(
  `what is stopped for a while (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    async function pids(id: string): Promise<{ readonly program: number; readonly shim: number }> {
      const { State } = await subject().client.containers.inspect(id);
      return { program: State.Pid, shim: parentOf(State.Pid) };
    }

    async function startDetached(container: string, command: readonly string[]): Promise<string> {
      const { execs } = subject().client;
      const { Id } = await execs.create(container, { Cmd: command });
      await execs.startDetached(Id);
      return Id;
    }

    /** Every line of the counter from the first to its last, once and in order. */
    async function expectCompleteLog(id: string): Promise<number> {
      const { stdout } = await subject().engine.docker(['logs', id]);
      const lines = stdout.trimEnd().split('\n');
      expect(lines.shift()).toBe('ready');
      expect(lines).toEqual(lines.map((_line, index) => `line ${index + 1}`));
      return lines.length;
    }

    /** Milliseconds that the next engine's start has taken. */
    async function restartEngineWithout(shim: number): Promise<number> {
      await subject().engine.kill();
      await stop(shim);
      const begun = performance.now();
      await subject().engine.start();
      return performance.now() - begun;
    }

    test('a stopped shim must not hold up the start of an engine, and be as before when it goes on', async () => {
      const id = await runReady(subject(), counter);
      const other = await runReady(subject(), counter);
      const waiting = await startDetached(
        id,
        sh('until [ -e /tmp/go ]; do sleep 0.02; done; exit 9'),
      );
      const before = await subject().client.containers.inspect(id);
      const { program, shim } = await pids(id);
      const took = await restartEngineWithout(shim);
      try {
        expect(took).toBeLessThan(10_000);
        const { State } = await subject().client.containers.inspect(id);
        expect([State.Status, State.Running]).toEqual(['running', true]);
        expect(State.Error).toContain('does not answer');
        const listed = await subject().client.containers.list();
        expect(listed.find(({ Id }) => Id === id)?.Status).toMatch(/^Up .*\(unresponsive\)$/);
        expect(await state(subject(), other)).toBe('running');
        // What only the shim could do says why it is not done, and changes nothing.
        const { containers, execs } = subject().client;
        const refused = [
          execs.create(id, { Cmd: ['true'] }),
          containers.stop(id, { timeoutSeconds: 0 }),
          containers.kill(id),
          containers.remove(id, { force: true }),
        ];
        for (const work of refused) {
          const error = await failure(work);
          expect([error.kind, error.hint]).toEqual([
            'unavailable',
            expect.stringContaining('CONT'),
          ]);
        }
        await containers.stop(other);
        expect(await state(subject(), other)).toBe('exited 5');
        expect(() => process.kill(program, 0)).not.toThrow();
      } finally {
        process.kill(shim, 'SIGCONT');
      }
      await eventually(async () => {
        const { State } = await subject().client.containers.inspect(id);
        expect([State.Error, State.Pid]).toEqual(['', program]);
        expect(await subject().client.execs.inspect(waiting)).toMatchObject({ Running: true });
      });
      const after = await subject().client.containers.inspect(id);
      expect(after).toEqual(before);
      writeFileSync(`/proc/${program}/root/tmp/go`, '');
      await eventually(async () => {
        expect(await subject().client.execs.inspect(waiting)).toMatchObject({ ExitCode: 9 });
      });
      await subject().client.containers.stop(id);
      expect(await state(subject(), id)).toBe('exited 5');
      expect(await expectCompleteLog(id)).toBeGreaterThan(10);
    });

    test('what is asked of a shim that is stopped while the engine runs must be refused in time', async () => {
      const id = await runReady(subject(), counter);
      const { shim } = await pids(id);
      const { containers } = subject().client;
      await stop(shim);
      try {
        const begun = performance.now();
        const errors = await Promise.all([
          failure(containers.kill(id, { killSignal: 'USR1' })),
          failure(containers.resize(id, { rows: 24, columns: 80 })),
        ]);
        expect(performance.now() - begun).toBeLessThan(30_000);
        for (const error of errors)
          expect([error.kind, error.hint]).toEqual([
            'unavailable',
            expect.stringContaining('CONT'),
          ]);
      } finally {
        process.kill(shim, 'SIGCONT');
      }
      // The answers that come late are nobody's.
      await containers.stop(id);
      expect(await state(subject(), id)).toMatch(/^exited/);
    });

    test('an end behind a stopped shim must be known with its code and its log when that goes on', async () => {
      const id = await runReady(subject(), counter);
      const { program, shim } = await pids(id);
      await restartEngineWithout(shim);
      process.kill(program, 'SIGTERM');
      expect(await state(subject(), id)).toBe('running');
      process.kill(shim, 'SIGCONT');
      await eventually(async () => {
        expect(await state(subject(), id)).toBe('exited 5');
      });
      await expectCompleteLog(id);
    });

    test('a shim that is killed while it is stopped must end its container as any that is killed', async () => {
      const id = await runReady(subject(), counter);
      const { program, shim } = await pids(id);
      await restartEngineWithout(shim);
      process.kill(shim, 'SIGKILL');
      await eventually(async () => {
        expect(await state(subject(), id)).toBe('exited 137');
      });
      await eventually(() => {
        expect(() => process.kill(program, 0)).toThrow('ESRCH');
      });
      await expectCompleteLog(id);
    });

    test('a shim that has hung up on a stopped engine must be found again, with all that has ended meanwhile', async () => {
      const id = await run(subject(), counter);
      await isReady(subject(), id, 1);
      const { program, shim } = await pids(id);
      const codes = Array.from({ length: 50 }, (_unused, index) => index + 1);
      const execs = await Promise.all(
        codes.map((code) =>
          startDetached(id, sh(`until [ -e /tmp/go ]; do sleep 0.3; done; exit ${code}`)),
        ),
      );
      const printed: Uint8Array[] = [];
      const printing = subject().client.execs.run(
        id,
        { Cmd: sh('until [ -e /tmp/go ]; do sleep 0.1; done; seq 200000'), AttachStdout: true },
        { onOutput: (_stream, bytes) => printed.push(bytes) },
      );
      // Retried: a descriptor may be closed while they are read.
      const connected = await eventually(() => socketsOf(shim));
      const { containers } = subject().client;
      await stop(shim);
      let asked: readonly Promise<void>[] = [];
      const engine = await subject().engine.pid();
      try {
        // As many questions as a socket holds, whose answers fill the other direction.
        let unsent = 0;
        asked = Array.from({ length: 400 }, () =>
          containers.resize(id, { rows: 24, columns: 80 }).catch((error: unknown) => {
            if (error instanceof EngineError && error.kind === 'unavailable') unsent += 1;
          }),
        );
        await eventually(() => {
          expect(unsent).toBeGreaterThan(0);
        });
        await stop(engine);
        process.kill(shim, 'SIGCONT');
        writeFileSync(`/proc/${program}/root/tmp/go`, '');
        await eventually(() => {
          expect(socketsOf(shim)).toBe(connected - 1);
        });
      } finally {
        process.kill(shim, 'SIGCONT');
        process.kill(engine, 'SIGCONT');
      }
      await Promise.all(asked);
      // All that an exec has printed meanwhile, too: its pipe was the engine's all the time.
      expect((await printing).exitCode).toBe(0);
      const numbers = Buffer.concat(printed).toString().trimEnd().split('\n');
      expect([numbers.length, numbers.findIndex((one, at) => one !== String(at + 1))]).toEqual([
        200_000, -1,
      ]);
      await eventually(async () => {
        const found = await Promise.all(execs.map((exec) => subject().client.execs.inspect(exec)));
        expect(found.map(({ ExitCode }) => ExitCode)).toEqual(codes);
      });
      expect(await subject().engine.pid()).toBe(engine);
      expect(await state(subject(), id)).toBe('running');
      await eventually(() => {
        expect(socketsOf(shim)).toBe(connected);
      });
      const { Id } = await subject().client.execs.create(id, { Cmd: ['true'] });
      await subject().client.execs.startDetached(Id);
      await containers.stop(id);
      expect(await state(subject(), id)).toBe('exited 5');
      await expectCompleteLog(id);
    });
  },
);
