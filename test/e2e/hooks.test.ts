/** post_start and pre_stop: commands inside a container at both ends of its life; pre_start: in containers before it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;

const file = `
name: hooks
services:
  good:
    image: tscompose.local/host
    command: [sh, -c, 'until [ -e /tmp/go ]; do sleep 0.05; done']
    post_start:
      - command: [sh, -c, 'echo "$$WHO in $$PWD"; echo last >&2']
        environment: {WHO: hook}
        working_dir: /usr
      - command: touch /tmp/go
  fails:
    image: tscompose.local/host
    command: [sleep, "100"]
    stop_signal: SIGKILL
    profiles: [p]
    post_start: [{command: [sh, -c, exit 7]}]
  stays:
    image: tscompose.local/host
    command: [sleep, "100"]
    stop_signal: SIGKILL
    profiles: [p]
    pre_stop: [{command: [sh, -c, 'test -e /tmp/may']}]
  prepared:
    image: tscompose.local/host
    command: [sh, -c, 'cat /data/made /anon/made; exec sleep 100']
    stop_signal: SIGKILL
    profiles: [p]
    volumes: [data:/data, /anon]
    pre_start:
      - command: [sh, -c, 'test -e /sys/class/net/eth0 && echo "first $$WHO" | tee -a /data/made']
        environment: {WHO: init}
      - command: [sh, -c, 'echo second > /anon/made; test ! -e /data/fail || { echo not today; exit 3; }']
volumes: {data: {}}
`;

describe.skipIf(!isAble)('hooks', () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
  });

  afterAll(async () => {
    await engine.mustCli(['--profile', 'p', 'kill']);
    await engine.mustCli(['--profile', 'p', 'down', '-v']);
    await engine.stop();
    await expectNoLeaks(before, { ...engine.scope, directories: [] });
    await engine[Symbol.asyncDispose]();
  });

  test('must run after the start, in order, and show what they print', async () => {
    const { code, stdout, stderr } = await engine.cli(['up']);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('good-1 ->  | hook in /usr\ngood-1 exited with code 0\n');
    expect(stderr).toContain('good-1 ->  | last\n');
  });

  test('must fail up when one after the start fails, and leave the container', async () => {
    const { code, stderr } = await engine.cli(['up', '-d', 'fails']);
    expect(code).toBe(1);
    expect(stderr).toContain('fails hook exited with status 7');
    expect(await engine.mustCli(['ps', '--services'])).toBe('fails\n');
  });

  test('must fail stop when one before it fails, and hold the container', async () => {
    await engine.mustCli(['up', '-d', 'stays']);
    const refused = await engine.cli(['stop', 'stays']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('stays hook exited with status 1');
    await engine.mustCli(['exec', '-T', 'stays', 'touch', '/tmp/may']);
    await engine.mustCli(['stop', 'stays']);
    expect(await engine.mustCli(['ps', '--services'])).toBe('fails\n');
  });

  test('must run init containers before the start, on its volumes and networks, and once', async () => {
    await engine.mustCli(['up', '-d', 'prepared']);
    const logs = (): Promise<string> => engine.mustCli(['logs', '--no-log-prefix', 'prepared']);
    await eventually(async () => {
      expect(await logs()).toBe('first init\nsecond\n');
    });
    expect(await engine.mustCli(['ps', '-aq', '--no-trunc', 'prepared'])).toMatch(/^\w{64}\n$/u);
    await engine.mustCli(['up', '-d', 'prepared']);
    expect(await logs()).toBe('first init\nsecond\n');
    const { Config } = await engine.client.containers.inspect('hooks-prepared-1');
    const label = Config.Labels?.['com.docker.compose.config-hash'] ?? '';
    const printed = await engine.mustCli(['--profile', 'p', 'config', '--hash', 'prepared']);
    expect(printed).toBe(`prepared ${label}\n`);
  });

  test('must hold a service whose init container fails, and keep that until the next up', async () => {
    await engine.mustCli(['exec', '-T', 'prepared', 'touch', '/data/fail']);
    const failed = await engine.cli(['up', '-d', '--force-recreate', 'prepared']);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('prepared hook exited with status 3\n  not today\n');
    expect(failed.stderr).toContain('compose.yaml:');
    const left = 'hooks-prepared-1_pre_start_2';
    const filter = ['--filter', 'label=com.docker.compose.hook=pre_start'];
    const names = ['container', 'ls', '-a', ...filter, '--format', '{{.Names}} {{.State}}'];
    expect(await engine.mustCli(names)).toBe(`${left} exited\n`);
    expect(
      await engine.mustCli(['ps', '-a', '--format', '{{.State}}', '--status', 'created']),
    ).toBe('created\n');
    await engine.mustCli(['run', '--rm', '-T', 'prepared', 'rm', '/data/fail']);
    await engine.mustCli(['up', '-d', 'prepared']);
    expect(await engine.mustCli(names)).toBe('');
  });
});
