/** Health checks as the real `docker` command asks for them, on containers whose health a file decides. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { HealthState } from '../../engine/api/index.ts';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { dockerCli, type DockerCli } from '../lib/docker-cli.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

describe.skipIf(absent.length > 0)(`health (missing: ${absent.join() || 'nothing'})`, () => {
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
    execFileSync('sh', ['-c', `mkdir -p ${tree}/bin ${tree}/data && cp /bin/busybox ${tree}/bin/`]);
    execFileSync('ln', ['-s', 'busybox', `${tree}/bin/sh`]);
    for (const name of ['cat', 'sleep', 'test', 'touch', 'rm', 'seq', 'echo'])
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

  async function start(
    check: string,
    { program = 'sleep 1000', options = [] as readonly string[] } = {},
  ): Promise<string> {
    const fast = ['--health-interval', '50ms', ...options];
    const id = await docker.ok(
      ...['create', '--health-cmd', check, ...fast, 'app', 'sh', '-c', program],
    );
    await docker.ok('start', id);
    return id;
  }

  async function health(id: string): Promise<HealthState> {
    return JSON.parse(
      await docker.ok('inspect', '--format', '{{json .State.Health}}', id),
    ) as HealthState;
  }

  async function becomes(id: string, status: string): Promise<HealthState> {
    return await eventually(async () => {
      const state = await health(id);
      expect(state.Status).toBe(status);
      return state;
    });
  }

  async function statusOf(id: string): Promise<string> {
    return await docker.ok('ps', '-a', '--format', '{{.Status}}', '--filter', `id=${id}`);
  }

  test('a check that succeeds must make a container healthy, for lists and filters as well', async () => {
    const id = await start('echo fine', { options: ['--health-interval', '300ms'] });
    expect(await statusOf(id)).toMatch(/\(health: starting\)$/);
    const { Log, FailingStreak } = await becomes(id, 'healthy');
    expect([FailingStreak, Log[0]?.ExitCode, Log[0]?.Output]).toEqual([0, 0, 'fine\n']);
    expect(await statusOf(id)).toMatch(/^Up .*\(healthy\)$/);
    expect(await docker.ok('ps', '-q', '--no-trunc', '--filter', 'health=healthy')).toBe(id);
    expect(await docker.ok('ps', '-q', '--filter', 'health=unhealthy')).toBe('');
  });

  test('failures must add up to unhealthy, and a success forgive them', async () => {
    const id = await start('cat /data/ok', { options: ['--health-retries', '2'] });
    const { FailingStreak, Log } = await becomes(id, 'unhealthy');
    expect(FailingStreak).toBeGreaterThanOrEqual(2);
    expect(Log.at(-1)?.ExitCode).toBe(1);
    expect(Log.at(-1)?.Output).toContain('/data/ok');
    const events = docker.start(
      'events',
      '--filter',
      'event=health_status',
      '--format',
      '{{.Action}}',
    );
    const pid = await docker.ok('inspect', '--format', '{{.State.Pid}}', id);
    execFileSync('touch', [`/proc/${pid}/root/data/ok`]);
    expect((await becomes(id, 'healthy')).FailingStreak).toBe(0);
    await eventually(() => {
      expect(events.stdout()).toContain('health_status: healthy');
    });
    await events[Symbol.asyncDispose]();
  });

  test('failures in the start period must not count', async () => {
    const options = ['--health-start-period', '1h', '--health-start-interval', '30ms'];
    const id = await start('false', { options: [...options, '--health-retries', '1'] });
    await eventually(async () => {
      expect((await health(id)).Log).toHaveLength(5);
    });
    expect(await health(id)).toMatchObject({ Status: 'starting', FailingStreak: 0 });
  });

  test('a check that takes too long must be killed and count as a failure', async () => {
    const options = ['--health-timeout', '100ms', '--health-retries', '1'];
    const id = await start('sleep 777', { options });
    const { Log } = await becomes(id, 'unhealthy');
    expect(Log.at(-1)).toMatchObject({
      ExitCode: -1,
      Output: 'Health check exceeded timeout (100ms)',
    });
    const running = (await docker.ok('top', id)).split('\n').filter((row) => row.includes('777'));
    expect(running.length).toBeLessThanOrEqual(1);
  });

  test('long output must be cut, and a check that cannot be run be a failure', async () => {
    const long = await start('seq 1 9999');
    expect((await becomes(long, 'healthy')).Log[0]?.Output).toHaveLength(4096 + '...'.length);
    const id = await docker.ok(
      ...['create', '--health-interval', '50ms', '--health-retries', '1', '--health-cmd', 'x'],
      ...['app', 'sleep', '1000'],
    );
    await docker.ok('start', id);
    expect((await becomes(id, 'unhealthy')).Log.at(-1)?.ExitCode).not.toBe(0);
  });

  test('nobody must look while a container is paused, nor after its end', async () => {
    const id = await start('echo fine');
    await becomes(id, 'healthy');
    await docker.ok('pause', id);
    const { Log } = await health(id);
    await docker.ok('stats', '--no-stream', id);
    expect((await health(id)).Log.length).toBeLessThanOrEqual(Log.length + 1);
    expect((await health(id)).Status).toBe('healthy');
    await docker.ok('kill', id);
    await docker.ok('wait', id);
    expect((await health(id)).Status).toBe('unhealthy');
    expect(await statusOf(id)).toMatch(/^Exited/);
  });

  test('an engine that starts again must know how a container was, and go on', async () => {
    const id = await start('cat /data/ok', { program: 'touch /data/ok; sleep 1000' });
    await becomes(id, 'healthy');
    await engine.kill();
    await engine.start();
    expect((await health(id)).Status).toBe('healthy');
    const pid = await docker.ok('inspect', '--format', '{{.State.Pid}}', id);
    execFileSync('rm', [`/proc/${pid}/root/data/ok`]);
    await becomes(id, 'unhealthy');
  });

  test('no check, or one that is switched off, must be no health', async () => {
    const id = await docker.ok('create', '--no-healthcheck', 'app', 'sleep', '1000');
    await docker.ok('start', id);
    expect(await health(id)).toBeNull();
    expect(await statusOf(id)).not.toContain('health');
  });

  test('a check that cannot be must be refused', async () => {
    const { stderr } = await docker.run('create', '--health-interval', '1us', 'app', 'true');
    expect(stderr).toContain('Interval in Healthcheck cannot be less than 1ms');
  });
});
