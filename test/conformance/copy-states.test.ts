/** `cp`, `diff`, `export` and `commit` of containers in every state. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { appEngine, type AppEngine } from '../lib/app-engine.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

describe.skipIf(absent.length > 0)(
  `files of containers (missing: ${absent.join() || 'nothing'})`,
  () => {
    let app: AppEngine;
    let place: string;

    beforeAll(async () => {
      app = await appEngine('sh cat sleep echo'.split(' '));
      place = join(app.engine.root, 'files');
      mkdirSync(join(place, 'tree/sub'), { recursive: true });
      writeFileSync(join(place, 'tree/sub/file'), 'content\n', { mode: 0o640 });
    });
    afterAll(async () => {
      await app[Symbol.asyncDispose]();
    });
    afterEach(async () => {
      await app.clear();
      await app.docker.run('volume', 'rm', 'data');
      await app.docker.run('rmi', 'kept');
    });

    const run = ['run', '-d', '--network', 'none', '--stop-signal', 'KILL', '-v', 'data:/data'];

    async function made(condition: string, ...options: readonly string[]): Promise<string> {
      const script = 'echo own > /own; exec sleep 1000';
      const command = options.includes('--read-only') ? 'exec sleep 1000' : script;
      const id = await app.docker.ok(...run, ...options, 'app', 'sh', '-c', command);
      if (condition === 'paused') await app.docker.ok('pause', id);
      if (condition === 'exited') await app.docker.ok('kill', id);
      if (condition === 'exited') await app.docker.ok('wait', id);
      return id;
    }

    test.each(['running', 'paused', 'exited'])(
      'of a %s one must go in and out, be told and kept',
      async (condition) => {
        const id = await made(condition);
        const { docker } = app;
        await docker.ok('cp', join(place, 'tree'), `${id}:/in`);
        await docker.ok('cp', `${join(place, 'tree')}/.`, `${id}:/data`);
        const out = join(place, `out-${condition}`);
        await docker.ok('cp', `${id}:/in`, out);
        expect(readFileSync(join(out, 'sub/file'), 'utf8')).toBe('content\n');
        await docker.ok('cp', `${id}:/data/sub/file`, `${out}/from-volume`);
        expect(readFileSync(`${out}/from-volume`, 'utf8')).toBe('content\n');
        expect((await docker.ok('diff', id)).split('\n').sort()).toEqual(
          expect.arrayContaining(['A /in', 'A /in/sub', 'A /in/sub/file', 'A /own']),
        );
        await docker.ok('export', '-o', `${out}/export.tar`, id);
        const listed = execFileSync('tar', ['-tf', `${out}/export.tar`]).toString();
        expect(listed).toMatch(/^in\/sub\/file$/m);
        // What is in a volume is not the container's.
        expect(listed).not.toMatch(/^data\/sub/m);
        await docker.ok(
          ...[
            'commit',
            '-a',
            'somebody',
            '-m',
            'why',
            '--change',
            'ENV A="b c"',
            '--change',
            'CMD ["cat","/own"]',
          ],
          ...[id, 'kept'],
        );
        const format = '{{.Author}}|{{.Comment}}|{{index .Config.Env 0}}|{{json .Config.Cmd}}';
        expect(await docker.ok('inspect', '-f', format, 'kept')).toContain('somebody|why|');
        expect(await docker.ok('run', '--rm', '--network', 'none', 'kept')).toBe('own');
        const shown = await docker.ok('inspect', '-f', '{{.State.Status}}', id);
        expect(shown).toBe(condition);
      },
    );

    test('of a read-only one only what is mounted must take files', async () => {
      const id = await made('running', '--read-only');
      const refused = await app.docker.run('cp', join(place, 'tree'), `${id}:/in`);
      expect([refused.code, refused.stderr.trim()]).toEqual([
        1,
        'Error response from daemon: container rootfs is marked read-only',
      ]);
      await app.docker.ok('cp', join(place, 'tree'), `${id}:/data/in`);
      expect(await app.docker.ok('exec', id, 'cat', '/data/in/sub/file')).toBe('content');
      await app.docker.ok('cp', `${id}:/bin/busybox`, join(place, 'busybox'));
    });

    test('a stream must be unpacked however it is packed', async () => {
      const id = await made('running');
      const tar = execFileSync('tar', ['-C', place, '-c', 'tree']);
      for (const packing of ['gzip', 'bzip2', 'xz', 'zstd']) {
        const packed = execFileSync(packing, ['-c', '-q'], { input: tar });
        await app.docker.ok('exec', id, 'sh', '-c', `echo > /is-${packing}`);
        const { code, stderr } = await app.docker.runWithInput(packed, 'cp', '-', `${id}:/`);
        expect([packing, code, stderr]).toEqual([packing, 0, '']);
        expect(await app.docker.ok('exec', id, 'cat', '/tree/sub/file')).toBe('content');
      }
      const broken = execFileSync('xz', ['-c'], { input: tar }).subarray(0, 100);
      const { code, stderr } = await app.docker.runWithInput(broken, 'cp', '-', `${id}:/`);
      expect([code, stderr]).toEqual([1, expect.stringContaining('damaged xz data: ')]);
    });
  },
);
