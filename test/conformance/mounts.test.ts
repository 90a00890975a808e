/** Mounts of every kind, asked for by the real `docker` command and seen from inside. */
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { makeImage } from '../cve/image.ts';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';

const title = `mounts (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  const { output, attempt } = tools;
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  function host(name: string): string {
    const path = join(dir.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  describe('a part of a volume', () => {
    beforeAll(async () => {
      const script =
        'mkdir -p a/b; echo in >a/b/file; ln -s a link; ln -s /etc out; ln -s ../.. up; ln -s a/b/file name';
      await output(['-v', 'parts:/v', '-w', '/v'], 'sh', '-c', script);
    });
    const mounted = (subpath: string, rest = ''): string[] => [
      '--mount',
      `type=volume,source=parts,target=/m,volume-subpath=${subpath}${rest}`,
    ];

    test.each([
      ['a', 'b'],
      ['a/b', 'file'],
      ['link', 'b'],
      ['./a//b/', 'file'],
    ])('%s must be what is mounted', async (subpath, content) => {
      expect(await output(mounted(subpath), 'ls', '/m')).toBe(content);
    });

    test('that is a file must be mounted on a file, and can be read-only', async () => {
      expect(await output(mounted('name', ',readonly'), 'cat', '/m')).toBe('in');
      const refused = await attempt(mounted('name', ',readonly'), 'sh', '-c', 'echo x >/m');
      expect(refused.stderr).toContain('Read-only file system');
    });

    test.each([
      ['../x', 'subpath must be a relative path within the volume'],
      ['nowhere', 'no such file or directory'],
      ['out', 'path concatenation escapes the base directory'],
      ['up', 'path concatenation escapes the base directory'],
      ['out/passwd', 'path concatenation escapes the base directory'],
    ])('%s must be refused', async (subpath, reason) => {
      const { code, stderr } = await attempt(mounted(subpath), 'true');
      expect(code).not.toBe(0);
      expect(stderr).toContain(reason);
    });
  });

  describe('an image', () => {
    let layers = '';

    beforeAll(async () => {
      await makeImage(tools.docker, dir.path, (root) => {
        mkdirSync(join(root, 'docs'));
        writeFileSync(join(root, 'docs/one'), 'one');
        chownSync(join(root, 'docs/one'), 7, 8);
      });
      // A second layer, on top of busybox's.
      const id = await tools.docker.ok(
        'run',
        '-d',
        'app',
        'sh',
        '-c',
        'mkdir /docs; echo 2 >/docs/two',
      );
      await tools.docker.ok('wait', id);
      layers = await tools.docker.ok('commit', id, 'layers');
      await tools.docker.ok('rm', id);
    });
    const mounted = (source: string, rest = ''): string[] => [
      '--mount',
      `type=image,source=${source},target=/i${rest}`,
    ];

    test('must be its files, which nobody can write to', async () => {
      expect(await output(mounted('layers'), 'sh', '-c', 'cat /i/docs/two; ls /i/bin')).toBe(
        '2\nbusybox',
      );
      expect(await output(mounted('app'), 'ls', '/i/bin')).toBe('busybox');
      for (const image of ['app', 'layers']) {
        const refused = await attempt(mounted(image), 'touch', '/i/bin/busybox');
        expect(refused.stderr).toContain('Read-only file system');
      }
    });

    test('can be mounted in part, of one layer and of several', async () => {
      expect(await output(mounted('layers', ',image-subpath=docs'), 'ls', '/i')).toBe('two');
      expect(await output(mounted('layers', ',image-subpath=docs/two'), 'cat', '/i')).toBe('2');
      expect(await output(mounted('app', ',image-subpath=bin'), 'ls', '/i')).toBe('busybox');
      const { code, stderr } = await attempt(mounted('layers', ',image-subpath=nope'), 'true');
      expect([code, stderr]).toEqual([
        expect.any(Number),
        expect.stringContaining('no such file or directory'),
      ]);
    });

    test('must stay for as long as a container mounts it', async () => {
      const id = await tools.docker.ok('create', ...mounted('layers'), 'app', 'ls', '/i/docs');
      expect(layers).toMatch(/^sha256:/);
      const refused = await tools.docker.run('rmi', 'layers');
      expect(refused.stderr).toContain('conflict');
      const { Mounts } = await tools.engine.client.containers.inspect(id);
      expect(Mounts).toEqual([
        {
          Type: 'image',
          Name: 'layers',
          Source: '',
          Destination: '/i',
          Mode: '',
          RW: false,
          Propagation: 'rprivate',
        },
      ]);
      await tools.docker.ok('tag', 'app', 'layers');
      expect(await tools.docker.ok('start', '-a', id)).toBe('two');
      await tools.docker.ok('cp', `${id}:/i/docs/two`, join(dir.path, 'copied'));
      expect(statSync(join(dir.path, 'copied')).size).toBe(2);
    });

    test('that is not there must be refused by its name', async () => {
      const { stderr } = await attempt(mounted('nope'), 'true');
      expect(stderr).toContain('No such image: nope');
    });
  });

  describe('a tmpfs', () => {
    test('must have the size, mode, owner and flags asked for', async () => {
      const options = '/t:size=1m,mode=0750,uid=5,gid=6,exec';
      const seen = await output(
        ['--tmpfs', options],
        'sh',
        '-c',
        'stat -c "%a %u %g" /t; grep " /t " /proc/mounts',
      );
      expect(seen).toMatch(
        /^750 5 6\ntmpfs \/t tmpfs rw,nosuid,nodev,\S*size=1024k,mode=750,uid=5,gid=6/,
      );
      const mount = 'type=tmpfs,target=/t,tmpfs-size=65536,tmpfs-mode=700,readonly';
      expect(await output(['--mount', mount], 'grep', ' /t ', '/proc/mounts')).toMatch(
        /^tmpfs \/t tmpfs ro,nosuid,nodev,noexec,\S*size=64k,mode=700/,
      );
    });
  });

  describe('volumes of another container', () => {
    test('must be the same, read-only where asked', async () => {
      const bind = host('from');
      chmodSync(bind, 0o777);
      const mounts = ['-v', 'from:/v', '-v', `${bind}:/b:ro`, '-v', '/anonymous'];
      await tools.docker.ok('create', '--name', 'donor', ...mounts, 'app', 'true');
      const script = 'touch /v/x && touch /anonymous/y; touch /b/z; ls /v';
      const { stdout, stderr } = await attempt(['--volumes-from', 'donor'], 'sh', '-c', script);
      expect(stdout).toBe('x\n');
      expect(stderr).toContain('/b/z: Read-only file system');
      const readonly = await attempt(['--volumes-from', 'donor:ro'], 'touch', '/v/x');
      expect(readonly.stderr).toContain('Read-only file system');
      // The heir goes with `--rm`, and leaves what is not its own.
      expect(await output(['--volumes-from', 'donor'], 'ls', '/anonymous')).toBe('y');
    });
  });
});
