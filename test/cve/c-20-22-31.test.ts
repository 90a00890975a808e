/**
 * C-20, CVE-2019-14271: `cp` loads a library out of the container. C-22, CVE-2026-41567: an upload is unpacked by the
 * container's own program. C-31, CVE-2022-1227: `top` and its like execute something of the container's.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { FilesFixture, type TestContainer } from '../conformance/files-fixture.ts';
import { missing } from '../lib/requires.ts';
import { enginePid, traced } from './traced.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox', 'strace');

const trojans = ['xz', 'gzip', 'gunzip', 'unpigz', 'zstd', 'bzip2', 'tar', 'sh', 'ps', 'docker'];
const libraries = ['libnss_files.so.2', 'libc.so.6', 'liblzma.so.5', 'libz.so.1'];

describe.skipIf(absent.length > 0)(`copies (missing: ${absent.join() || 'nothing'})`, () => {
  let fixture: FilesFixture;

  beforeAll(async () => {
    fixture = await FilesFixture.open();
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    fixture.reset();
  });

  /** A container full of programs that leave a mark, and of libraries. */
  async function trapped(condition: 'created' | 'running' | 'exited'): Promise<TestContainer> {
    const container = await fixture.made(condition);
    for (const directory of ['bin', 'usr/bin', 'usr/local/bin', 'sbin', 'lib', 'lib64'])
      mkdirSync(fixture.path(`trap/${directory}`), { recursive: true });
    for (const directory of ['bin', 'usr/bin', 'usr/local/bin', 'sbin'])
      for (const name of trojans) {
        const script = '#!/bin/busybox sh\nenv >/executed\n';
        writeFileSync(fixture.path(`trap/${directory}/${name}`), script, { mode: 0o755 });
      }
    for (const name of libraries) writeFileSync(fixture.path(`trap/lib/${name}`), 'trap');
    mkdirSync(fixture.path('trap/etc'));
    writeFileSync(fixture.path('trap/etc/nsswitch.conf'), 'passwd: files trap\n');
    await fixture.docker.ok('cp', `${fixture.place}/trap/.`, `${container.id}:/`);
    return container;
  }

  async function copyBothWays(id: string): Promise<void> {
    const { docker } = fixture;
    await docker.ok('cp', fixture.path('tree'), `${id}:/copied`);
    await docker.ok('cp', '-a', fixture.path('tree'), `${id}:/archived`);
    await docker.ok('cp', `${id}:/lib`, fixture.path('out'));
    await docker.ok('export', '-o', fixture.path('export.tar'), id);
  }

  const isLibrary = (line: string): boolean =>
    /\.so[.0-9]*"/.test(line) && !/O_NOFOLLOW/.test(line);

  test.each(['created', 'running', 'exited'] as const)(
    'C-20, CVE-2019-14271: nothing of a %s container must be executed or loaded by a copy',
    async (condition) => {
      await using container = await trapped(condition);
      const pid = enginePid(fixture.engine);
      const mapped = (): readonly string[] =>
        [...readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/\S*\.so\S*$/gm)].map(String);
      const before = new Set(mapped());
      const { executed, opened } = await traced(fixture.engine, () => copyBothWays(container.id));
      expect(executed.join('\n')).toBe('');
      expect(opened.filter(isLibrary)).toEqual([]);
      expect(mapped().filter((line) => !before.has(line))).toEqual([]);
      // The trace did see what was done: the libraries were read, as files without following anything.
      expect(opened.filter((line) => line.includes('libnss_files.so.2')).length).toBeGreaterThan(0);
    },
  );

  test.each([
    ['gzip', (bytes: Buffer) => gzipSync(bytes)],
    ['xz', (bytes: Buffer) => execFileSync('xz', ['-c'], { input: bytes })],
    ['bzip2', (bytes: Buffer) => execFileSync('bzip2', ['-c'], { input: bytes })],
    ['zstd', (bytes: Buffer) => execFileSync('zstd', ['-c', '-q'], { input: bytes })],
    ['nothing', (bytes: Buffer) => bytes],
  ])(
    'C-22, CVE-2026-41567: an upload packed by %s must not be unpacked by the container',
    async (packing, pack) => {
      await using container = await trapped('running');
      const { id } = container;
      const archive = pack(execFileSync('tar', ['-C', fixture.place, '-c', 'plain']));
      const { executed } = await traced(fixture.engine, () =>
        fixture.engine.client.archives.write(id, '/', { archive: chunks(archive) }),
      );
      // What Node cannot unpack is the work of the host's program, by its path, with nothing of ours in its environment.
      const started = ['gzip', 'nothing'].includes(packing) ? [] : [packing];
      expect(
        executed.map((line) => /"\/usr\/bin\/(\w+)".* 1 vars? \*\/\) += 0$/.exec(line)?.[1]),
      ).toEqual(started);
      const { code } = await fixture.docker.run('cp', `${id}:/executed`, '-');
      expect(code).toBe(1);
    },
  );

  describe('C-31, CVE-2022-1227: what looks at a container must execute nothing', () => {
    const looks: readonly (readonly [string, (id: string) => Promise<unknown>])[] = [
      ['top', (id) => fixture.docker.ok('top', id)],
      ['stats', (id) => fixture.docker.ok('stats', '--no-stream', id)],
      ['diff', (id) => fixture.docker.ok('diff', id)],
      ['cp', (id) => copyBothWays(id)],
      [
        'commit',
        async (id) => {
          await fixture.docker.ok('commit', id, 'trapped');
          await fixture.docker.ok('rmi', 'trapped');
        },
      ],
      ['inspect', (id) => fixture.docker.ok('inspect', '--size', id)],
    ];

    test.each(looks)('%s', async (_, look) => {
      await using container = await trapped('running');
      const { executed } = await traced(fixture.engine, async () => {
        await look(container.id);
      });
      expect(executed.join('\n')).toBe('');
      expect((await fixture.docker.run('cp', `${container.id}:/executed`, '-')).code).toBe(1);
    });

    test('but the host’s ps, when that is asked for', async () => {
      await using container = await trapped('running');
      const { executed } = await traced(fixture.engine, async () => {
        await fixture.docker.ok('top', container.id, '-o', 'pid,args');
      });
      const started = executed.filter((line) => line.endsWith('= 0'));
      expect(started.length).toBe(1);
      expect(started[0]).toMatch(/^execve\("\/(usr\/)?bin\/ps"/);
      expect((await fixture.docker.run('cp', `${container.id}:/executed`, '-')).code).toBe(1);
    });
  });
});

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}
