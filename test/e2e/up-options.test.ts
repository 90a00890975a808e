/** What `up` can be told: waiting, ending with one container, scaling, recreating; `create` and `scale`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine, type CommandResult } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;

const services = {
  good: 'command: ["true"]',
  bad: 'command: [sh, -c, "sleep 0.3; exit 3"]',
  stays: 'command: [sleep, "100"], stop_signal: SIGKILL',
  stubborn: 'command: [sleep, "100"], stop_grace_period: 0s',
  healthy:
    'command: [sleep, "100"], stop_signal: SIGKILL, healthcheck: {test: "true", interval: 1s}',
  sick: 'command: [sleep, "100"], stop_signal: SIGKILL, healthcheck: {test: "false", interval: 1s, retries: 60}',
  after:
    'command: [sleep, "100"], stop_signal: SIGKILL, depends_on: {good: {condition: service_completed_successfully}}',
};

describe.skipIf(!isAble)('up', () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    const entries = Object.entries(services).map(
      ([name, rest]) => `  ${name}: {image: tscompose.local/host, profiles: [p], ${rest}}`,
    );
    await write('compose.yaml', `name: up\nservices:\n${entries.join('\n')}\n`);
  });

  afterEach(async () => {
    await engine.mustCli(['--profile', 'p', 'down', '-t', '0', '-v', '--remove-orphans']);
  });

  afterAll(async () => {
    await engine.stop();
    await expectNoLeaks(before, { ...engine.scope, directories: [] });
    await engine[Symbol.asyncDispose]();
  });

  const write = (name: string, text: string): Promise<void> =>
    writeFile(join(engine.root, 'project', name), text);

  const up = (...args: readonly string[]): Promise<CommandResult> => engine.cli(['up', ...args]);

  async function states(): Promise<string[]> {
    const found = await engine.client.containers.list({ all: true });
    return found.map(({ Names, State }) => `${Names[0]?.slice(1) ?? ''} ${State}`).sort();
  }

  test.each([
    [['--abort-on-container-exit', 'bad', 'stays'], 3],
    [['--abort-on-container-exit', 'good', 'stays'], 0],
    [['--abort-on-container-failure', 'good', 'bad', 'stays'], 3],
    [['--exit-code-from', 'stays', 'good', 'stays'], 137],
    [['--exit-code-from', 'good', 'good', 'stubborn'], 0],
    [['--exit-code-from', 'bad', 'bad', 'stays'], 3],
  ])('%j must leave with %i and nothing running', async (args, code) => {
    const result = await up(...args);
    expect(result.code, result.stderr).toBe(code);
    expect(result.stderr).toContain('Aborting on container exit...');
    expect((await states()).filter((text) => text.endsWith('running'))).toEqual([]);
  });

  test.each([
    [['healthy', 'stays'], 0, ''],
    [['after'], 0, ''],
    [['good'], 1, 'container up-good-1 exited (0)'],
    [['--wait-timeout', '1', 'sick'], 1, 'application not healthy after 1s'],
  ])('--wait %j must leave with %i', async (args, code, text) => {
    const result = await up('--wait', ...args);
    expect(result.code, result.stderr).toBe(code);
    expect(result.stderr).toContain(text);
  });

  test.each([
    [['--abort-on-container-exit', '--abort-on-container-failure'], 'cannot be combined with'],
    [['--wait', '--attach', 'good'], '--wait cannot be combined with'],
    [['-d', '--attach-dependencies'], '--detach cannot be combined with'],
    [['--build', '--no-build'], '--build and --no-build are incompatible'],
    [['-V', '--no-recreate'], '--no-recreate and --renew-anon-volumes are incompatible'],
    [['--force-recreate', '--no-recreate'], '--force-recreate and --no-recreate are incompatible'],
    [['--always-recreate-deps', '--no-recreate'], '--always-recreate-deps and --no-recreate are'],
    [['--attach', 'good', '--attach-dependencies'], 'cannot combine --attach and'],
    [['--attach', 'bad', 'good'], 'cannot attach to services not included in up: bad'],
    [['--exit-code-from', 'none', 'good'], 'no such service: none'],
    [['--scale', 'good', 'good'], 'invalid --scale option "good". Should be SERVICE=NUM'],
    [['--scale', 'none=2', 'good'], 'no such service'],
    [['--pull', 'often', 'good'], 'invalid --pull option "often"'],
  ])('%j must be refused before anything is done', async (args, text) => {
    const result = await up(...args);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(text);
    expect(await engine.client.containers.list({ all: true }).catch(() => [])).toEqual([]);
  });

  test('must show the logs of those it is told to, and wait for the others all the same', async () => {
    await write(
      'logs.yaml',
      `name: up
services:
  loud: {image: tscompose.local/host, command: [echo, one]}
  shy: {image: tscompose.local/host, attach: false, command: [sh, -c, 'sleep 1; echo two']}
`,
    );
    const args = ['-f', 'logs.yaml', 'up'];
    expect((await engine.cli(args)).stdout).toBe('loud-1  | one\nloud-1 exited with code 0\n');
    const shown = await engine.cli([...args, '--attach', 'shy', '--no-log-prefix']);
    expect(shown.stdout).toBe('two\nshy-1 exited with code 0\n');
    expect((await states()).filter((text) => text.endsWith('running'))).toEqual([]);
  });

  test('--dry-run must only say what would be done', async () => {
    const { stdout } = await up('--dry-run', 'stays');
    expect(stdout).toContain('createContainer up-stays-1 — no container');
    expect(await states()).toEqual([]);
  });

  test('create must start nothing, scale must start what it adds and keep the rest', async () => {
    await engine.mustCli(['create', 'stays', 'good']);
    expect(await states()).toEqual(['up-good-1 created', 'up-stays-1 created']);
    await engine.mustCli(['scale', 'stays=3']);
    const running = ['up-stays-1 running', 'up-stays-2 running', 'up-stays-3 running'];
    expect(await states()).toEqual(['up-good-1 created', ...running]);
    await engine.mustCli(['scale', 'stays=1']);
    expect(await states()).toEqual(['up-good-1 created', 'up-stays-1 running']);
    const wrong = await engine.cli(['scale', 'stays']);
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stderr).toContain('invalid scale specifier: stays');
  });

  test('must make a changed network and, when told yes, a changed volume anew', async () => {
    const file = (label: string): string => `name: up
services:
  web: {image: tscompose.local/host, command: [sleep, "100"], stop_signal: SIGKILL, volumes: ["data:/data"]}
networks: {default: {labels: {v: "${label}"}}}
volumes: {data: {labels: {v: "${label}"}}}
`;
    const label = async (): Promise<(string | undefined)[]> => {
      const [network] = (await engine.client.networks.list()).filter(
        ({ Name }) => Name === 'up_default',
      );
      const [volume] = await engine.client.volumes.list();
      return [network?.Labels['v'], volume?.Labels?.['v']];
    };
    await write('labels.yaml', file('1'));
    await engine.mustCli(['-f', 'labels.yaml', 'up', '-d']);
    await write('labels.yaml', file('2'));
    const asked = await engine.mustCli(['-f', 'labels.yaml', 'up', '-d']);
    expect(asked).toContain('Volume "up_data" exists but doesn\'t match configuration');
    expect(await label()).toEqual(['2', '1']);
    await engine.mustCli(['-f', 'labels.yaml', 'up', '-d', '-y']);
    expect(await label()).toEqual(['2', '2']);
    expect(await states()).toEqual(['up-web-1 running']);
  });
});
