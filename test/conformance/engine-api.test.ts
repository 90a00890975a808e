/** The embedded engine as dockerd's clients see it: the shapes of its answers, and the real `docker` command at work. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { callApi, optionalKeys, shapeCases } from '../lib/api-shapes.ts';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { dockerCli, type DockerCli } from '../lib/docker-cli.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { compareShape, readRecordedShapes } from '../lib/shapes.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');
const recorded = readRecordedShapes();

describe.skipIf(absent.length > 0)(`engine API (missing: ${absent.join() || 'nothing'})`, () => {
  let engine: TestEngine;
  let docker: DockerCli;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    await engine.start();
    docker = dockerCli({
      address: `unix://${engine.socket}`,
      configDirectory: join(engine.root, 'docker'),
    });
    const archive = execFileSync('tar', ['-C', '/', '-c', 'bin/busybox'], { maxBuffer: 64 << 20 });
    const options = ['--change', 'ENTRYPOINT ["/bin/busybox"]', '-', 'app'];
    await docker.runWithInput(archive, 'import', ...options);
    // The default bridge is made for the first container on it, and then stays with the engine.
    await docker.ok('start', await docker.ok('create', '--name', 'first', 'app', 'true'));
    await docker.ok('wait', 'first');
    await docker.ok('rm', 'first');
    before = await eventually(async () => {
      const audit = await takeAudit({ ...engine.scope, directories: [] });
      // The kernel tells a little later that the bridge has no port any more.
      const active = (audit.get('routes') ?? []).filter(
        (route) => / dev tsc\w+ /.test(route) && / scope link /.test(route),
      );
      expect(active.filter((route) => !route.includes('linkdown'))).toEqual([]);
      return audit;
    });
  });
  afterAll(async () => {
    try {
      const left = (await docker.ok('ps', '-aq')).split('\n').filter((id) => id !== '');
      if (left.length > 0) await docker.ok('rm', '-f', '-v', ...left);
      for (const network of ['net', 'other']) await docker.run('network', 'rm', network);
      await expectNoLeaks(before, { ...engine.scope, directories: [] });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  });

  test('version and info must be readable', async () => {
    expect(
      await docker.ok('version', '--format', '{{.Server.APIVersion}} {{.Server.MinAPIVersion}}'),
    ).toBe('1.51 1.24');
    const { code, stderr } = await docker.run('info');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('a container must live as long as docker says, and leave its true exit code', async () => {
    const script = 'echo out; echo err >&2; trap "exit 7" TERM; while :; do sleep 0.05; done';
    await docker.ok('create', '--name', 'life', '--label', 'a=b', 'app', 'sh', '-c', script);
    expect(await docker.ok('ps', '-q')).toBe('');
    await docker.ok('start', 'life');
    expect(await docker.ok('ps', '--filter', 'label=a', '--format', '{{.Names}} {{.State}}')).toBe(
      'life running',
    );
    await eventually(async () => {
      expect(await docker.run('logs', 'life')).toEqual({
        code: 0,
        stdout: 'out\n',
        stderr: 'err\n',
      });
    });
    await using waiting = docker.start('wait', 'life');
    await docker.ok('stop', 'life');
    expect((await waiting.ended).stdout).toBe('7\n');
    expect(await docker.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'life')).toBe(
      'exited 7',
    );
    await docker.ok('rm', 'life');
    expect((await docker.run('inspect', 'life')).code).toBe(1);
  });

  test('logs -f must show every line as it is written, and end with the container', async () => {
    const script =
      'i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; sleep 0.3; echo last';
    await docker.ok('create', '--name', 'talker', 'app', 'sh', '-c', script);
    await docker.ok('start', 'talker');
    await using following = docker.start('logs', '-f', 'talker');
    const { code, stdout } = await following.ended;
    const expected = [...Array.from({ length: 200 }, (_, index) => `line ${index}`), 'last', ''];
    expect({ code, lines: stdout.split('\n') }).toEqual({ code: 0, lines: expected });
    expect(await docker.ok('logs', '-n', '1', 'talker')).toBe('last');
    await docker.ok('rm', 'talker');
  });

  test('kill, restart and forced removal must do what they say', async () => {
    await docker.ok('create', '--name', 'stubborn', 'app', 'sleep', '1000');
    await docker.ok('start', 'stubborn');
    const refused = await docker.run('rm', 'stubborn');
    expect(refused.stderr).toContain('stop the container before removing or force remove');
    await docker.ok('restart', '-t', '0', 'stubborn');
    await docker.ok('kill', 'stubborn');
    expect(await docker.ok('wait', 'stubborn')).toBe('137');
    await docker.ok('start', 'stubborn');
    await docker.ok('rm', '-f', 'stubborn');
    expect(await docker.ok('ps', '-aq', '--filter', 'name=stubborn')).toBe('');
  });

  test('events must tell a container’s life in order', async () => {
    await using events = docker.start(
      'events',
      '--filter',
      'container=told',
      '--format',
      '{{.Action}}',
    );
    await eventually(async () => {
      await docker.ok('create', '--name', 'told', 'app', 'true');
      await docker.ok('rm', 'told');
      expect(events.stdout()).toContain('destroy');
    });
    const from = events.stdout().length;
    await docker.ok('create', '--name', 'told', 'app', 'true');
    await docker.ok('start', 'told');
    await docker.ok('wait', 'told');
    await docker.ok('rm', 'told');
    await eventually(() => {
      expect(events.stdout().slice(from)).toBe('create\nstart\ndie\ndestroy\n');
    });
  });

  test('networks and volumes must come and go', async () => {
    await docker.ok('network', 'create', '--label', 'a=b', 'own');
    expect(await docker.ok('network', 'ls', '-q', '--filter', 'label=a=b')).not.toBe('');
    await docker.ok('network', 'rm', 'own');
    expect((await docker.run('network', 'inspect', 'own')).stderr).toContain(
      'network own not found',
    );
    await docker.ok('volume', 'create', 'own');
    expect(await docker.ok('volume', 'ls', '-q')).toBe('own');
    await docker.ok('volume', 'rm', 'own');
    expect((await docker.run('volume', 'inspect', 'own')).stderr).toContain(
      'get own: no such volume',
    );
  });

  test('what is missing must be named as dockerd names it', async () => {
    expect((await docker.run('start', 'ghost')).stderr).toContain('No such container: ghost');
    expect((await docker.run('create', 'ghost')).stderr).toContain('cannot pull "ghost:latest"');
    await docker.ok('create', '--name', 'nameless', 'app', 'true');
    const taken = await docker.run('create', '--name', 'nameless', 'app', 'true');
    expect(taken.stderr).toMatch(
      /Conflict\. The container name "\/nameless" is already in use by container "[0-9a-f]{64}"\./,
    );
    await docker.ok('rm', 'nameless');
    await docker.ok('create', '--name', 'wrong', '--entrypoint', '/nowhere', 'app');
    expect((await docker.run('start', 'wrong')).stderr).toContain('no such file or directory');
    expect(await docker.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'wrong')).toBe(
      'created 127',
    );
    await docker.ok('rm', 'wrong');
  });

  describe.skipIf(recorded === null)('shapes (skipped without ../shared)', () => {
    beforeAll(async () => {
      await docker.runWithInput(
        execFileSync('tar', ['-c', '-C', '/etc', 'hostname']),
        'import',
        '-',
        'unused',
      );
      await docker.ok('network', 'create', '--subnet', '10.231.7.0/24', 'net');
      const options = [
        '-p',
        '127.0.0.1:0:80',
        '--expose',
        '81',
        '-v',
        'data:/data',
        '--network',
        'net',
      ];
      await docker.ok('create', '--name', 'web', ...options, 'app', 'sleep', '1000');
      await docker.ok('start', 'web');
    });
    afterAll(async () => {
      await docker.ok('rm', '-f', 'web', 'more');
      await docker.ok('volume', 'rm', 'data');
    });

    test.each(shapeCases)('%s must have its keys and types', async (name, call) => {
      const expected = recorded?.[name] ?? { status: 0, shape: {} };
      const { status, body } = await callApi(engine.socket, call);
      const differences = compareShape(body, expected);
      const allowed = new Set(optionalKeys[name]);
      const lacking = differences.missing.filter((path) => !allowed.has(path));
      expect({ status, missing: lacking, mistyped: differences.mistyped }).toEqual({
        status: expected.status,
        missing: [],
        mistyped: [],
      });
    });
  });
});
