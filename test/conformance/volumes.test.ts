/** Named volumes with the options of the driver "local", by the real `docker` command; its words are dockerd 28.5's. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lib/eventually.ts';

import { makeImage } from '../cve/image.ts';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { missing } from '../lib/requires.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';

const title = `volumes (missing: ${absentForDocker.join() || 'nothing'})`;
const absentForLoop = missing('loop');

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  const { output, attempt } = tools;
  let dir: TempDir;
  /** An image with content at /data. */
  let filled = '';

  beforeAll(async () => {
    dir = await tempDir();
    filled = await makeImage(tools.docker, dir.path, (root) => {
      mkdirSync(join(root, 'data/sub'), { recursive: true });
      writeFileSync(join(root, 'data/file'), 'of the image', { mode: 0o640 });
      execFileSync('chown', ['-R', '7:8', join(root, 'data')]);
    });
  });
  afterEach(async () => {
    const ids = (await tools.docker.ok('ps', '-aq')).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await tools.docker.ok('rm', '-f', ...ids);
    const names = (await tools.docker.ok('volume', 'ls', '-q')).split('\n').filter(Boolean);
    if (names.length > 0) await tools.docker.ok('volume', 'rm', ...names);
    expect(mounted()).toEqual([]);
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  async function create(name: string, ...options: readonly string[]): Promise<void> {
    const flags = options.flatMap((option) => ['-o', option]);
    expect(await tools.docker.ok('volume', 'create', ...flags, name)).toBe(name);
  }

  const directoryOf = (name: string): string =>
    join(tools.engine.stateRoot, 'volumes', name, '_data');

  /** Mount points of volumes, with type and options. */
  function mounted(): readonly string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(join(tools.engine.stateRoot, 'volumes')))
      .map((line) => line.split(' ')[4] ?? '');
  }

  describe('a bind', () => {
    test('must be mounted when it is used, and let go of with the last user', async () => {
      const source = join(dir.path, 'source');
      mkdirSync(source);
      writeFileSync(join(source, 'there'), '');
      await create('bound', 'type=none', 'o=bind', `device=${source}`);
      expect(mounted()).toEqual([]);
      const ids = [];
      for (let i = 0; i < 2; i += 1)
        ids.push(await tools.docker.ok('run', '-d', '-v', 'bound:/b', 'app', 'sleep', '1000'));
      expect(mounted()).toEqual([directoryOf('bound')]);
      expect(await tools.docker.ok('exec', ids[0] ?? '', '/bin/busybox', 'ls', '/b')).toBe('there');
      await tools.docker.ok('stop', '-t', '0', ids[0] ?? '');
      expect(mounted()).toEqual([directoryOf('bound')]);
      await tools.engine.kill();
      await tools.engine.start();
      expect(mounted()).toEqual([directoryOf('bound')]);
      const refused = await tools.docker.run('volume', 'rm', 'bound');
      expect(refused.stderr).toContain('remove bound: volume is in use - [');
      await tools.docker.ok('stop', '-t', '0', ids[1] ?? '');
      expect(mounted()).toEqual([]);
      await tools.docker.ok('cp', `${ids[1] ?? ''}:/b/there`, join(dir.path, 'copied'));
      // Its files are let go of when the answer is on its way.
      await eventually(() => {
        expect(mounted()).toEqual([]);
      });
      await tools.docker.ok('rm', ...ids);
      await tools.docker.ok('volume', 'rm', 'bound');
      expect(readdirSync(source)).toEqual(['there']);
    });

    test('that is empty must be filled from the image, with owner and mode', async () => {
      const source = join(dir.path, 'empty');
      mkdirSync(source);
      await create('filled', 'type=none', 'o=bind', `device=${source}`);
      await tools.docker.ok('create', '-v', 'filled:/data', filled, 'true');
      expect(readdirSync(source)).toEqual(['file', 'sub']);
      expect(statSync(source)).toMatchObject({ uid: 7, gid: 8 });
      expect(statSync(join(source, 'file'))).toMatchObject({ uid: 7, mode: 0o100640 });
    });

    test('left by an engine that was killed must be taken away by the next', async () => {
      const source = join(dir.path, 'left');
      mkdirSync(source);
      await create('left', 'type=none', 'o=bind', `device=${source}`);
      await tools.engine.kill();
      // As if it had been killed right after its mount.
      execFileSync('mount', ['--bind', source, directoryOf('left')]);
      mkdirSync(join(source, '.tscompose-copy'));
      writeFileSync(join(source, '.tscompose-copy/half'), '');
      await tools.engine.start();
      expect(mounted()).toEqual([]);
      expect(await output(['-v', 'left:/b'], 'ls', '-A', '/b')).toBe('');
    });
  });

  test('a tmpfs must have its options, and be one for all its users', async () => {
    await create('memory', 'type=tmpfs', 'device=tmpfs', 'o=size=1m,uid=1000,mode=700,noexec');
    const id = await tools.docker.ok('run', '-d', '-v', 'memory:/m', 'app', 'sleep', '1000');
    const exec = ['exec', id, '/bin/busybox'];
    expect(await tools.docker.ok(...exec, 'grep', ' /m ', '/proc/mounts')).toMatch(
      /^tmpfs \/m tmpfs rw,noexec,\S*size=1024k,mode=700,uid=1000/,
    );
    await tools.docker.ok(...exec, 'touch', '/m/shared');
    expect(await output(['-v', 'memory:/m:ro'], 'ls', '/m')).toBe('shared');
    await tools.docker.ok('rm', '-f', id);
    expect(await output(['-v', 'memory:/m'], 'ls', '/m')).toBe('');
  });

  test.skipIf(absentForLoop.length > 0)(
    `a file system on a device (missing: ${absentForLoop.join() || 'nothing'}) must keep its files`,
    async () => {
      const file = join(dir.path, 'disk');
      execFileSync('truncate', ['-s', '8M', file]);
      execFileSync('mkfs.ext4', ['-q', '-F', file]);
      const device = execFileSync('losetup', ['-f', '--show', file], { encoding: 'utf8' }).trim();
      try {
        await create('disk', 'type=ext4', `device=${device}`, 'o=noatime');
        await output(['-v', 'disk:/d'], 'touch', '/d/kept');
        expect(mounted()).toEqual([]);
        const seen = await output(['-v', 'disk:/d'], 'sh', '-c', 'ls /d; grep " /d " /proc/mounts');
        expect(seen).toMatch(/^kept\nlost\+found\n\S+ \/d ext4 rw,noatime/);
        await tools.docker.ok('volume', 'rm', 'disk');
      } finally {
        execFileSync('losetup', ['-d', device]);
      }
    },
  );

  test.each([
    ['foo=bar', 'create xx: invalid option: "foo"'],
    ['type=tmpfs', 'create xx: missing required option: "device"'],
    ['device=x', 'create xx: missing required option: "type"'],
    ['o=x', 'create xx: missing required option: "device"'],
    ['size=10m', 'create xx: quota size requested but no quota support'],
    ['size=abc', "create xx: invalid size: 'abc'"],
  ])('the option %s alone must be refused', async (option, words) => {
    const { code, stderr } = await tools.docker.run('volume', 'create', '-o', option, 'xx');
    expect([code, stderr]).toEqual([1, `Error response from daemon: ${words}\n`]);
  });

  test('a port in the address of a CIFS share, and another driver, must be refused', async () => {
    const share = ['-o', 'type=cifs', '-o', 'device=//host:1/x'];
    const { stderr } = await tools.docker.run('volume', 'create', ...share, 'xx');
    expect(stderr).toContain("create xx: port not allowed in CIFS device URL, include 'port' in");
    const other = await tools.docker.run('volume', 'create', '-d', 'nope', 'xx');
    expect(other.stderr).toContain('error looking up volume plugin nope: plugin "nope" not found');
    const asked = await attempt(['--volume-driver', 'nope', '-v', 'xx:/x'], 'true');
    expect(asked.stderr).toContain('plugin "nope" not found');
  });

  test.each([
    [
      // A server that does not answer would be waited for: no kernel knows the last option.
      ['type=nfs', 'o=addr=127.0.0.1,rw,nolock,nonsense', 'device=:/x'],
      'mount :/x:DIR, data: addr=127.0.0.1,nolock,nonsense: ',
    ],
    [
      ['type=nfs', 'o=addr=localhost,nonsense', 'device=:/x'],
      /mount :\/x:DIR, data: addr=(127\.0\.0\.1|::1),nonsense: /,
    ],
    [
      ['type=none', 'o=bind', 'device=/no/such'],
      'mount /no/such:DIR, flags: 0x1000: no such file or directory',
    ],
    [
      ['type=tmpfs', 'o=bogus=1', 'device=tmpfs'],
      'mount tmpfs:DIR, data: bogus=1: invalid argument',
    ],
    [['type=nosuchfs', 'device=x'], 'mount x:DIR: no such device'],
    [
      ['type=nosuchfs', 'o=username=u,password=secret', 'device=//127.0.0.1/x'],
      'mount //127.0.0.1/x:DIR, data: username=u,password=********: no such device',
    ],
  ])('%j that cannot be mounted must say what the kernel was asked', async (options, words) => {
    await create('broken', ...options);
    const shown = (text: string): string => text.replaceAll(directoryOf('broken'), 'DIR');
    const start = await attempt(['-v', 'broken:/b'], 'true');
    const prefix = "error while mounting volume 'DIR': failed to mount local volume: ";
    const said = shown(start.stderr);
    expect(said).toContain(`Error response from daemon: ${prefix}`);
    if (typeof words === 'string') expect(said).toContain(prefix + words);
    else expect(said).toMatch(words);
    const fill = await tools.docker.run('create', '-v', 'broken:/data', filled, 'true');
    expect(shown(fill.stderr)).toContain(`daemon: failed to populate volume: ${prefix}`);
    expect(start.stderr + fill.stderr).not.toContain('secret');
  });

  test('a server whose name is unknown must be named', async () => {
    await create('lost', 'type=nfs', 'o=addr=no.such.host.invalid', 'device=:/x');
    const { stderr } = await attempt(['-v', 'lost:/b'], 'true');
    expect(stderr).toContain(
      'error resolving passed in network volume address: lookup no.such.host.invalid: no such host',
    );
  });

  test('prune and df must leave out what stands for something else', async () => {
    await create('elsewhere', 'type=tmpfs', 'device=tmpfs');
    await create('plain');
    await output(['-v', 'plain:/p'], 'sh', '-c', 'head -c 5000 /dev/zero >/p/x');
    const named = await tools.docker.ok('volume', 'prune', '-f');
    expect(named).toBe('Total reclaimed space: 0B');
    const df = await tools.docker.ok('system', 'df', '-v', '--format', '{{json .Volumes}}');
    expect(df).toContain('"Name":"plain"');
    expect(df).not.toContain('elsewhere');
    expect(await tools.docker.ok('volume', 'prune', '-f', '-a')).toContain('plain');
    expect(await tools.docker.ok('volume', 'ls', '-q')).toBe('elsewhere');
  });
});
