/**
 * One file of the state is damaged, and the next engine must start, name what it could not read, and leave alone what has
 * nothing to do with it. Programs go on whatever is damaged. MUTATIONS=1000 tries as many, FUZZ_SEED=7 others.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { waitedMs } from '../../lib/kills/bench.ts';
import { random } from '../../lib/random.ts';
import type { Random } from '../../lib/random.ts';
import { absent, create, obedient, run, runReady, sh, useEngine } from './support.ts';

const count = Number(process.env['MUTATIONS'] ?? '50');
const seed = Number(process.env['FUZZ_SEED'] ?? '1');
const mostStartMs = 3_000;

const damages: Readonly<Record<string, (bytes: Buffer, next: Random) => Buffer | null>> = {
  'a bit': (bytes, next) => {
    const changed = Buffer.from(bytes);
    const at = next(Math.max(1, bytes.length));
    if (changed.length > 0) changed[at] = (changed[at] ?? 0) ^ (1 << next(8));
    return changed;
  },
  'its second part': (bytes, next) => bytes.subarray(0, next(Math.max(1, bytes.length))),
  'all of it': () => Buffer.alloc(0),
  'all to zeros': (bytes) => Buffer.alloc(bytes.length),
  'all to foreign JSON': () => Buffer.from('{"kind":"Pod","metadata":{"name":"web"}}'),
  'the file': () => null,
};

describe.skipIf(absent.length > 0)(
  `an engine whose state is damaged (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    interface Bystander {
      readonly id: string;
      readonly pid: number;
    }

    async function pidOf(id: string): Promise<number> {
      return (await subject().client.containers.inspect(id)).State.Pid;
    }

    /** What may be damaged; a damage may have cost it the time before. */
    async function makeVictims(): Promise<void> {
      const { client } = subject();
      const names = (await client.networks.list()).map(({ Name }) => Name);
      if (!names.includes('lab')) await client.networks.create({ Name: 'lab' });
      await client.volumes.create({ Name: 'data' });
      const found = await client.containers.list({ all: true });
      const labels = new Set(found.map(({ Labels }) => Labels['victim']));
      const HostConfig = { NetworkMode: 'lab', Binds: ['data:/data'] };
      const Healthcheck = { Test: ['CMD', 'true'], Interval: 1e9 };
      if (!labels.has('runs'))
        await runReady(subject(), obedient, {
          Labels: { victim: 'runs' },
          HostConfig,
          Healthcheck,
        });
      if (!labels.has('ended')) {
        const id = await run(subject(), sh('exit 5'), { Labels: { victim: 'ended' } });
        await client.containers.wait(id);
      }
      if (!labels.has('made')) await create(subject(), ['true'], { Labels: { victim: 'made' } });
    }

    /** Every file that the engine writes and reads again, but for the bystander's. */
    async function stateFiles({ id }: Bystander): Promise<readonly string[]> {
      const { stateRoot, runRoot } = subject().engine;
      // In place of a damaged default network another one is made, which no audit can tell from a leak.
      const networks = await subject().client.networks.list();
      const defaults = networks.filter(({ Name }) => ['bridge', 'host', 'none'].includes(Name));
      const roots = [
        ...['records', 'containers'].map((name) => join(stateRoot, name)),
        join(runRoot, 'records'),
      ];
      const found = await Promise.all(
        roots.map((root) => readdir(root, { recursive: true, withFileTypes: true })),
      );
      return found
        .flat()
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((path) => !path.includes(id) && !path.includes('quarantine'))
        .filter((path) => !path.endsWith('.tmp~'))
        .filter((path) => !defaults.some(({ Id }) => path.includes(Id)))
        .sort();
    }

    /** Milliseconds, less what it has waited for a processor. */
    async function start(): Promise<number> {
      const startedAt = performance.now();
      await subject().engine.start();
      const tookMs = performance.now() - startedAt;
      return tookMs - waitedMs(await subject().engine.pid());
    }

    async function tryOne(bystander: Bystander, next: Random): Promise<void> {
      const { engine } = subject();
      const paths = await stateFiles(bystander);
      const path = paths[next(paths.length)] ?? '';
      const kinds = Object.keys(damages);
      const kind = kinds[next(kinds.length)] ?? '';
      const what = `${kind} of ${path}`;
      const runs = await engine.client.containers.list({ filters: { label: ['victim=runs'] } });
      const victims = await Promise.all(runs.map(({ Id }) => pidOf(Id)));
      await engine.kill();
      const bytes = await readFile(path);
      const damaged = damages[kind]?.(bytes, next) ?? null;
      if (damaged === null) await rm(path);
      else await writeFile(path, damaged);
      expect(await start(), what).toBeLessThan(mostStartMs);
      expect(await pidOf(bystander.id), what).toBe(bystander.pid);
      const { State } = await engine.client.containers.inspect(bystander.id);
      expect(State.Status, what).toBe('running');
      for (const pid of victims) expect(() => process.kill(pid, 0), what).not.toThrow();
      const isRecord = path.includes('/records/');
      if (damaged !== null && isRecord && !existsSync(path))
        expect(await engine.log(), what).toContain(path);
      await engine.kill();
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
      await rm(join(dirname(path), 'quarantine'), { recursive: true, force: true });
      await start();
      expect(await pidOf(bystander.id), `after ${what} was put back`).toBe(bystander.pid);
    }

    test(
      `must start and leave others alone, ${count} times`,
      async () => {
        const id = await runReady(subject(), obedient, { HostConfig: { NetworkMode: 'none' } });
        const bystander = { id, pid: await pidOf(id) };
        const next = random(seed);
        for (let number = 0; number < count; number += 1) {
          await makeVictims();
          await tryOne(bystander, next);
        }
        const { exitCode } = await subject().client.execs.run(
          id,
          { Cmd: ['sh', '-c', 'exit 3'] },
          { onOutput: () => undefined },
        );
        expect(exitCode).toBe(3);
        // The default bridge goes with an engine that has nothing on it; the audit had it from the start.
        const last = await run(subject(), ['true']);
        await subject().client.containers.wait(last);
      },
      60_000 + count * 20_000,
    );
  },
);
