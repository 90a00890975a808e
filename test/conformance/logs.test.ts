/** Logs as the real `docker` command asks for them: drivers, options, ranges, and following over restarts. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { dockerCli, type DockerCli } from '../lib/docker-cli.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

describe.skipIf(absent.length > 0)(`logs (missing: ${absent.join() || 'nothing'})`, () => {
  let engine: TestEngine;
  let docker: DockerCli;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await engine.start();
    docker = dockerCli({
      address: `unix://${engine.socket}`,
      configDirectory: join(engine.root, 'docker'),
    });
    const tree = join(engine.root, 'tree');
    execFileSync('sh', ['-c', `mkdir -p ${tree}/bin && cp /bin/busybox ${tree}/bin/`]);
    for (const name of ['sh', 'cat', 'sleep', 'seq', 'echo', 'mkfifo'])
      execFileSync('ln', ['-s', 'busybox', `${tree}/bin/${name}`]);
    const tar = execFileSync('tar', ['-C', tree, '-c', '.'], { maxBuffer: 64 << 20 });
    await docker.runWithInput(tar, 'import', '-', 'app');
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await expectNoLeaks(before, engine.scope);
  });
  afterEach(async () => {
    const left = (await docker.ok('ps', '-aq')).split('\n').filter((id) => id !== '');
    if (left.length > 0) await docker.ok('rm', '-f', '-v', ...left);
  });

  /** Runs to its end; returns the id. */
  async function ran(script: string, ...options: readonly string[]): Promise<string> {
    const id = await docker.ok(
      'create',
      '--network',
      'none',
      ...options,
      'app',
      'sh',
      '-c',
      script,
    );
    await docker.ok('start', id);
    await docker.ok('wait', id);
    return id;
  }

  const inspect = (id: string, format: string): Promise<string> =>
    docker.ok('inspect', '--format', format, id);

  test.each([
    [['--log-driver', 'foo'], 'error looking up logging plugin foo: plugin "foo" not found'],
    [['--log-opt', 'x=1'], "unknown log opt 'x' for json-file log driver"],
    [['--log-opt', 'max-size=zz'], "failed to initialize logging driver: invalid size: 'zz'"],
  ])('%j must be refused', async (options, message) => {
    const { code, stderr } = await docker.run('create', ...options, 'app', 'true');
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  });

  test('details must be those that the options name', async () => {
    const options = ['--log-opt', 'labels=c,a', '--log-opt', 'env=E', '--log-opt', 'tag={{.Name}}'];
    const facts = ['-l', 'a=b', '-l', 'c=x y,z', '-e', 'E=1', '--name', 'ddd'];
    const id = await ran('echo hi; echo ho; printf part', ...options, ...facts);
    const details = 'E=1,a=b,c=x+y%2Cz,tag=ddd';
    const lines = ['hi', 'ho', 'part'].map((line) => `${details} ${line}`);
    expect(await docker.ok('logs', '--details', id)).toBe(lines.join('\n'));
    const stamped = (await docker.ok('logs', '-t', '--details', id)).split('\n');
    expect(stamped.map((line) => line.replace(/^\S+Z /, ''))).toEqual(lines);
    expect(await docker.ok('logs', id)).toBe('hi\nho\npart');
  });

  test('a terminal must have its timestamps as well', async () => {
    const id = await ran('echo hi; echo ho', '-t');
    expect(await docker.ok('logs', '-t', id)).toMatch(/^\S+Z hi\r\n\S+Z ho\r$/);
  });

  test('the driver local must rotate and be read', async () => {
    const options = [
      '--log-driver',
      'local',
      '--log-opt',
      'max-size=20k',
      '--log-opt',
      'max-file=3',
    ];
    const id = await ran('for n in 1 2 3 4 5 6 7 8 9; do seq 1 2000; sleep 0.05; done', ...options);
    const path = await inspect(id, '{{.LogPath}}');
    const files = readdirSync(dirname(path)).filter((name) => name.startsWith('log'));
    expect(files).toHaveLength(3);
    expect(await docker.ok('logs', '--tail', '2', id)).toBe('1999\n2000');
    expect(await inspect(id, '{{.HostConfig.LogConfig.Type}}')).toBe('local');
  });

  test('the driver none must serve who is attached, and keep nothing', async () => {
    const script = 'seq 1 3000';
    const run = await docker.run(
      ...['run', '--name', 'none', '--network', 'none', '--log-driver', 'none'],
      ...['app', 'sh', '-c', script],
    );
    expect(run.stdout.split('\n')).toHaveLength(3001);
    const { code, stderr } = await docker.run('logs', 'none');
    expect(code).toBe(1);
    expect(stderr).toContain('configured logging driver does not support reading');
    expect(await inspect('none', '{{.LogPath}}')).toBe('');
    const id = await inspect('none', '{{.Id}}');
    const directory = dirname(await inspect('none', '{{.HostsPath}}'));
    expect(directory).toContain(id);
    await eventually(() => {
      expect(execFileSync('du', ['-b', join(directory, 'log')]).toString()).toMatch(/^32\s/);
    });
    const again = await docker.run('start', '-a', 'none');
    expect(again.stdout.split('\n')).toHaveLength(3001);
  });

  test('ranges must be exact to the nanosecond', async () => {
    const id = await ran('echo one; sleep 0.02; echo two; sleep 0.02; echo three');
    const [, second = ''] = (await docker.ok('logs', '-t', id)).split('\n');
    const time = second.split(' ')[0] ?? '';
    const fraction = /\.(\d{9})Z$/.exec(time)?.[1] ?? '';
    const exact = `${Math.floor(Date.parse(time) / 1000)}.${fraction}`;
    expect(await docker.ok('logs', '--since', exact, id)).toBe('two\nthree');
    expect(await docker.ok('logs', '--since', time, '--until', time, id)).toBe('two');
    expect(await docker.ok('logs', '--until', exact, id)).toBe('one\ntwo');
    expect(await docker.ok('logs', '--tail', '0', id)).toBe('');
  });

  test('who follows must see a container before it starts, and over restarts by policy', async () => {
    const script = 'echo run; exit 3';
    const id = await docker.ok(
      ...['create', '--network', 'none', '--restart', 'on-failure:2', 'app', 'sh', '-c', script],
    );
    await using follower = docker.start('logs', '-f', id);
    await docker.ok('start', id);
    expect((await follower.ended).stdout).toBe('run\nrun\nrun\n');
  });

  test('who follows must see what comes after docker restart', async () => {
    const script = 'echo run; exec sleep 1000';
    const id = await docker.ok(
      ...['run', '-d', '--network', 'none', '--stop-signal', 'KILL', 'app', 'sh', '-c', script],
    );
    await using follower = docker.start('logs', '-f', id);
    await eventually(() => {
      expect(follower.stdout()).toBe('run\n');
    });
    await docker.ok('restart', id);
    await eventually(() => {
      expect(follower.stdout()).toBe('run\nrun\n');
    });
    await docker.ok('kill', id);
    expect(await follower.ended).toMatchObject({ code: 0, stdout: 'run\nrun\n' });
  });
});
