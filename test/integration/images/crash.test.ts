/** kill -9 at system calls spread over a load, by strace; whatever is there afterwards, the next engine mends. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { dockerArchive } from '../../lib/image-archive.ts';
import { openStore, stream } from '../../lib/image-store.ts';
import { tar } from '../../lib/tar-builder.ts';
import { tempDir } from '../../lib/temp-dir.ts';

const source = fileURLToPath(new URL('load-child.ts', import.meta.url));
// Beside the other compiled code, from where the addon is found.
const child = fileURLToPath(new URL('../../../dist/test/load-child.mjs', import.meta.url));

const layer = (content: string): Buffer =>
  tar(
    { name: 'd/', flag: '5' },
    ...Array.from({ length: 40 }, (_, index) => ({
      name: `d/${content}${index}`,
      data: content.repeat(100),
    })),
    { name: `.wh.${content}` },
    { name: `l${content}`, flag: '2', linkName: 'd' },
  );
const archive = dockerArchive({ layers: [layer('a'), layer('b'), layer('c')], tags: ['demo:1'] });

/** What changes the disk, and every step of the addon below a directory; `write` would be most of a load. */
const calls =
  'openat2,rename,renameat,renameat2,fsync,syncfs,unlink,unlinkat,mkdir,mkdirat,mknodat,symlinkat';
const kills = 16;

interface Traced {
  readonly signal: string | null;
  readonly output: string;
  /** Traced calls of the main thread, where `when` counts. */
  readonly calls: number;
}

function loadUnderTrace(path: string, when: number | null): Traced {
  const file = join(path, 'archive.tar');
  const trace = join(path, 'trace');
  writeFileSync(file, archive);
  const inject = when === null ? [] : ['-e', `inject=${calls}:signal=KILL:when=${when}`];
  const result = spawnSync(
    'strace',
    [
      '-f',
      '-qq',
      '-o',
      trace,
      '-e',
      `trace=${calls}`,
      ...inject,
      process.execPath,
      child,
      path,
      file,
    ],
    { env: { PATH: process.env['PATH'], UV_THREADPOOL_SIZE: '1' }, encoding: 'utf8' },
  );
  const lines = readFileSync(trace, 'utf8').split('\n');
  const [main = ''] = (lines[0] ?? '').split(' ');
  rmSync(trace);
  rmSync(file);
  return {
    signal: result.signal,
    output: result.stderr,
    calls: lines.filter((line) => line.startsWith(`${main} `)).length,
  };
}

function contentOf(path: string): string[] {
  const state = join(path, 'state');
  return [
    ...readdirSync(join(state, 'images', 'blobs', 'sha256')),
    ...readdirSync(join(state, 'snapshots', 'layers')),
    // The store of records keeps a file of its own for the next one.
    ...readdirSync(join(state, 'records', 'images')).filter((name) => !name.endsWith('~')),
  ].sort();
}

describe.skipIf(spawnSync('strace', ['-V']).status !== 0)('a load that is killed', () => {
  let total = 0;
  let expected: string[] = [];

  beforeAll(async () => {
    buildSync({
      entryPoints: [source],
      outfile: child,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      banner: {
        js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
      },
    });
    await using dir = await tempDir();
    const traced = loadUnderTrace(dir.path, null);
    expect(traced).toMatchObject({ signal: null, output: '' });
    total = traced.calls;
    expected = contentOf(dir.path);
  });

  test.each(Array.from({ length: kills }, (_, index) => [index + 1]))(
    `at moment %d of ${kills} must leave nothing that hinders the next one`,
    async (moment) => {
      await using dir = await tempDir();
      const when = Math.ceil((total * moment) / (kills + 1));
      expect(loadUnderTrace(dir.path, when).signal).toBe('SIGKILL');

      const { images, snapshots } = await openStore(dir.path);
      expect(images.problems).toEqual([]);
      for (const image of images.list())
        expect(images.layers.lowerDirs(image.chain.at(-1) ?? null)).toHaveLength(3);
      await images.load(stream(archive));
      const tree = await snapshots.view(images.require('demo:1'), (root) =>
        execFileSync(
          'sh',
          ['-c', 'cd /proc/self/fd/3/ && find . -mindepth 1 | wc -l; wc -c < d/c7'],
          {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'pipe', root],
          },
        ),
      );
      expect(tree).toBe('124\n100\n');
      await snapshots.close();
      expect(contentOf(dir.path)).toEqual(expected);
    },
  );
});
