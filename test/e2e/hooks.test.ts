/** post_start and pre_stop: commands inside a container at both ends of its life. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
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
    await engine.mustCli(['--profile', 'p', 'down']);
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
});
