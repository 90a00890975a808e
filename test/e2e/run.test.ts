/** `run`: one-off containers beside the replicas of a service. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine, type CommandResult } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { Running } from '../lib/running.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;

const file = `
name: once
services:
  app:
    image: tscompose.local/host
    entrypoint: [sh, -c]
    command: [echo own \$\$GREETING]
    container_name: fixed
    restart: always
    ports: ["127.0.0.1:18099:80"]
    environment: {GREETING: hello}
    depends_on: {db: {condition: service_started}}
  db: {image: tscompose.local/host, command: [sleep, "100"], stop_signal: SIGKILL}
  tool: {image: tscompose.local/host, command: [sleep, "100"], stop_signal: SIGKILL}
`;

describe.skipIf(!isAble)('run', () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
  });

  afterEach(async () => {
    await engine.mustCli(['down', '-t', '0', '-v', '--remove-orphans']);
  });

  afterAll(async () => {
    await engine.stop();
    await expectNoLeaks(before, { ...engine.scope, directories: [] });
    await engine[Symbol.asyncDispose]();
  });

  const run = (...args: readonly string[]): Promise<CommandResult> => engine.cli(['run', ...args]);

  const names = async (): Promise<string[]> => {
    const found = await engine.client.containers.list({ all: true });
    return found.map(({ Names, State }) => `${Names[0]?.slice(1) ?? ''} ${State}`).sort();
  };

  test('must start what the service needs, print what the program prints, and leave with its code', async () => {
    const result = await run('--rm', 'app', 'echo out; echo err >&2; exit 42');
    expect(result.code, result.stderr).toBe(42);
    expect(result.stdout).toBe('out\n');
    expect(result.stderr).toContain('Container once-db-1  Started');
    expect(result.stderr).toContain('err\n');
    expect(await names()).toEqual(['once-db-1 running']);
  });

  test.each([
    [['tool', 'echo', 'given'], 'given\n'],
    [['app'], 'own hello\n'],
    [['-e', 'GREETING=bye', 'app'], 'own bye\n'],
    [['--entrypoint', 'echo "two words"', 'app'], 'two words\n'],
    [['--entrypoint', 'echo a', 'app', 'b'], 'a b\n'],
    [['-w', '/usr', 'app', 'pwd'], '/usr\n'],
    [['-u', '1000:44', 'app', 'id -u; id -g'], '1000\n44\n'],
    [['-e', 'A=1', '--env-from-file', 'vars', 'app', 'echo $A $B'], '1 two\n'],
    [['-v', './given:/in', 'app', 'cat /in/file'], 'content\n'],
    [['--cap-drop', 'ALL', 'app', 'grep CapEff /proc/self/status | cut -f2'], '0000000000000000\n'],
    [['app', 'echo', '--rm', '-d'], '\n'],
  ])('%j must print %j', async (args, output) => {
    const project = join(engine.root, 'project');
    await mkdir(join(project, 'given'), { recursive: true });
    await writeFile(join(project, 'given', 'file'), 'content\n');
    await writeFile(join(project, 'vars'), 'A=0\nB=two\n');
    const result = await run('--rm', '--no-deps', ...args);
    expect({ code: result.code, stdout: result.stdout }, result.stderr).toEqual({
      code: 0,
      stdout: output,
    });
    expect(await names()).toEqual([]);
  });

  test('must be nobody’s replica: no name, ports, restart policy or aliases of the service', async () => {
    const { stdout } = await run('-d', '--no-deps', '-l', 'mine=yes', 'app', 'sleep 100');
    const { Name, Config, HostConfig, NetworkSettings } = await engine.client.containers.inspect(
      stdout.trim(),
    );
    expect(Name).toMatch(/^\/once-app-run-[0-9a-f]{12}$/);
    expect(Config.Labels).toMatchObject({
      mine: 'yes',
      'com.docker.compose.oneoff': 'True',
      'com.docker.compose.slug': expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(Config.Labels).not.toHaveProperty('com.docker.compose.container-number');
    expect(HostConfig.RestartPolicy).toMatchObject({ Name: 'no' });
    expect(HostConfig.PortBindings ?? {}).toEqual({});
    expect(NetworkSettings.Networks['once_default']?.Aliases).not.toContain('app');
    expect((await engine.mustCli(['logs'])).trim()).toBe('');
    expect(await engine.mustCli(['ps', '-q'])).toBe('');
  });

  test('must take ports, a name and the aliases when told so', async () => {
    const args = ['-d', '--no-deps', '--use-aliases', '--name', 'mine'];
    await run(...args, '-p', '127.0.0.1:18098:81', 'app', 'sleep 100');
    const mine = await engine.client.containers.inspect('mine');
    expect(mine.HostConfig.PortBindings).toEqual({
      '81/tcp': [{ HostIp: '127.0.0.1', HostPort: '18098' }],
    });
    expect(mine.NetworkSettings.Networks['once_default']?.Aliases).toContain('app');
    await run('-d', '--no-deps', '-P', '--name', 'other', 'app', 'sleep 100');
    const other = await engine.client.containers.inspect('other');
    expect(Object.keys(other.HostConfig.PortBindings ?? {})).toEqual(['80/tcp']);
  });

  test('must pass interrupts on and leave with what the program makes of them', async () => {
    const script = 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.05; done';
    const running = new Running(engine, ['run', '--rm', '--no-deps', 'app', script]);
    await running.shows('ready');
    running.interrupt();
    expect(await running.ended).toBe(9);
    expect(running.stdout).toBe('ready\ncaught\n');
    await eventually(async () => {
      expect(await names()).toEqual([]);
    });
  });

  test('must not keep an attached up, nor show in it', async () => {
    await engine.mustCli(['create', 'tool']);
    const up = new Running(engine, ['up', 'tool']);
    await up.shows('Attaching to tool-1');
    await eventually(async () => {
      expect(await names()).toContain('once-tool-1 running');
    });
    expect((await run('-d', 'tool', 'sleep', '100')).code).toBe(0);
    expect((await run('--rm', 'tool', 'echo', 'beside')).stdout).toBe('beside\n');
    await engine.mustCli(['kill', '-s', 'KILL', 'once-tool-1']).catch(() => '');
    await engine.client.containers.kill('once-tool-1').catch(() => undefined);
    expect(await up.ended).toBe(0);
    expect(up.stdout).not.toContain('beside');
  });

  test.each([
    [['nope'], 'no such service'],
    [['-P', '-p', '80', 'app'], '--service-ports and --publish are incompatible'],
    [['-p', '1:2:3:4:5', 'app'], 'invalid port "1:2:3:4:5"'],
    [['--entrypoint', 'a "b', 'app'], 'cannot be split into words'],
    [['--rm', '--no-deps', 'tool', 'nosuchprogram'], 'executable file not found in $PATH'],
  ])('%j must be refused', async (args, text) => {
    const result = await run(...args);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(text);
    expect(await names().catch(() => [])).toEqual([]);
  });
});
