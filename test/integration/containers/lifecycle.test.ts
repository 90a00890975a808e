/** Verbs that meet each other: what a client is told, and what is true afterwards. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import {
  absent,
  actions,
  create,
  failure,
  obedient,
  isReady,
  run,
  runReady,
  sh,
  state,
  stubborn,
  useEngine,
} from './support.ts';

describe.skipIf(absent.length > 0)(
  `a container’s life (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    test('its events must come in Docker’s order', async () => {
      const id = await runReady(subject(), obedient);
      await subject().client.containers.stop(id);
      await subject().client.containers.start(id);
      await subject().client.containers.kill(id);
      await subject().client.containers.rename(id, 'other');
      await subject().client.containers.remove(id);
      expect((await actions(subject(), id)).join(' ')).toBe(
        'create connect start kill disconnect die stop connect start kill disconnect die rename destroy',
      );
    });

    test.each([
      ['a start of one that runs', obedient, 'start', 'running'],
      ['a stop', stubborn, 'stop', 'exited 137'],
      ['a kill', stubborn, 'kill', 'exited 137'],
      ['a restart', stubborn, 'restart', 'running'],
    ] as const)(
      '%s twice at once must be one that both see',
      async (_name, command, verb, after) => {
        const id = await run(subject(), command);
        const act = (): Promise<void> =>
          subject().client.containers[verb](id, { timeoutSeconds: 0 });
        const results = await Promise.allSettled([act(), act()]);
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
        expect(await state(subject(), id)).toBe(after);
      },
    );

    test('a kill must not wait for the grace of a stop', async () => {
      const id = await run(subject(), stubborn);
      const began = performance.now();
      const stopped = subject().client.containers.stop(id, { timeoutSeconds: 60 });
      await eventually(async () => {
        expect(await actions(subject(), id)).toContain('kill');
      });
      await subject().client.containers.kill(id);
      await stopped;
      expect(performance.now() - began).toBeLessThan(10_000);
      expect(await state(subject(), id)).toBe('exited 137');
    });

    test('a grace longer than any timer must not be none', async () => {
      const id = await run(subject(), stubborn);
      const stopped = subject().client.containers.stop(id, { timeoutSeconds: 3_000_000 });
      await eventually(async () => {
        expect(await actions(subject(), id)).toContain('kill');
      });
      expect(await state(subject(), id)).toBe('running');
      await subject().client.containers.remove(id, { force: true });
      await stopped;
    });

    test('a removal that is not forced must not end what a start has just begun', async () => {
      const id = await create(subject(), obedient, { HostConfig: { NetworkMode: 'none' } });
      const [started, removed] = await Promise.allSettled([
        subject().client.containers.start(id),
        subject().client.containers.remove(id),
      ]);
      expect(started.status).toBe('fulfilled');
      expect(removed).toMatchObject({ status: 'rejected', reason: { kind: 'conflict' } });
      expect(await state(subject(), id)).toBe('running');
    });

    test('a name given to a container that is being removed must be free afterwards', async () => {
      const { containers } = subject().client;
      for (let round = 0; round < 5; round++) {
        const id = await create(subject(), obedient);
        await Promise.allSettled([containers.remove(id), containers.rename(id, 'late')]);
        expect((await failure(containers.inspect('late'))).kind).toBe('not-found');
      }
      const next = await containers.create(
        { Image: 'tscompose.local/host', Cmd: ['true'] },
        { name: 'late' },
      );
      await containers.remove(next.Id);
    });

    test('a rename while it ends must keep both the name and the end', async () => {
      const { containers } = subject().client;
      for (let round = 0; round < 5; round++) {
        const id = await runReady(subject(), obedient);
        await Promise.all([
          containers.kill(id, { killSignal: 'TERM' }),
          containers.wait(id),
          ...Array.from({ length: 4 }, (_, index) => containers.rename(id, `r${round}-${index}`)),
        ]);
        expect(await state(subject(), id)).toBe('exited 5');
        expect((await containers.inspect(id)).Name).toBe(`/r${round}-3`);
      }
    });

    test('a start at the moment of the end must meet a container that has let go of everything', async () => {
      const { containers } = subject().client;
      const id = await run(subject(), ['sleep', '0.03'], {
        HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '18080' }] } },
      });
      const starts = async (): Promise<number> =>
        (await actions(subject(), id)).filter((action) => action === 'start').length;
      for (let round = 0; round < 10; round++) {
        await eventually(
          async () => {
            await containers.start(id);
            expect(await starts()).toBe(round + 2);
          },
          { intervalMs: 1 },
        );
      }
      await containers.wait(id);
      expect(await state(subject(), id)).toBe('exited 0');
      const found = (await actions(subject(), id)).join(' ');
      expect(found).toBe(`create${' connect start disconnect die'.repeat(11)}`);
    });

    test('a restart must keep a container that removes itself', async () => {
      const id = await runReady(subject(), obedient, { HostConfig: { AutoRemove: true } });
      await subject().client.containers.restart(id);
      expect(await state(subject(), id)).toBe('running');
      await isReady(subject(), id, 2);
      const { exited } = await subject().client.containers.watchExit(id, { condition: 'removed' });
      await subject().client.containers.stop(id);
      expect(await exited).toEqual({ StatusCode: 5 });
      expect((await failure(subject().client.containers.inspect(id))).kind).toBe('not-found');
    });

    test('a client that leaves while its start is under way must find it started', async () => {
      const id = await create(subject(), obedient);
      const leaving = new AbortController();
      const started = subject().client.containers.start(id, { signal: leaving.signal });
      await eventually(
        async () => {
          const record = join(subject().engine.stateRoot, 'records/containers', `${id}.json`);
          expect(await readFile(record, 'utf8')).toContain('"status":"running"');
        },
        { intervalMs: 0 },
      );
      leaving.abort();
      await started.catch(() => undefined);
      await eventually(async () => {
        expect(await state(subject(), id)).toBe('running');
      });
      expect((await subject().client.containers.inspect(id)).State.Error).toBe('');
    });

    test('its log must end for a follower when it is removed', async () => {
      const id = await run(subject(), sh('echo one; trap "" TERM; while :; do sleep 0.02; done'));
      const stream = subject().client.containers.logs(id, { follow: true });
      await stream.opened;
      const lines: string[] = [];
      const read = (async (): Promise<void> => {
        for await (const { text } of stream) lines.push(text);
      })();
      await eventually(() => {
        expect(lines).toEqual(['one']);
      });
      await subject().client.containers.remove(id, { force: true });
      await read;
      expect(lines).toEqual(['one']);
    });

    test.each(['not-running', 'next-exit', 'removed'] as const)(
      'a wait for %s must be answered by a forced removal',
      async (condition) => {
        const id = await run(subject(), stubborn);
        const { exited } = await subject().client.containers.watchExit(id, { condition });
        await subject().client.containers.remove(id, { force: true });
        expect(await exited).toEqual({ StatusCode: 137 });
      },
    );

    test('a signal that the program lives through must leave it running', async () => {
      const id = await run(subject(), stubborn);
      await subject().client.containers.kill(id, { killSignal: 'TERM' });
      expect(await state(subject(), id)).toBe('running');
      await subject().client.containers.kill(id);
      const refused = await failure(subject().client.containers.kill(id));
      expect(refused.kind).toBe('conflict');
    });
  },
);
