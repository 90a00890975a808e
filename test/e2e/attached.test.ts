/** `up` that stays: logs, interrupts, an engine that dies below it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { Running } from '../lib/running.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;

/** Two services that stop when asked, the second after the first. */
const polite = `
services:
  db:
    image: tscompose.local/host
    command: [sh, -c, 'trap "echo db stops; exit 0" TERM; echo db ready; while :; do sleep 0.05; done']
  web:
    image: tscompose.local/host
    command: [sh, -c, 'trap "echo web stops >&2; exit 3" TERM; echo web ready; while :; do sleep 0.05; done']
    depends_on: [db]
`;

const stubborn = `
services:
  web:
    image: tscompose.local/host
    command: [sh, -c, 'trap "" TERM; echo web ready; while :; do sleep 0.05; done']
    stop_grace_period: 10m
`;

describe.skipIf(!isAble)('an attached up', () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
  });

  afterEach(async () => {
    await engine.mustCli(['down', '-v']);
  });

  // Not after each test: one of them replaces the engine, which the audit would see.
  afterAll(async () => {
    await engine.stop();
    await expectNoLeaks(before, { ...engine.scope, directories: [] });
    await engine[Symbol.asyncDispose]();
  });

  async function up(file: string): Promise<Running> {
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    return new Running(engine, ['up']);
  }

  test('says of each replica that it is attached to, however many are asked for', async () => {
    const web = 'services:\n  web:\n    image: tscompose.local/host\n    command: ["true"]\n';
    const three = await up(`${web}    deploy: {replicas: 3}\n`);
    await three.shows('Attaching to web-1, web-2, web-3\n');
    expect(await three.ended).toBe(0);
    const one = await up(`${web}    deploy: {mode: global, replicas: 3}\n`);
    await one.shows('Attaching to web-1\n');
    expect(await one.ended).toBe(0);
  });

  test('shows every line behind its container, and stops in reverse order on an interrupt', async () => {
    const running = await up(polite);
    await running.shows('web-1  | web ready\n');
    await running.shows('db-1   | db ready\n');
    running.interrupt();
    expect(await running.ended).toBe(130);
    expect(running.stdout.split('\n').sort()).toEqual([
      '',
      'db-1   | db ready',
      'db-1   | db stops',
      'db-1 exited with code 0',
      'web-1  | web ready',
      'web-1 exited with code 3',
    ]);
    const errors = running.stderr.split('\n');
    expect(errors).toContain('web-1  | web stops');
    expect(errors).toContain('Gracefully Stopping... press Ctrl+C again to force');
    const order = ['project-web-1  Stopped', 'project-db-1  Stopping', 'project-db-1  Stopped'];
    expect(order.map((name) => errors.indexOf(` Container ${name}`))).toEqual(
      order.map((name) => errors.indexOf(` Container ${name}`)).sort((a, b) => a - b),
    );
    expect(errors).toContain(' Container project-db-1  Stopped');
  });

  test('followed logs show the last line of the history once, when it is whole', async () => {
    const script = `trap "echo tial; exit 0" TERM; printf "whole\\npar"; while :; do sleep 0.05; done`;
    const file = `services: {web: {image: tscompose.local/host, command: [sh, -c, '${script}']}}\n`;
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    await engine.mustCli(['up', '-d']);
    await eventually(async () => {
      expect(await engine.mustCli(['logs'])).toContain('| par\n');
    });
    const running = new Running(engine, ['logs', '-f']);
    await running.shows('web-1  | whole\n');
    await engine.mustCli(['stop']);
    expect(await running.ended).toBe(0);
    expect(running.stdout.split('\n').slice(0, 2)).toEqual(['web-1  | whole', 'web-1  | partial']);
  });

  test('kills on the second interrupt', async () => {
    const running = await up(stubborn);
    await running.shows('web-1  | web ready\n');
    running.interrupt();
    await running.shows('Stopping');
    const at = performance.now();
    running.interrupt();
    expect(await running.ended).toBe(130);
    expect(performance.now() - at).toBeLessThan(5000);
    expect(running.stdout).toContain('web-1 exited with code 137\n');
  });

  test('ends with 0 when every container has ended by itself', async () => {
    const running = await up(`
services:
  job:
    image: tscompose.local/host
    command: [sh, -c, 'echo one; echo two >&2; printf three; exit 7']
`);
    const code = await running.ended;
    expect(code, running.stderr).toBe(0);
    expect(running.stdout).toBe('job-1  | one\njob-1  | three\njob-1 exited with code 7\n');
    expect(running.stderr).toContain('job-1  | two\n');
  });

  test('goes on without a lost or doubled line when the engine is killed below it', async () => {
    // A dollar is doubled for the compose file, and twice more for replaceAll.
    const running = await up(
      `
services:
  count:
    image: tscompose.local/host
    command: [sh, -c, 'i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i; sleep 0.02; done']
`.replaceAll('$', '$$$$'),
    );
    await running.shows('line 10\n');
    await engine.kill();
    const code = await running.ended;
    expect(code, running.stderr).toBe(0);
    const lines = Array.from({ length: 100 }, (_, index) => `count-1  | line ${index + 1}`);
    expect(running.stdout.split('\n')).toEqual([...lines, 'count-1 exited with code 0', '']);
  });

  test('of what runs already shows only what is new', async () => {
    const first = await up(polite);
    await first.shows('web-1  | web ready\n');
    const second = new Running(engine, ['up']);
    await second.shows('Attaching to db-1, web-1');
    await engine.mustCli(['logs', '--tail', '0']);
    first.interrupt();
    expect(await first.ended).toBe(130);
    expect(await second.ended).toBe(0);
    expect(second.stdout).not.toContain('ready');
    expect(second.stdout).toContain('db-1 exited with code 0\n');
  });
});

