/**
 * An engine of an earlier day is replaced by today's while its containers run. The earlier one is built from this
 * repository's history: the last whose shims speak version 1 of the protocol, which knows neither exec nor input.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerInspect } from '../../engine/api/index.ts';
import { EngineError } from '../../engine/api/index.ts';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import type { Audit } from '../lib/audit.ts';
import { command, TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { tempDir } from '../lib/temp-dir.ts';
import type { TempDir } from '../lib/temp-dir.ts';

/** The parent of "native/shim: run further programs, terminals and clients' input". */
const earlier = '4ee1aaf';
const repository = join(import.meta.dirname, '../..');
const image = 'tscompose.local/host';
const absent = missing('root', 'cc', 'git', 'history', 'overlayfs', 'nftables');

/** The daemon alone, without the command around it. */
async function buildEarlier(directory: string): Promise<string> {
  const archive = execFileSync('git', ['-C', repository, 'archive', earlier], {
    maxBuffer: 1 << 30,
  });
  execFileSync('tar', ['-x', '-C', directory], { input: archive });
  await symlink(join(repository, 'node_modules'), join(directory, 'node_modules'));
  execFileSync(process.execPath, ['native/build.mjs'], { cwd: directory, stdio: 'ignore' });
  const outfile = join(directory, 'dist/bin/daemon.cjs');
  const contents = `
    import { runDaemon } from './engine/daemon/main.ts';
    const [, , stateRoot, runRoot] = process.argv;
    runDaemon({ stateRoot, runRoot, readyFd: 3 }).then((code) => process.exit(code));`;
  await build({
    stdin: { contents, resolveDir: directory, loader: 'ts' },
    ...{ bundle: true, platform: 'node', format: 'cjs', target: 'node20', logLevel: 'error' },
    banner: { js: "const here = require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'here' },
    outfile,
  });
  return outfile;
}

async function mounted(program: 'mount' | 'umount', ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await command(program, args);
  expect(code, stderr).toBe(0);
}

async function startEarlier(daemon: string, engine: TestEngine): Promise<ChildProcess> {
  await mkdir(engine.runRoot, { recursive: true });
  const child = spawn(process.execPath, [daemon, engine.stateRoot, engine.runRoot], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  await once(child.stdio[3] as NodeJS.ReadableStream, 'data');
  return child;
}

describe.skipIf(absent.length > 0)(
  `containers of an engine of version 1 (missing: ${absent.join() || 'nothing'})`,
  () => {
    let directory: TempDir;
    let engine: TestEngine;
    let before: Audit;
    let running: ContainerInspect;

    beforeAll(async () => {
      directory = await tempDir();
      engine = await TestEngine.create();
      const daemon = await buildEarlier(directory.path);
      // It started nothing where mounts are shared.
      await mounted('mount', '--bind', engine.root, engine.root);
      await mounted('mount', '--make-private', engine.root);
      before = await takeAudit(engine.scope);
      const child = await startEarlier(daemon, engine);
      const { containers, networks, volumes } = engine.client;
      await networks.create({ Name: 'lab', Labels: { kept: 'yes' } });
      await volumes.create({ Name: 'data', Labels: { kept: 'yes' } });
      const talks =
        'trap "exit 7" TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done';
      const HostConfig = {
        NetworkMode: 'lab',
        Binds: ['data:/data'],
        PortBindings: { '80/tcp': [{ HostPort: '18091' }] },
      };
      const { Id } = await containers.create(
        { Image: image, Cmd: ['sh', '-c', talks], OpenStdin: true, HostConfig },
        { name: 'talks' },
      );
      await containers.start(Id);
      const ended = await containers.create(
        { Image: image, Cmd: ['sh', '-c', 'exit 5'] },
        { name: 'ended' },
      );
      const end = containers.wait(ended.Id, { condition: 'next-exit' });
      await containers.start(ended.Id);
      await end;
      await containers.create({ Image: image, Cmd: ['true'] }, { name: 'never-run' });
      running = await containers.inspect('talks');
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      await engine.start();
    });
    afterAll(async () => {
      for (const { Id } of await engine.client.containers.list({ all: true }))
        await engine.client.containers.remove(Id, { force: true, volumes: true });
      await engine.client.volumes.remove('data');
      await engine.client.networks.remove('lab');
      await engine.stop();
      await expectNoLeaks(before, { ...engine.scope, directories: [] });
      await mounted('umount', engine.root);
      await engine[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    });

    test('must be adopted as they are', async () => {
      const { State, NetworkSettings, Mounts } = await engine.client.containers.inspect('talks');
      const { State: was, NetworkSettings: had, Mounts: mounted } = running;
      expect([State.Status, State.Pid, State.StartedAt]).toEqual([
        'running',
        was.Pid,
        was.StartedAt,
      ]);
      expect(NetworkSettings.Ports).toEqual(had.Ports);
      expect(Mounts).toEqual(mounted);
      const ended = await engine.client.containers.inspect('ended');
      expect([ended.State.Status, ended.State.ExitCode]).toEqual(['exited', 5]);
      expect((await engine.client.containers.inspect('never-run')).State.Status).toBe('created');
      expect((await engine.client.volumes.inspect('data')).Labels).toEqual({ kept: 'yes' });
      expect((await engine.client.networks.inspect('lab')).Labels).toEqual({ kept: 'yes' });
    });

    test('must go on being logged without a gap', async () => {
      const lines: string[] = [];
      for await (const { text } of engine.client.containers.logs('talks', { follow: true })) {
        lines.push(text);
        if (lines.length >= 60) break;
      }
      expect(lines).toEqual(lines.map((_line, index) => `line ${index + 1}`));
    });

    test.each([
      ['exec', () => runIn('talks', ['true'])],
      ['resize', () => engine.client.containers.resize('talks', { rows: 24, columns: 80 })],
    ])('must refuse %s in words, and go on', async (_name, work) => {
      const error: unknown = await work().then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(EngineError);
      expect((error as EngineError).kind).toBe('conflict');
      expect((error as EngineError).message).toContain('older engine');
      expect((await engine.client.containers.inspect('talks')).State.Pid).toBe(running.State.Pid);
    });

    async function runIn(ref: string, Cmd: readonly string[]): Promise<number> {
      const options = { onOutput: () => undefined };
      return (await engine.client.execs.run(ref, { Cmd }, options)).exitCode;
    }

    test('must be stopped with their exit code, and start with all of today afterwards', async () => {
      await engine.client.containers.stop('talks');
      const { State } = await engine.client.containers.inspect('talks');
      expect([State.Status, State.ExitCode]).toEqual(['exited', 7]);
      await engine.client.containers.start('talks');
      expect(await runIn('talks', ['sh', '-c', 'exit 3'])).toBe(3);
      await eventually(async () => {
        const lines: string[] = [];
        for await (const { text } of engine.client.containers.logs('talks')) lines.push(text);
        expect(lines.filter((line) => line === 'line 1')).toHaveLength(2);
      });
      for (const name of ['ended', 'never-run']) await engine.client.containers.start(name);
    });
  },
);
