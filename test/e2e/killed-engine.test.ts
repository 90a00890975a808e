/**
 * The engine is killed before one of its own system calls, during `up` and during `down`; the next engine must finish
 * or undo what was under way, and `down` must leave nothing. strace delivers the SIGKILL before the N-th call of a kind;
 * with one thread in libuv's pool the count does not depend on chance.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { countCalls, traceThreads } from '../lib/strace.ts';

const project = `
services:
  store:
    image: tscompose.local/host
    command: [sleep, "1000"]
    stop_signal: SIGKILL
    volumes: ["data:/data"]
  web:
    image: tscompose.local/host
    command: [sleep, "1000"]
    stop_signal: SIGKILL
    ports: ["18080:80"]
    depends_on: [store]
volumes:
  data: {}
`;

/** Calls that change something outside the process, or tell somebody that something has changed. */
const stateChanging = [
  'clone',
  'mkdir',
  'mkdirat',
  'rename',
  'renameat2',
  'unlink',
  'unlinkat',
  'rmdir',
].concat(['umount2', 'bind', 'sendto', 'sendmsg', 'fsync', 'write', 'writev']);

const momentsPerVerb = 15;
const commands = { up: ['up', '-d'], down: ['down', '-t', '0'] } as const;
type Verb = keyof typeof commands;

async function startEngine(): Promise<TestEngine> {
  const engine = await TestEngine.create();
  await writeFile(join(engine.root, 'project', 'compose.yaml'), project);
  // An engine that a command starts logs there; the audit is to see it from the beginning.
  await mkdir(engine.runRoot, { recursive: true });
  await writeFile(join(engine.runRoot, 'engine.log'), '');
  await engine.start({ env: { UV_THREADPOOL_SIZE: '1' } });
  return engine;
}

/** All moments of one undisturbed run, and of these a spread that is the same each time. */
async function chooseMoments(verb: Verb): Promise<readonly (readonly [string, number])[]> {
  await using engine = await startEngine();
  // The moments' engine has run before as well: what is made ahead for containers to come is not to be counted.
  await untilQuiet(await engine.pid());
  if (verb === 'down') await engine.mustCli(commands.up);
  await untilQuiet(await engine.pid());
  const directory = join(engine.root, 'trace');
  await mkdir(directory);
  const trace = `trace=${stateChanging.join(',')}`;
  const tracer = await traceThreads(await engine.pid(), [
    '-ff',
    '-o',
    join(directory, 't'),
    '-e',
    trace,
  ]);
  await engine.mustCli(commands[verb]);
  await tracer.stop();
  await engine.mustCli(['down', '-v', '-t', '0']);
  const counts = await countCalls(directory);
  const all = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([call, count]) =>
      Array.from({ length: count }, (_unused, index) => [call, index + 1] as const),
    );
  expect(all.length).toBeGreaterThanOrEqual(momentsPerVerb);
  return Array.from(
    { length: momentsPerVerb },
    (_unused, index) => all[Math.floor((index * all.length) / momentsPerVerb)] ?? ['write', 1],
  );
}

const isAble = missing('root', 'strace', 'overlayfs', 'nftables').length === 0;

describe.skipIf(!isAble).each(['up', 'down'] as const)('an engine killed during %s', (verb) => {
  let moments: readonly (readonly [string, number])[] = [];
  let engine: TestEngine;
  let killed = 0;

  beforeAll(async () => {
    moments = await chooseMoments(verb);
    engine = await startEngine();
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  test.each(Array.from({ length: momentsPerVerb }, (_unused, index) => index + 1))(
    'recovers at moment %i with an empty audit after down',
    async (number) => {
      const [call, occurrence] = moments[number - 1] ?? ['write', 1];
      await engine.stop();
      const scope = { ...engine.scope, directories: [engine.runRoot] };
      const before = await takeAudit(scope);
      await engine.start({ env: { UV_THREADPOOL_SIZE: '1' } });
      if (verb === 'down') await engine.mustCli(commands.up);
      const inject = `inject=${call}:signal=KILL:when=${occurrence}`;
      const pid = await engine.pid();
      const tracer = await traceThreads(pid, ['-e', `trace=${call}`, '-e', inject]);
      // It fails, or finds an engine again and succeeds: both are allowed, a leak is not.
      await engine.cli(commands[verb]);
      await tracer.stop();
      if (!(await isServing(engine, pid))) killed += 1;
      await engine.mustCli(['down', '-v', '-t', '0']);
      expect(await engine.client.containers.list({ all: true }), `${call} ${occurrence}`).toEqual(
        [],
      );
      await engine.stop();
      await expectNoLeaks(before, scope);
    },
  );

  test('was killed at nearly all of them: a moment that does not come proves nothing', () => {
    expect(killed).toBeGreaterThanOrEqual(momentsPerVerb - 3);
  });
});

/** Until a look finds that the process has used no more time than at the look before, proc_pid_stat(5) 14 and 15. */
async function untilQuiet(pid: number): Promise<void> {
  let before = '';
  await eventually(
    () => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      const used = fields.slice(11, 13).join(' ');
      const isQuiet = used === before;
      before = used;
      if (!isQuiet) throw new Error(`process ${pid} is still busy`);
    },
    { intervalMs: 400 },
  );
}

/** Whether the engine is still the one with this pid. */
async function isServing(engine: TestEngine, pid: number): Promise<boolean> {
  return (await engine.pid()) === pid && existsSync(`/proc/${pid}/exe`);
}
