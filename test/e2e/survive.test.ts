/** What a user is promised when the engine dies while the example runs. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Audit } from '../lib/audit.ts';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { hitCounter, helloExample } from '../lib/hello.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'redis', 'overlayfs', 'nftables').length === 0;

describe.skipIf(!isAble)('the example while its engine is killed', () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await cp(helloExample, join(engine.root, 'project'), { recursive: true });
    await engine.mustCli(['up', '-d']);
  });

  afterAll(async () => {
    await engine.mustCli(['down', '-v']);
    await engine.stop();
    await expectNoLeaks(before, { ...engine.scope, directories: [] });
    await engine[Symbol.asyncDispose]();
  });

  test('the counter goes on counting on its published port, so redis is reached by name', async () => {
    const first = await eventually(hitCounter);
    await engine.kill();
    expect(await hitCounter()).toBe(first + 1);
    expect(await hitCounter()).toBe(first + 2);
  });

  test('the next ps starts an engine that has adopted both containers', async () => {
    const states = await engine.mustCli(['ps', '--format', 'json']);
    const rows = states
      .trim()
      .split('\n')
      .flatMap(
        (line) =>
          JSON.parse(line) as
            { Service: string; State: string }[] | { Service: string; State: string },
      );
    expect(rows.map(({ Service, State }) => `${Service} ${State}`).sort()).toEqual([
      'redis running',
      'web running',
    ]);
  });

  test('a container that exited meanwhile has its true exit code', async () => {
    const created = await engine.client.containers.create(
      {
        Image: 'tscompose.local/host',
        Cmd: ['sh', '-c', 'trap "exit 42" TERM; while :; do sleep 0.05; done'],
        HostConfig: { NetworkMode: 'none' },
      },
      { name: 'leaves' },
    );
    await engine.client.containers.start(created.Id);
    const { State } = await engine.client.containers.inspect(created.Id);
    await engine.kill();
    process.kill(State.Pid, 'SIGTERM');
    await eventually(() => {
      expect(() => process.kill(State.Pid, 0)).toThrow('ESRCH');
    });
    await engine.mustCli(['ps']);
    await eventually(async () => {
      const after = await engine.client.containers.inspect(created.Id);
      expect([after.State.Status, after.State.ExitCode]).toEqual(['exited', 42]);
    });
    await engine.client.containers.remove(created.Id);
  });

  test('no log line is lost over the kill, and none is doubled', async () => {
    const created = await engine.client.containers.create(
      {
        Image: 'tscompose.local/host',
        Cmd: ['sh', '-c', 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done'],
        HostConfig: { NetworkMode: 'none' },
      },
      { name: 'talks' },
    );
    await engine.client.containers.start(created.Id);
    await engine.kill();
    await engine.mustCli(['ps']);
    await eventually(async () => {
      const { State } = await engine.client.containers.inspect('talks');
      expect(State.Status).toBe('exited');
    });
    const { stdout } = await engine.docker(['logs', 'talks']);
    const expected = Array.from({ length: 20_000 }, (_unused, index) => `line ${index + 1}\n`);
    expect(stdout).toBe(expected.join(''));
    await engine.client.containers.remove(created.Id);
  });
});
