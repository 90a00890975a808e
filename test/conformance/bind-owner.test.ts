/** Bind mounts whose owner on the host is root in the container, by the annotation that asks for it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';

const title = `owners of binds (missing: ${absentForDocker.join() || 'nothing'})`;
const stranger = 2_147_483_647;

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

  /** A directory of user 1000 with a file of theirs. */
  function project(name: string): string {
    const path = join(dir.path, name);
    mkdirSync(path);
    chmodSync(path, 0o755);
    writeFileSync(join(path, 'mine'), 'text');
    for (const made of [path, join(path, 'mine')]) chownSync(made, 1000, 1001);
    return path;
  }

  function ownerOf(...path: readonly string[]): string {
    const { uid, gid } = statSync(join(...path));
    return `${uid}:${gid}`;
  }

  const asked = (source: string, owner = '1000:1001'): string[] => [
    '-v',
    `${source}:/b`,
    '--annotation',
    `tscompose.bind-owner=${owner}`,
  ];

  test('what root makes must be the owner’s, and what is the owner’s root’s', async () => {
    const source = project('root');
    const script =
      'touch /b/made; mkdir /b/dir; stat -c %u:%g /b /b/mine /b/made; chown 0:0 /b/mine';
    expect(await output(asked(source), 'sh', '-c', script)).toBe('0:0\n0:0\n0:0');
    for (const name of ['', 'mine', 'made', 'dir']) expect(ownerOf(source, name)).toBe('1000:1001');
  });

  test('another id must stay what it is', async () => {
    const source = project('other');
    const script = 'mkdir /b/data; chown 999:998 /b/data';
    await output(asked(source), 'sh', '-c', script);
    expect(ownerOf(source, 'data')).toBe('999:998');
    const made = await output(
      [...asked(source), '-u', '999:998'],
      'sh',
      '-c',
      'touch /b/data/f; stat -c %u:%g /b/data /b/data/f /b/mine',
    );
    expect(made).toBe('999:998\n999:998\n0:0');
    expect(ownerOf(source, 'data/f')).toBe('999:998');
  });

  test('who has no privilege must not make files of the host’s root, nor write to them', async () => {
    const source = project('escalation');
    writeFileSync(join(source, 'secret'), 'of root', { mode: 0o600 });
    chmodSync(source, 0o777);
    const script =
      'stat -c %u:%g /b/secret; cp /bin/busybox /b/suid && chmod 6755 /b/suid; cat /b/secret';
    // A user of the same id as the owner's, in a container whose own user is another.
    const id = await tools.docker.ok('run', '-d', ...asked(source), 'app', 'sleep', '1000');
    const { stdout, stderr } = await tools.docker.run(
      ...['exec', '-u', '1000:1001', id, '/bin/busybox', 'sh', '-c', script],
    );
    expect(stdout).toBe(`${stranger}:${stranger}\n`);
    expect(stderr).toContain('Permission denied');
    expect(ownerOf(source, 'suid')).toBe(`${stranger}:${stranger}`);
  });

  test('who runs with the owner’s id must find the files their own', async () => {
    const source = project('same');
    const seen = await output(
      [...asked(source), '-u', '1000:1001'],
      ...['sh', '-c', 'touch /b/made; echo >>/b/mine; stat -c %u:%g /b/mine /b/made'],
    );
    expect(seen).toBe('1000:1001\n1000:1001');
    expect(ownerOf(source, 'made')).toBe('1000:1001');
  });

  test('exec, cp and a restart of the engine must see the same owners', async () => {
    const source = project('long');
    const id = await tools.docker.ok('run', '-d', ...asked(source), 'app', 'sleep', '1000');
    const stat = ['exec', id, '/bin/busybox', 'stat', '-c', '%u:%g', '/b/mine'];
    expect(await tools.docker.ok(...stat)).toBe('0:0');
    await tools.docker.ok('cp', '-a', join(source, 'mine'), `${id}:/b/copied`);
    writeFileSync(join(dir.path, 'from-host'), 'x');
    await tools.docker.ok('cp', join(dir.path, 'from-host'), `${id}:/b/from-host`);
    expect(ownerOf(source, 'from-host')).toBe('1000:1001');
    const archive = execFileSync('sh', ['-c', 'docker cp "$1":/b/mine - | tar -tvn', 'sh', id], {
      encoding: 'utf8',
      env: { ...process.env, DOCKER_HOST: `unix://${tools.engine.socket}` },
    });
    expect(archive).toContain(' 0/0 ');
    await tools.engine.kill();
    await tools.engine.start();
    await tools.docker.ok('exec', id, '/bin/busybox', 'touch', '/b/after');
    expect(ownerOf(source, 'after')).toBe('1000:1001');
    await tools.docker.ok('restart', '-t', '0', id);
    await tools.docker.ok('exec', id, '/bin/busybox', 'touch', '/b/again');
    expect(ownerOf(source, 'again')).toBe('1000:1001');
  });

  test('what is mounted below must have the owners as well, or be left as it is', async () => {
    const source = project('below');
    const seen =
      'for d in one two; do touch /b/$d/made; stat -c %u:%g /b/$d/made; done; touch /b/top';
    for (const [second, warning] of [
      ['tmpfs', ''],
      ['ramfs', 'bind-owner has no effect on some of what is mounted below'],
    ] as const) {
      for (const [at, type] of [
        ['one', 'tmpfs'],
        ['two', second],
      ] as const) {
        mkdirSync(join(source, at), { recursive: true });
        execFileSync('mount', ['-t', type, type, join(source, at)]);
      }
      try {
        const { code, stderr } = await attempt(asked(source), 'sh', '-c', seen);
        expect(code).toBe(0);
        expect(stderr).toContain(warning);
        const below = second === 'tmpfs' ? '1000:1001' : '0:0';
        expect([ownerOf(source, 'one/made'), ownerOf(source, 'two/made')]).toEqual([below, below]);
        expect(ownerOf(source, 'top')).toBe('1000:1001');
      } finally {
        for (const at of ['one', 'two']) execFileSync('umount', ['-l', join(source, at)]);
      }
    }
  });

  test('a file system that cannot do it must be mounted as it is, with one warning', async () => {
    const source = join(dir.path, 'ramfs');
    mkdirSync(source);
    execFileSync('mount', ['-t', 'ramfs', 'ramfs', source]);
    try {
      const { code, stderr } = await attempt(asked(source), 'touch', '/b/made');
      expect(code).toBe(0);
      expect(stderr.match(/WARNING: .*/g)).toEqual([
        `WARNING: bind-owner has no effect on "${source}": its file system (ramfs) cannot map owners; what root makes there belongs to root`,
      ]);
      expect(ownerOf(source, 'made')).toBe('0:0');
    } finally {
      execFileSync('umount', ['-l', source]);
    }
  });

  test('can be asked for by target, and must leave the others alone', async () => {
    const [one, two] = [project('target-one'), project('target-two')];
    const binds = ['-v', `${one}:/one`, '-v', `${two}:/two`];
    const owners = ['--annotation', 'tscompose.bind-owner={"/one":"1000:1001"}'];
    await output([...binds, ...owners], 'touch', '/one/made', '/two/made');
    expect([ownerOf(one, 'made'), ownerOf(two, 'made')]).toEqual(['1000:1001', '0:0']);
  });

  test.each([
    ['me', '"me" is not UID:GID in numbers'],
    ['1:4294967295', '"1:4294967295" is not UID:GID in numbers'],
    ['{"/nowhere":"1:1"}', 'nothing is bound to "/nowhere"'],
    ['{"/b":1}', '"1" is not UID:GID in numbers'],
    ['{', 'invalid annotation tscompose.bind-owner: '],
  ])('%s must be refused', async (owner, reason) => {
    const { code, stderr } = await attempt(asked(dir.path, owner), 'true');
    expect(code).toBe(125);
    expect(stderr).toContain(reason);
  });
});
