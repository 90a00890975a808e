/** What services get from beyond the engine: providers, models, the engine's own socket. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine, type CommandResult } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'overlayfs', 'nftables', 'curl').length === 0;

const file = `
name: out
services:
  data-base:
    provider:
      type: cloud
      options: {size: small, zone: [a, b], unknown: x}
  app:
    image: tscompose.local/host
    command: [sh, -c, 'env | grep -E "^(DATA_BASE|RAW)" | sort']
    depends_on: [data-base]
  broken:
    profiles: [p]
    provider: {type: faulty}
  absent:
    profiles: [p]
    provider: {type: no-such-provider}
  thinker:
    profiles: [p]
    image: tscompose.local/host
    command: [sh, -c, 'echo $$MY_MODEL at $$MY_MODEL_URL, $$NAME at $$PLACE']
    models:
      my-model:
      other: {endpoint_var: PLACE, model_var: NAME}
  client:
    profiles: [p]
    image: tscompose.local/host
    command: [sh, -c, 'curl -s --unix-socket /var/run/docker.sock http://d/_ping; cat $$DOCKER_CONFIG/config.json']
    use_api_socket: true
models:
  my-model: {model: ai/small, context_size: 1024, runtime_flags: [--fast]}
  other: {model: ai/big}
`;

const cloud = `#!/bin/sh
echo "$*" >> "$CALLS"
case "$2" in
  metadata) echo '{"description":"d","up":{"parameters":[{"name":"size","required":true},{"name":"zone"}]},"down":{"parameters":[]},"stop":{"parameters":[]}}' ;;
esac
case "$3" in
  up)
    echo '{"type":"info","message":"making"}'
    echo '{"type":"setenv","message":"URL=db://'$PWD'?a=b"}'
    echo '{"type":"rawsetenv","message":"RAW_KEY=1"}'
    echo '{"type":"debug","message":"hidden"}' ;;
esac
`;
const faulty = `#!/bin/sh
[ "$2" = metadata ] && exit 1
echo '{"type":"error","message":"quota is used up"}'
`;
const model = `#!/bin/sh
echo "$*" >> "$CALLS"
case "$2" in
  status) echo '{"running":true,"endpoint":"http://models.internal/v1/"}' ;;
  inspect) [ "$3" = ai/big ] ;;
esac
`;

describe.skipIf(!isAble)('what services get from outside', () => {
  let engine: TestEngine;
  let before: Audit;
  let config: string;
  let calls: string;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    config = join(engine.root, 'docker');
    calls = join(engine.root, 'calls');
    const plugins = join(config, 'cli-plugins');
    await mkdir(plugins, { recursive: true });
    await mkdir(join(engine.root, 'bin'));
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    await program(join(plugins, 'docker-cloud'), cloud);
    await program(join(engine.root, 'bin', 'faulty'), faulty);
  });

  beforeEach(() => writeFile(calls, ''));

  afterAll(async () => {
    await run('--profile', 'p', 'down');
    await engine.stop();
    await expectNoLeaks(before, { ...engine.scope, directories: [] });
    await engine[Symbol.asyncDispose]();
  });

  async function program(path: string, text: string): Promise<void> {
    await writeFile(path, text);
    await chmod(path, 0o755);
  }

  function run(...args: readonly string[]): Promise<CommandResult> {
    const PATH = `${join(engine.root, 'bin')}:${process.env['PATH'] ?? ''}`;
    return engine.cli(args, { env: { DOCKER_CONFIG: config, CALLS: calls, PATH } });
  }

  test('a provider must be run with the options it knows, and its variables reach who depends on it', async () => {
    const { code, stdout, stderr } = await run('up');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`app-1  | DATA_BASE_URL=db://${join(engine.root, 'project')}?a=b\n`);
    expect(stdout).toContain('app-1  | RAW_KEY=1\n');
    expect(stderr).toContain(' Service data-base  making\n');
    expect(stderr).not.toContain('hidden');
    expect(await readFile(calls, 'utf8')).toBe(
      'compose metadata\ncompose --project-name=out up --size=small --zone=a --zone=b data-base\n',
    );
    const { Config } = await engine.client.containers.inspect('out-app-1');
    const label = Config.Labels?.['com.docker.compose.config-hash'] ?? '';
    const hashes = (await run('config', '--hash', 'app,data-base')).stdout;
    expect(hashes).toMatch(/^app \w{64}\ndata-base \w{64}\n$/u);
    // As with docker compose: what the provider has told is a part of the container, and of no file.
    expect(hashes).not.toContain(label);
    const again = await run('up', '-d');
    expect(again.code, again.stderr).toBe(0);
    expect((await engine.client.containers.inspect('out-app-1')).Config).toEqual(Config);
    await writeFile(calls, '');
    expect((await run('stop')).code).toBe(0);
    const down = await run('down');
    expect(down.code, down.stderr).toBe(0);
    expect(await readFile(calls, 'utf8')).toBe(
      'compose metadata\ncompose --project-name=out stop data-base\n' +
        'compose metadata\ncompose --project-name=out down data-base\n',
    );
  });

  test('one that fails or is not there must fail up at its line, in its words', async () => {
    const failed = await run('up', '-d', 'broken');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('quota is used up\n   --> compose.yaml:14:5');
    const absent = await run('up', '-d', 'absent');
    expect(absent.code).toBe(1);
    expect(absent.stderr).toContain('provider "no-such-provider" of service "absent" is not there');
    expect((await run('up', '-d', '--dry-run', 'broken')).code).toBe(0);
  });

  test('models must be pulled, set up and told to their services; without a runner that is said', async () => {
    const none = await run('up', '-d', 'thinker');
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('service "thinker" uses models, and there is no model runner');
    await program(join(config, 'cli-plugins', 'docker-model'), model);
    const { code, stdout, stderr } = await run('up', 'thinker');
    expect(code, stderr).toBe(0);
    const place = 'http://models.internal/v1/';
    expect(stdout).toContain(`thinker-1  | ai/small at ${place}, ai/big at ${place}\n`);
    expect(await readFile(calls, 'utf8')).toBe(
      'model inspect ai/small\nmodel pull ai/small\n' +
        'model configure --context-size=1024 ai/small -- --fast\n' +
        'model inspect ai/big\nmodel status --json\n',
    );
  });

  test('a container must reach the engine by its socket, with what its user is logged in to', async () => {
    const auths = { 'registry.example': { auth: 'dXNlcjpwYXNz' } };
    await writeFile(
      join(config, 'config.json'),
      JSON.stringify({ auths, currentContext: 'default' }),
    );
    const { code, stdout, stderr } = await run('up', 'client');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`client-1  | OK${JSON.stringify({ auths })}\n`);
    const refused = await run('--host', 'tcp://127.0.0.1:1', 'up', '-d', 'client');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('use_api_socket can only be used with unix sockets');
  });
});