describe.skipIf(!isAble)('logs', () => {
  test('are merged by time, follow on where they were, and end with the last container', async () => {
    await using engine = await TestEngine.create();
    const gate = join(engine.root, 'gate');
    await mkdir(gate);
    const service = (name: string): string => `
  ${name}:
    image: tscompose.local/host
    command: [sh, -c, 'echo ${name}1; echo ${name}2; until [ -e /gate/open ]; do sleep 0.05; done; echo ${name}3']
    volumes: ['${gate}:/gate']
`;
    const file = `services:${service('a')}${service('b')}`;
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    await engine.mustCli(['up', '-d']);
    const lines = await eventually(async () => {
      const found = await engine.mustCli(['logs', '-t', '--no-log-prefix']);
      expect(found.trimEnd().split('\n')).toHaveLength(4);
      return found.trimEnd().split('\n');
    });
    expect(lines).toEqual([...lines].sort());
    expect(lines.map((line) => line.split(' ')[1]).sort()).toEqual(['a1', 'a2', 'b1', 'b2']);
    expect(await engine.mustCli(['logs', '--tail', '1', 'a'])).toBe('a-1  | a2\n');

    const following = new Running(engine, ['logs', '-f', '--tail', '1']);
    await following.shows('b-1  | b2\n');
    await writeFile(join(gate, 'open'), '');
    expect(await following.ended).toBe(0);
    expect(following.stdout.split('\n').sort()).toEqual([
      '',
      'a-1  | a2',
      'a-1  | a3',
      'a-1 exited with code 0',
      'b-1  | b2',
      'b-1  | b3',
      'b-1 exited with code 0',
    ]);
    await engine.mustCli(['down']);
  });

  test('that are followed end with 130 on an interrupt and leave the containers alone', async () => {
    await using engine = await TestEngine.create();
    await writeFile(join(engine.root, 'project', 'compose.yaml'), polite);
    await engine.mustCli(['up', '-d']);
    const following = new Running(engine, ['logs', '-f']);
    await following.shows('web ready');
    following.interrupt();
    expect(await following.ended).toBe(130);
    expect(await engine.mustCli(['ps', '--services'])).toBe('db\nweb\n');
    await engine.mustCli(['down']);
  });
});
