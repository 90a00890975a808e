/** The option `compress` of logs: what was rotated is smaller, and nothing is lost, whatever becomes of the engine. */
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import { absent, run, sh, state, useEngine } from './support.ts';

const lines = 6000;
const program = sh(
  `n=0; while [ $n -lt ${lines} ]; do n=$((n + 1)); echo "line number $n"; [ $((n % 100)) -ne 0 ] || sleep 0.03; done`,
);
const expected = Array.from({ length: lines }, (_, index) => `line number ${index + 1}`);

describe.skipIf(absent.length > 0)(
  `compressed logs (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    function logConfig(Config: Readonly<Record<string, string>>): object {
      return { HostConfig: { LogConfig: { Type: 'json-file', Config } } };
    }

    async function filesOf(id: string): Promise<string[]> {
      const { LogPath } = await subject().client.containers.inspect(id);
      return (await readdir(dirname(LogPath))).filter((name) => name.startsWith('log')).sort();
    }

    async function read(id: string, options: object = {}): Promise<string[]> {
      const texts: string[] = [];
      for await (const { text } of subject().client.containers.logs(id, options)) texts.push(text);
      return texts;
    }

    async function ends(id: string): Promise<void> {
      await eventually(
        async () => {
          expect(await state(subject(), id)).toBe('exited 0');
        },
        { timeoutMs: 60_000 },
      );
    }

    test('a follower must have every line, and all that is rotated be compressed', async () => {
      const options = { 'max-size': '20k', 'max-file': '99', compress: 'true' };
      const id = await run(subject(), program, logConfig(options));
      expect(await read(id, { follow: true })).toEqual(expected);
      await eventually(async () => {
        const [current, ...rotated] = await filesOf(id);
        expect(current).toBe('log');
        expect(rotated.length).toBeGreaterThan(3);
        expect(rotated.filter((name) => !name.endsWith('.gz'))).toEqual([]);
      });
      expect(await read(id)).toEqual(expected);
      expect(await read(id, { tail: '2500' })).toEqual(expected.slice(-2500));
    });

    test('an engine that is killed must lose and repeat no line', async () => {
      const options = { 'max-size': '4k', 'max-file': '999', compress: 'true' };
      const id = await run(subject(), program, logConfig(options));
      for (let kill = 0; kill < 4; kill += 1) {
        await eventually(async () => {
          // A busy shim reads some hundred lines at once, of which hardly two fit into a file.
          expect((await filesOf(id)).length).toBeGreaterThan(kill * 3 + 3);
        });
        await subject().engine.kill();
        await subject().engine.start();
        const seen = await read(id);
        expect(seen).toEqual(expected.slice(0, seen.length));
      }
      await ends(id);
      expect(await read(id)).toEqual(expected);
      await eventually(async () => {
        const names = (await filesOf(id)).filter((name) => !/^log(\.\d+\.gz)?$/.test(name));
        expect(names).toEqual([]);
      });
    });

    test('only as many as are wanted must stay', async () => {
      const options = { 'max-size': '4k', 'max-file': '3', compress: 'true' };
      const id = await run(subject(), program, logConfig(options));
      await ends(id);
      await eventually(async () => {
        const names = await filesOf(id);
        expect(names).toHaveLength(3);
        expect(names.filter((name) => name.endsWith('.gz'))).toHaveLength(2);
      });
      const seen = await read(id);
      expect(seen.slice(1)).toEqual(expected.slice(-(seen.length - 1)));
    });

    test('a removal meanwhile must leave nothing', async () => {
      const options = { 'max-size': '4k', 'max-file': '99', compress: 'true' };
      const id = await run(subject(), program, logConfig(options));
      await eventually(async () => {
        expect((await filesOf(id)).length).toBeGreaterThan(3);
      });
      await subject().client.containers.remove(id, { force: true });
    });
  },
);
