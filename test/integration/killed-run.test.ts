/** A run of these tests that was killed: the next one removes what it has left, and nothing of a run that goes on. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { recordEngine, sweepDeadRuns } from '../lib/run-record.mjs';

const absent = missing('root', 'overlayfs', 'nftables');
const module = new URL('../lib/run-record.mjs', import.meta.url).href;

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
    const run = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [directory] = (await once(createInterface({ input: run.stdout }), 'line')) as [string];
    const living = await TestEngine.create();
    await living.start();
    const engine = await TestEngine.create();
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
    const env = { ...process.env, TSCOMPOSE_TEST_RUN: directory };
    const command = spawn('sleep', ['1000'], { stdio: 'ignore', env });
    await kill(run);
    // What the run has started goes on without it.
    expect(await sweepDeadRuns()).toEqual([]);
    expect(pids.map(isAlive)).toEqual(pids.map(() => true));
    await kill(command);
    const swept = await sweepDeadRuns();
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
