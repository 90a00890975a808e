import { describe, expect, test } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import {
  absent,
  actions,
  create,
  failure,
  run,
  sh,
  state,
  stubborn,
  useEngine,
} from './support.ts';

const always = { RestartPolicy: { Name: 'always' } } as const;

describe.skipIf(absent.length > 0)(
  `a restart policy (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    async function restarts(id: string, count: number): Promise<void> {
      await eventually(async () => {
        const { RestartCount } = await subject().client.containers.inspect(id);
        expect(RestartCount).toBeGreaterThanOrEqual(count);
      });
    }

    async function ends(id: string, expected: string): Promise<void> {
      await eventually(
        async () => {
          expect(await state(subject(), id)).toBe(expected);
        },
        { timeoutMs: 60_000 },
      );
    }

    async function isWaiting(id: string): Promise<void> {
      await eventually(
        async () => {
          expect(await state(subject(), id)).toBe('restarting');
          // The last end is announced.
          expect((await actions(subject(), id)).at(-1)).toBe('die');
        },
        { intervalMs: 5 },
      );
    }

    test('on-failure:2 must start it three times in all', async () => {
      const id = await run(subject(), sh('exit 3'), {
        HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
      });
      await eventually(async () => {
        expect(await state(subject(), id)).toBe('exited 3');
      });
      const { RestartCount } = await subject().client.containers.inspect(id);
      expect(RestartCount).toBe(2);
      expect((await actions(subject(), id)).join(' ')).toBe(
        `create${' connect start disconnect die'.repeat(3)}`,
      );
    });

    test('a delay must take the place of the back-off, and the next engine must wait what is left of it', async () => {
      const policy = { Name: 'on-failure', MaximumRetryCount: 3, Delay: 15e8 };
      const id = await run(subject(), sh('date +%s.%N; exit 3'), {
        HostConfig: { RestartPolicy: policy },
      });
      await isWaiting(id);
      await subject().engine.kill();
      await subject().engine.start();
      const { HostConfig } = await subject().client.containers.inspect(id);
      expect(HostConfig.RestartPolicy).toEqual(policy);
      await ends(id, 'exited 3');
      const times: number[] = [];
      for await (const { text } of subject().client.containers.logs(id)) times.push(Number(text));
      expect(times).toHaveLength(4);
      const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
      expect(waits.filter((seconds) => seconds < 1.5)).toEqual([]);
      // Neither doubles it; the first has an engine's start in it.
      expect(waits.slice(1).filter((seconds) => seconds > 5.5)).toEqual([]);
    });

    test('a restart that lasts for the window must be no attempt', async () => {
      // Every second run is long enough.
      const program = sh(
        'n=$(cat /n || echo 0); echo $((n + 1)) >/n; sleep $((n % 2 * 3)); exit 3',
      );
      const policy = { Name: 'on-failure', MaximumRetryCount: 2, Window: 2e9 };
      const id = await run(subject(), program, { HostConfig: { RestartPolicy: policy } });
      await ends(id, 'exited 3');
      // Runs 1 to 5, of which 2 and 4 are restarts that have succeeded, 3 and 5 attempts.
      expect((await subject().client.containers.inspect(id)).RestartCount).toBe(4);
    });

    test('attempts after success must end as well', async () => {
      const policy = { Name: 'on-failure', MaximumRetryCount: 2, AfterSuccess: true };
      const id = await run(subject(), sh('exit 0'), { HostConfig: { RestartPolicy: policy } });
      await eventually(async () => {
        expect(await state(subject(), id)).toBe('exited 0');
      });
      expect((await subject().client.containers.inspect(id)).RestartCount).toBe(2);
    });

    test.each(['Delay', 'Window'] as const)('a negative %s must be refused', async (field) => {
      const policy = { Name: 'always', [field]: -1 };
      const refused = await failure(
        create(subject(), ['true'], { HostConfig: { RestartPolicy: policy } }),
      );
      expect(refused.message).toBe(
        `invalid restart policy: ${field.toLowerCase()} cannot be negative`,
      );
    });

    test('a client that inspects on die must find it restarting', async () => {
      const stream = subject().client.events({ filters: { event: ['die'] } });
      await stream.opened;
      const id = await run(subject(), sh('exit 1'), { HostConfig: always });
      for await (const event of stream) {
        expect(event.Actor.ID).toBe(id);
        break;
      }
      const { State } = await subject().client.containers.inspect(id);
      expect([State.Status, State.Running, State.Restarting, State.Pid]).toEqual([
        'restarting',
        true,
        true,
        0,
      ]);
    });

    test('it must be seen as restarting or running, and never as ended, until somebody stops it', async () => {
      const id = await run(subject(), sh('exit 0'), { HostConfig: always });
      const seen = new Set<string>();
      await eventually(
        async () => {
          const { State, RestartCount } = await subject().client.containers.inspect(id);
          seen.add(State.Status);
          expect(RestartCount).toBeGreaterThanOrEqual(3);
        },
        { intervalMs: 0 },
      );
      expect([...seen].sort()).toEqual(['restarting', 'running']);
    });

    test.each(['stop', 'kill'] as const)(
      'a %s between two runs must end it for all who wait',
      async (verb) => {
        const id = await run(subject(), sh('echo one; exit 4'), { HostConfig: always });
        await restarts(id, 2);
        await isWaiting(id);
        const { exited } = await subject().client.containers.watchExit(id);
        const follow = subject().client.containers.logs(id, { follow: true });
        await follow.opened;
        const read = (async (): Promise<number> => {
          let lines = 0;
          for await (const _line of follow) lines++;
          return lines;
        })();
        await subject().client.containers[verb](id);
        expect(await exited).toEqual({ StatusCode: 4 });
        expect(await read).toBeGreaterThanOrEqual(2);
        expect(await state(subject(), id)).toBe('exited 4');
      },
    );

    test('a start between two runs must begin its count anew', async () => {
      const id = await run(subject(), sh('sleep 0.05; exit 4'), { HostConfig: always });
      await restarts(id, 2);
      // Not while the next run is about to begin, which makes the start one of a container that runs.
      await eventually(async () => {
        await isWaiting(id);
        await subject().client.containers.start(id);
        expect((await subject().client.containers.inspect(id)).RestartCount).toBe(0);
      });
      await restarts(id, 1);
    });

    test('a removal between two runs must leave nothing to restart', async () => {
      const id = await run(subject(), sh('exit 4'), { HostConfig: always });
      await isWaiting(id);
      expect((await failure(subject().client.containers.remove(id))).kind).toBe('conflict');
      await subject().client.containers.remove(id, { force: true });
      expect((await failure(subject().client.containers.inspect(id))).kind).toBe('not-found');
    });

    test('a signal between two runs has nobody to go to', async () => {
      const id = await run(subject(), sh('exit 4'), { HostConfig: always });
      await restarts(id, 2);
      await isWaiting(id);
      const refused = await failure(subject().client.containers.kill(id, { killSignal: 'HUP' }));
      expect(refused.kind).toBe('conflict');
    });

    test('restarts that cannot be must be further and further apart', async () => {
      const { client } = subject();
      await client.networks.create({ Name: 'lab' });
      const id = await run(subject(), sh('sleep 0.05'), {
        HostConfig: { ...always, NetworkMode: 'lab' },
      });
      await isWaiting(id);
      await client.networks.remove('lab');
      await restarts(id, 3);
      const { State } = await client.containers.inspect(id);
      expect([State.Status, State.ExitCode, State.Error]).toEqual([
        'restarting',
        128,
        'network lab not found',
      ]);
      await client.containers.stop(id);
    });

    test('a stop by hand must win over always', async () => {
      const id = await run(subject(), stubborn, { HostConfig: always });
      await subject().client.containers.stop(id, { timeoutSeconds: 0 });
      expect(await state(subject(), id)).toBe('exited 137');
      await create(subject(), ['true']);
      expect(await state(subject(), id)).toBe('exited 137');
    });
  },
);
