import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Durability } from '../../../engine/lib/index.ts';
import { RecordStore } from '../../../engine/store/index.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import type { TempDir } from '../../lib/temp-dir.ts';
import { groups, possibleSizes, thingOf } from './store-operations.ts';
import type { Thing } from './store-operations.ts';

const absent = missing('strace');
const keys = [...new Set(groups.flat().map(({ key }) => key))];

/** The calls by which a store changes files. Each is killed before its n-th time, for every n there is. */
const calls = ['link', 'rename', 'ftruncate', 'fsync'] as const;

let dir: TempDir;
let driver: string;

beforeAll(async () => {
  dir = await tempDir();
  driver = join(dir.path, 'driver.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'store-driver.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: driver,
    logLevel: 'error',
  });
});

afterAll(async () => {
  await dir[Symbol.asyncDispose]();
});

interface Killed {
  readonly wasKilled: boolean;
  /** Numbers of the operations that were acknowledged. */
  readonly done: ReadonlySet<number>;
}

async function runKilled(
  directory: string,
  durability: Durability,
  { call, time }: { readonly call: string; readonly time: number },
): Promise<Killed> {
  const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${time}`];
  const child = spawn(
    'strace',
    ['-f', '-qq', '-o', '/dev/null', ...inject, process.execPath, driver, directory, durability],
    // One thread of the pool: strace counts per thread.
    { env: { UV_THREADPOOL_SIZE: '1' }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  const numbers = output.split('\n').filter((line) => line !== '');
  return { wasKilled: signal === 'SIGKILL', done: new Set(numbers.map(Number)) };
}

/** What is wrong with the store after the kill. */
async function findings(
  directory: string,
  durability: Durability,
  done: ReadonlySet<number>,
): Promise<readonly string[]> {
  const { store, quarantined } = await RecordStore.open<Thing>({
    directory,
    durability,
    schemaVersion: 1,
    read: (body) => body as unknown as Thing,
  });
  const wrong = quarantined.map(({ path, reason }) => `${path}: ${reason}`);
  for (const key of keys) {
    const thing = store.get(key);
    const isWhole = thing === undefined || thing.text === thingOf(thing.size).text;
    const possible = possibleSizes(key, done);
    if (!isWhole || !possible.includes(thing?.size ?? null))
      wrong.push(`${key} is ${thing?.size ?? 'gone'}, may be ${possible.join(' or ')}`);
  }
  const left = (await readdir(directory)).filter(
    (name) => !name.endsWith('.json') && name !== 'quarantine',
  );
  return [...wrong, ...left.map((name) => `${name} was left behind`)];
}

describe.skipIf(absent.length > 0).each<Durability>(['disk', 'boot'])(
  'a store for %s, killed',
  (durability) => {
    test.each(calls)('before any %s must have what it has acknowledged, whole', async (call) => {
      const wrong: string[] = [];
      let time = 0;
      for (let wasKilled = true; wasKilled;) {
        time += 1;
        const directory = join(dir.path, 'store');
        await mkdir(directory, { recursive: true });
        const killed = await runKilled(directory, durability, { call, time });
        ({ wasKilled } = killed);
        for (const finding of await findings(directory, durability, killed.done))
          wrong.push(`${call} ${time}: ${finding}`);
        await rm(directory, { recursive: true });
      }
      expect(wrong).toEqual([]);
      const isUsed = call !== 'fsync' || durability === 'disk';
      expect(time > 5).toBe(isUsed);
    });
  },
);
