/** What the next engine makes of what the last one has left. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ContainerCreateRequest } from '../../../engine/api/index.ts';
import { neverRun } from '../../../engine/containers/container.ts';
import type { ContainerRecord } from '../../../engine/containers/container.ts';
import { decodeRecord, encodeRecord } from '../../../engine/store/record-file.ts';
import { eventually } from '../../lib/eventually.ts';
import {
  absent,
  actions,
  create,
  failure,
  obedient,
  run,
  runReady,
  sh,
  state,
  stubborn,
  useEngine,
} from './support.ts';

/** As first process it would not even hear of SIGTERM. */
const deaf = sh('trap "" TERM; echo ready; while :; do sleep 0.02; done');

type HostConfig = NonNullable<ContainerCreateRequest['HostConfig']>;

describe.skipIf(absent.length > 0)(
  `the next engine (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    async function killEngine(
      meanwhile: () => Promise<void> = () => Promise.resolve(),
    ): Promise<void> {
      await subject().engine.kill();
      await meanwhile();
      await subject().engine.start();
    }

    /** By pid, as no engine is there to do it. */
    async function end(pid: number): Promise<void> {
      process.kill(pid, 'SIGTERM');
      await eventually(() => {
        expect(() => process.kill(pid, 0)).toThrow('ESRCH');
      });
    }

    function policy(Name: string): HostConfig {
      return { RestartPolicy: { Name } };
    }

    test('must know at its first answer how each has ended, and start again what its policy wants', async () => {
      const cases: readonly (readonly [string, HostConfig, string])[] = [
        ['no', policy('no'), 'exited 5'],
        ['always', policy('always'), 'running'],
        ['unless-stopped', policy('unless-stopped'), 'running'],
        ['on-failure', policy('on-failure'), 'running'],
      ];
      const found = await Promise.all(
        cases.map(async ([name, HostConfig, after]) => {
          const id = await runReady(subject(), obedient, { HostConfig });
          const { State } = await subject().client.containers.inspect(id);
          return { name, id, after, pid: State.Pid };
        }),
      );
      await killEngine(async () => {
        await Promise.all(found.map(({ pid }) => end(pid)));
      });
      const [first] = found;
      const { State } = await subject().client.containers.inspect(first?.id ?? '');
      expect([State.Status, State.ExitCode, State.Pid]).toEqual(['exited', 5, 0]);
      expect(Date.parse(State.FinishedAt)).toBeGreaterThanOrEqual(Date.parse(State.StartedAt));
      await eventually(async () => {
        const states = await Promise.all(found.map(({ id }) => state(subject(), id)));
        expect(states).toEqual(found.map(({ after }) => after));
      });
    });

    test('must leave down what was stopped by hand, but for always', async () => {
      const ids = await Promise.all(
        ['always', 'unless-stopped', 'on-failure'].map((name) =>
          run(subject(), stubborn, { HostConfig: policy(name) }),
        ),
      );
      await Promise.all(
        ids.map((id) => subject().client.containers.stop(id, { timeoutSeconds: 0 })),
      );
      await killEngine();
      await eventually(async () => {
        expect(await state(subject(), ids[0] ?? '')).toBe('running');
      });
      expect(await state(subject(), ids[1] ?? '')).toBe('exited 137');
      expect(await state(subject(), ids[2] ?? '')).toBe('exited 137');
    });

    test('must go on with the restarts of one that was waiting for its next', async () => {
      const id = await run(subject(), sh('exit 3'), { HostConfig: policy('always') });
      await eventually(
        async () => {
          const { RestartCount, State } = await subject().client.containers.inspect(id);
          expect([RestartCount >= 3, State.Status]).toEqual([true, 'restarting']);
        },
        { intervalMs: 5 },
      );
      await killEngine();
      expect(await state(subject(), id)).toMatch(/restarting|running/);
      await eventually(async () => {
        expect(await actions(subject(), id)).toContain('start');
      });
    });

    test('must remove what was to remove itself', async () => {
      const id = await runReady(subject(), obedient, {
        HostConfig: { AutoRemove: true },
        Volumes: { '/data': {} },
      });
      const { State } = await subject().client.containers.inspect(id);
      await killEngine(() => end(State.Pid));
      await eventually(async () => {
        expect((await failure(subject().client.containers.inspect(id))).kind).toBe('not-found');
      });
      expect(await subject().client.volumes.list()).toEqual([]);
    });

    test('must finish a removal, with the volumes that were to go', async () => {
      const id = await create(subject(), ['true'], { Volumes: { '/data': {} } });
      const record = join(subject().engine.stateRoot, 'records/containers', `${id}.json`);
      await killEngine(async () => {
        const decoded = decodeRecord(await readFile(record, 'utf8'));
        if (!decoded.isOk) throw new Error(decoded.reason);
        const { envelope } = decoded;
        // What a removal writes first.
        const body = {
          ...envelope.body,
          run: { ...neverRun, status: 'removing', removesVolumes: true },
        };
        await writeFile(record, encodeRecord({ ...envelope, body }));
      });
      expect((await failure(subject().client.containers.inspect(id))).kind).toBe('not-found');
      expect(await subject().client.volumes.list()).toEqual([]);
    });

    test('must adopt what runs with all that inspect shows of it', async () => {
      const id = await runReady(subject(), obedient, {
        HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '18081' }] } },
      });
      const before = await subject().client.containers.inspect(id);
      await killEngine();
      expect(await subject().client.containers.inspect(id)).toEqual(before);
      await subject().client.containers.stop(id);
      expect(await state(subject(), id)).toBe('exited 5');
    });

    test('must leave down what somebody was stopping, although the last one did not live to see it', async () => {
      const id = await runReady(subject(), deaf, { HostConfig: policy('unless-stopped') });
      const { State } = await subject().client.containers.inspect(id);
      const stopping = subject().client.containers.stop(id, { timeoutSeconds: 60 });
      stopping.catch(() => undefined);
      await eventually(async () => {
        expect((await recordOf(id)).run.isStoppedByUser).toBe(true);
      });
      await killEngine(async () => {
        process.kill(State.Pid, 'SIGKILL');
        await eventually(() => {
          expect(() => process.kill(State.Pid, 0)).toThrow('ESRCH');
        });
      });
      expect(await state(subject(), id)).toBe('exited 137');
    });

    test('must go on with the back-off of one that fails again and again', async () => {
      const id = await run(subject(), sh('exit 3'), { HostConfig: policy('always') });
      const waited = async (atLeast: number): Promise<number> =>
        await eventually(async () => {
          const { restartDelayMs = 0 } = (await recordOf(id)).run;
          expect(restartDelayMs).toBeGreaterThanOrEqual(atLeast);
          return restartDelayMs;
        });
      const before = await waited(200);
      await killEngine();
      expect(await waited(2 * before)).toBeGreaterThan(before);
    });

    test('must count failures on towards the limit of on-failure', async () => {
      const limited = { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } };
      const id = await run(subject(), sh('exit 3'), { HostConfig: limited });
      await eventually(async () => {
        expect((await recordOf(id)).run.restartCount).toBe(2);
      });
      await killEngine();
      await eventually(async () => {
        const { RestartCount, State } = await subject().client.containers.inspect(id);
        expect([State.Status, RestartCount]).toEqual(['exited', 3]);
      });
    });

    test.each(['', ' while it is paused'])('must report a shim that was killed%s', async (when) => {
      const id = await runReady(subject(), obedient);
      const { State } = await subject().client.containers.inspect(id);
      if (when !== '') await subject().client.containers.pause(id);
      const ended = subject().client.containers.wait(id);
      process.kill(await parentOf(State.Pid), 'SIGKILL');
      expect((await ended).StatusCode).toBe(137);
      const { State: after } = await subject().client.containers.inspect(id);
      expect([after.Status, after.Error]).toEqual([
        'exited',
        'the shim of this container was killed',
      ]);
      // Who reaps it is the machine's business.
      const stat = await readFile(`/proc/${State.Pid}/stat`, 'utf8').catch(() => ') gone');
      expect(stat.slice(stat.lastIndexOf(')') + 2)).toMatch(/^(Z|gone)/);
    });

    test('must honour restart policies after a reboot, and trust nothing of the last boot', async () => {
      const ids = await Promise.all(
        ['no', 'always', 'unless-stopped', 'on-failure'].map((name) =>
          runReady(subject(), obedient, { HostConfig: policy(name) }),
        ),
      );
      const [, always = '', unlessStopped = ''] = ids;
      await subject().client.containers.stop(unlessStopped);
      const pids = await Promise.all(
        ids.map(async (id) => (await subject().client.containers.inspect(id)).State.Pid),
      );
      await killEngine(async () => {
        for (const pid of pids.filter((found) => found > 0)) {
          process.kill(await parentOf(pid), 'SIGKILL');
          await eventually(() => {
            expect(() => process.kill(pid, 0)).toThrow('ESRCH');
          });
        }
        // A run root on a disk keeps its files: what they speak of went with the boot.
        const { runRoot } = subject().engine;
        for (const name of ['sandboxes', 'execs']) await ageRecords(join(runRoot, 'records', name));
        await writeFile(join(runRoot, 'engine.pid'), JSON.stringify({ pid: process.pid }));
      });
      expect(await state(subject(), ids[0] ?? '')).toBe('exited 255');
      expect(await state(subject(), unlessStopped)).toBe('exited 5');
      await eventually(async () => {
        expect(await state(subject(), always)).toBe('running');
        expect(await state(subject(), ids[3] ?? '')).toBe('running');
      });
      const { State } = await subject().client.containers.inspect(always);
      expect(pids).not.toContain(State.Pid);
    });

    async function recordOf(id: string): Promise<ContainerRecord> {
      const path = join(subject().engine.stateRoot, 'records/containers', `${id}.json`);
      const decoded = decodeRecord(await readFile(path, 'utf8'));
      if (!decoded.isOk) throw new Error(decoded.reason);
      return decoded.envelope.body as unknown as ContainerRecord;
    }

    /** As if they had been written in another boot. */
    async function ageRecords(directory: string): Promise<void> {
      for (const name of await readdir(directory)) {
        if (!name.endsWith('.json')) continue;
        const decoded = decodeRecord(await readFile(join(directory, name), 'utf8'));
        if (!decoded.isOk) throw new Error(decoded.reason);
        const old = { ...decoded.envelope, boot: '00000000-0000-0000-0000-000000000000' };
        await writeFile(join(directory, name), encodeRecord(old));
      }
    }

    /** proc_pid_stat(5), field 4. */
    async function parentOf(pid: number): Promise<number> {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    }

    test('must start although it cannot read how a container ended', async () => {
      const id = await runReady(subject(), obedient);
      const { State } = await subject().client.containers.inspect(id);
      await killEngine(async () => {
        await end(State.Pid);
        const path = join(subject().engine.stateRoot, 'containers', id, 'exit');
        await eventually(() => readFile(path));
        await writeFile(path, 'nonsense');
      });
      expect(await state(subject(), id)).toBe('exited 255');
    });
  },
);
