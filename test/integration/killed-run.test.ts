/** A run of these tests that was killed: the next one removes what it has left, and nothing of a run that goes on. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { recordEngine, sweepDeadRuns } from '../lib/run-record.mjs';
import { tempDir } from '../lib/temp-dir.ts';

const absent = missing('root', 'overlayfs', 'nftables');
const module = new URL('../lib/run-record.mjs', import.meta.url).href;
const inNetns = new URL('../lib/in-netns.mjs', import.meta.url).pathname;
// What a test starts is not of the run that it is part of.
const { TSCOMPOSE_TEST_RUN: _lane, ...env } = process.env;

function groupsOf(instance: string): readonly string[] {
  return ['.', ...readdirSync('/sys/fs/cgroup')]
    .map((name) => join('/sys/fs/cgroup', name, instance))
    .filter((path) => existsSync(path));
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function start(args: readonly string[], { mark }: { readonly mark?: string } = {}): ChildProcess {
  const [file = '', ...rest] = args;
  const child = spawn(file, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env, ...(mark !== undefined && { TSCOMPOSE_TEST_RUN: mark }) },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('it has no stdout');
  const [line] = (await once(createInterface({ input: stdout }), 'line')) as [string];
  return line;
}

async function createEngine(): Promise<TestEngine> {
  const engine = await TestEngine.create();
  onTestFinished(async () => {
    // One that was swept has nothing to dispose of.
    if (existsSync(engine.root)) await engine[Symbol.asyncDispose]();
  });
  return engine;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

test.skipIf(absent.length > 0)(
  `a run that was killed must be swept by the next, and one that goes on be left alone (missing: ${absent.join() || 'nothing'})`,
  async () => {
    const script = `import { beginRun } from '${module}'; console.log(beginRun().directory); setInterval(() => 0, 1e6);`;
    const before = await takeAudit({ instance: 'tscompose-none', directories: [] });
    const run = start([process.execPath, '--input-type=module', '-e', script]);
    const directory = await firstLine(run);
    const living = await createEngine();
    await living.start();
    const engine = await createEngine();
    recordEngine(engine, directory);
    await engine.start();
    const pids = [await engine.pid()];
    for (const isPaused of [false, true]) {
      const { Id } = await engine.client.containers.create({
        Image: 'tscompose.local/host',
        Cmd: ['sleep', '1000'],
        HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: 'always' } },
      });
      await engine.client.containers.start(Id);
      if (isPaused) await engine.client.containers.pause(Id);
      pids.push((await engine.client.containers.inspect(Id)).State.Pid);
    }
    expect(groupsOf(engine.instance)).not.toEqual([]);
    await sweepDeadRuns();
    expect(pids.map(isAlive)).toEqual(pids.map(() => true));
    const command = start([process.execPath, '-e', 'setInterval(() => 0, 1e6)'], {
      mark: directory,
    });
    const orphan = start(['sleep', '1000'], { mark: directory });
    await kill(run);
    // What the run has started goes on without it.
    expect(await sweepDeadRuns()).toEqual([]);
    expect(pids.map(isAlive)).toEqual(pids.map(() => true));
    await kill(command);
    const swept = await sweepDeadRuns();
    expect(swept).toContain(`process ${orphan.pid} of ${directory}`);
    expect(swept.join('\n')).toContain(engine.root);
    await eventually(() => {
      expect(pids.filter(isAlive)).toEqual([]);
    });
    expect(groupsOf(engine.instance)).toEqual([]);
    expect([existsSync(engine.root), existsSync(directory)]).toEqual([false, false]);
    const left = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && isAlive(Number(name)))
      .filter((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('tscompose-resolver'),
      )
      .filter((pid) => readFileSync(`/proc/${pid}/net/unix`, 'utf8').includes(engine.root));
    expect(left).toEqual([]);
    await living.client.ping();
    await living[Symbol.asyncDispose]();
    await expectNoLeaks(before, { instance: living.instance, directories: [] });
  },
);

test.skipIf(absent.length > 0)(
  `a run that is ended in order must sweep what its command leaves (missing: ${absent.join() || 'nothing'})`,
  async () => {
    const script = 'sleep 1000 & echo $! $TSCOMPOSE_TEST_RUN; exec sleep 1000';
    const run = start([process.execPath, inNetns, 'sh', '-c', script]);
    const [orphan = '', directory = ''] = (await firstLine(run)).split(' ');
    const engine = await createEngine();
    recordEngine(engine, directory);
    await engine.start();
    const pid = await engine.pid();
    const ended = once(run, 'exit');
    run.kill('SIGTERM');
    await ended;
    await eventually(() => {
      expect([pid, Number(orphan)].filter(isAlive)).toEqual([]);
    });
    expect([existsSync(engine.root), existsSync(directory)]).toEqual([false, false]);
  },
);

test.skipIf(missing('root').length > 0)(
  'roots further below a directory of a test must be swept, and no others, whatever fails',
  async () => {
    const script = `import { beginRun } from '${module}'; console.log(beginRun().directory);`;
    const run = start([process.execPath, '--input-type=module', '-e', script]);
    const ended = once(run, 'exit');
    const directory = await firstLine(run);
    await ended;
    await using temp = await tempDir();
    const of = (...names: readonly string[]): string => [temp.path, ...names].join('/');
    const roots = [of('worker0', 'engine', 'root'), of('x', '..', 'kept'), of('worker1')];
    mkdirSync(of('x'));
    for (const root of roots) {
      mkdirSync(root, { recursive: true });
      recordEngine({ root, instance: 'tscompose-000000' }, directory);
    }
    // Of a write that was cut off.
    appendFileSync(join(directory, 'engines'), '{"root":"/tm');
    await sweepDeadRuns();
    expect(roots.map((root) => existsSync(root))).toEqual([false, true, false]);
    expect(existsSync(directory)).toBe(false);
  },
);
