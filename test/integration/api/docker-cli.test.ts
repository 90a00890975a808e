/** The HTTP side alone, in front of backends in memory, driven by the real `docker` command. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { dockerCli, type DockerCli } from '../../lib/docker-cli.ts';
import { eventually } from '../../lib/eventually.ts';
import { FakeEngine } from '../../lib/fake-engine/engine.ts';
import { serveBackends, type HttpEngine } from '../../lib/http-engine.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir, type TempDir } from '../../lib/temp-dir.ts';

const absent = missing('docker');

describe.skipIf(absent.length > 0)(
  `docker command (missing: ${absent.join() || 'nothing'})`,
  () => {
    const backends = new FakeEngine();
    let engine: HttpEngine;
    let docker: DockerCli;
    let directory: TempDir;

    beforeAll(async () => {
      directory = await tempDir();
      engine = await serveBackends(backends);
      docker = dockerCli({ address: engine.address, configDirectory: directory.path });
    });
    beforeEach(() => {
      backends.byId.clear();
      backends.imagesById.clear();
      backends.networksById.clear();
      backends.volumesByName.clear();
      backends.calls.length = 0;
    });
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
      expect(engine.internalErrors).toEqual([]);
    });

    async function createImage(): Promise<void> {
      await docker.runWithInput(Buffer.from('layer'), 'import', '-', 'app');
    }

    async function createWeb(...options: readonly string[]): Promise<string> {
      await createImage();
      return docker.ok('create', '--name', 'web', ...options, 'app', 'serve', '--port=80');
    }

    test('version must name both sides and the API both speak', async () => {
      const text = await docker.ok(
        'version',
        '--format',
        '{{.Client.APIVersion}} {{.Server.Version}}',
      );
      expect(text).toMatch(/^1\.\d\d 9\.8\.7$/);
    });

    test('info must print the whole report without a warning of its own', async () => {
      const { code, stdout, stderr } = await docker.run('info');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('Server Version: 9.8.7');
      expect(stdout).toContain('Swarm: inactive');
    });

    test('import must send the archive and the image settings, and print the id', async () => {
      const archive = Buffer.alloc(3 << 20, 'x');
      const result = await docker.runWithInput(
        archive,
        ...['import', '--change', 'CMD ["sh"]', '--message', 'note', '-', 'team/app:1'],
      );
      expect(result.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
      expect(backends.calls).toEqual([
        `images.import {"reference":"team/app:1","changes":["CMD [\\"sh\\"]"],"message":"note","platform":null} ${archive.length}`,
      ]);
    });

    test('load must send a file and print what was loaded', async () => {
      const path = join(directory.path, 'image.tar');
      await writeFile(path, Buffer.alloc(1 << 20));
      expect(await docker.ok('load', '-i', path)).toBe('Loaded image: loaded:latest');
      expect(backends.calls).toEqual([`images.load ${1 << 20}`]);
    });

    test('images must list, tag and remove', async () => {
      await createImage();
      await docker.ok('tag', 'app', 'registry.example:5000/team/app:2');
      const listed = await docker.ok('images', '--format', '{{.Repository}}:{{.Tag}}');
      // Of one image's tags the command chooses the order.
      expect(listed.split('\n').sort()).toEqual(['app:latest', 'registry.example:5000/team/app:2']);
      expect(await docker.ok('rmi', 'app')).toContain('Untagged: app:latest');
      expect(await docker.ok('images', '-q')).toBe('');
    });

    test('the life of a container must reach the backend call by call', async () => {
      const id = await createWeb('-e', 'A=b', '-p', '8080:80', '--label', 'x=y');
      await docker.ok('start', 'web');
      await docker.ok('start', id);
      await docker.ok('restart', '-t', '2', 'web');
      await docker.ok('stop', '-t', '3', '-s', 'SIGINT', 'web');
      expect(await docker.ok('wait', 'web')).toBe('143');
      await docker.ok('rename', 'web', 'site');
      await docker.ok('start', 'site');
      await docker.ok('kill', '-s', 'HUP', 'site');
      await docker.ok('rm', '-v', 'site');
      const verbs = backends.calls.filter((call) => /\.(start|stop|kill|rename|remove)/.test(call));
      expect(verbs).toEqual([
        'containers.start web',
        `containers.start ${id}`,
        'containers.stop web t=3 s=SIGINT',
        'containers.rename web site',
        'containers.start site',
        'containers.kill site HUP',
        'containers.remove site force=false volumes=true',
      ]);
      expect(await docker.ok('ps', '-aq')).toBe('');
    });

    test('inspect must show what was asked for and dockerd’s defaults', async () => {
      await createWeb('-p', '127.0.0.1:8080:80/tcp', '-v', 'data:/data', '--restart', 'always');
      const [shown] = JSON.parse(await docker.ok('inspect', 'web')) as [Record<string, never>];
      expect(shown).toMatchObject({
        Name: '/web',
        Path: 'serve',
        Args: ['--port=80'],
        HostConfig: {
          PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
          Binds: ['data:/data'],
          RestartPolicy: { Name: 'always', MaximumRetryCount: 0 },
          NetworkMode: 'bridge',
          ShmSize: 64 << 20,
          IpcMode: 'private',
        },
        Config: { Image: 'app', Entrypoint: null, OnBuild: null },
      });
    });

    test('ps must filter and format', async () => {
      await createWeb('--label', 'tier=front');
      expect(await docker.ok('ps', '-q')).toBe('');
      expect(
        await docker.ok('ps', '-a', '--filter', 'label=tier=front', '--format', '{{.Names}}'),
      ).toBe('web');
      expect(await docker.ok('ps', '-a', '--filter', 'name=other', '-q')).toBe('');
      expect(
        await docker.ok('ps', '-a', '--filter', 'ancestor=app', '--format', '{{.Names}}'),
      ).toBe('web');
      const bad = await docker.run('ps', '--filter', 'colour=red');
      expect(bad.code).toBe(1);
      expect(bad.stderr).toContain("invalid filter 'colour'");
    });

    test('logs must keep the streams apart, and follow until the container ends', async () => {
      await createWeb();
      await docker.ok('start', 'web');
      const timeNs = 1_763_666_688_000_000_007n;
      backends.writeLog('web', { stream: 'stdout', line: 'out 1\n', timeNs });
      backends.writeLog('web', { stream: 'stderr', line: 'err 1\n', timeNs });
      expect(await docker.run('logs', 'web')).toEqual({
        code: 0,
        stdout: 'out 1\n',
        stderr: 'err 1\n',
      });
      expect(await docker.ok('logs', '-t', '-n', '1', 'web')).toBe('');
      await using following = docker.start('logs', '-f', '-t', 'web');
      await eventually(() => {
        expect(following.stdout()).toBe('2025-11-20T19:24:48.000000007Z out 1\n');
      });
      backends.writeLog('web', { stream: 'stdout', line: 'out 2\n', timeNs });
      await eventually(() => {
        expect(following.stdout()).toContain('out 2\n');
      });
      backends.setStatus(backends.find('web'), 'exited', 0);
      expect((await following.ended).code).toBe(0);
    });

    test('a client that leaves must end its log, event and wait streams', async () => {
      await createWeb();
      await docker.ok('start', 'web');
      const events = docker.start('events');
      await eventually(() => {
        expect(backends.subscribers).toBe(1);
      });
      events.kill('SIGKILL');
      await eventually(() => {
        expect(backends.subscribers).toBe(0);
      });
    });

    test('wait must answer the exit code when the container ends', async () => {
      await createWeb();
      await docker.ok('start', 'web');
      await using waiting = docker.start('wait', 'web');
      await eventually(() => {
        expect(backends.calls.some((call) => call.startsWith('containers.wait'))).toBe(true);
      });
      backends.setStatus(backends.find('web'), 'exited', 42);
      expect((await waiting.ended).stdout).toBe('42\n');
    });

    test('events must arrive as they happen, filtered', async () => {
      await createWeb('--label', 'x=y');
      await using events = docker.start(
        ...[
          'events',
          '--filter',
          'event=start',
          '--filter',
          'label=x',
          '--format',
          '{{.Action}} {{.Actor.Attributes.name}}',
        ],
      );
      await eventually(() => {
        expect(backends.subscribers).toBe(1);
      });
      await docker.ok('start', 'web');
      await docker.ok('kill', 'web');
      await eventually(() => {
        expect(events.stdout()).toBe('start web\n');
      });
    });

    test('networks must be created, listed, inspected and removed', async () => {
      const id = await docker.ok('network', 'create', '--internal', '--label', 'a=b', 'back');
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      expect(
        await docker.ok('network', 'ls', '--filter', 'name=bac', '--format', '{{.Name}}'),
      ).toBe('back');
      expect(
        await docker.ok('network', 'inspect', '-f', '{{.Internal}} {{.Labels.a}}', 'back'),
      ).toBe('true b');
      expect(await docker.ok('network', 'rm', 'back')).toBe('back');
      expect((await docker.run('network', 'inspect', 'back')).stderr).toContain(
        'network back not found',
      );
    });

    test('containers must join and leave networks', async () => {
      await createWeb();
      await docker.ok('network', 'create', 'back');
      await docker.ok('network', 'connect', '--alias', 'db', '--ip', '10.1.2.3', 'back', 'web');
      await docker.ok('network', 'disconnect', '--force', 'back', 'web');
      const calls = backends.calls.filter((call) => /connect/.test(call));
      expect(calls).toEqual([
        expect.stringMatching(/connect.*"Container":"web".*"IPv4Address":"10\.1\.2\.3".*"db"/),
        expect.stringMatching(/disconnect.*"Container":"web","Force":true/),
      ]);
    });

    test('volumes must be created, listed, inspected and removed', async () => {
      expect(await docker.ok('volume', 'create', '--label', 'a=b', 'data')).toBe('data');
      expect(await docker.ok('volume', 'ls', '--filter', 'label=a=b', '-q')).toBe('data');
      expect(await docker.ok('volume', 'inspect', '-f', '{{.Mountpoint}}', 'data')).toBe(
        '/volumes/data',
      );
      expect(await docker.ok('volume', 'rm', 'data')).toBe('data');
      expect((await docker.run('volume', 'inspect', 'data')).stderr).toContain(
        'get data: no such volume',
      );
    });

    test.each([
      ['a missing container', ['start', 'ghost'], 'No such container: ghost'],
      ['a missing image', ['create', 'ghost'], 'cannot pull "ghost:latest"'],
      ['an object of no kind', ['inspect', 'ghost'], 'no such object: ghost'],
      ['a swarm command', ['service', 'ls'], 'This node is not a swarm manager'],
      ['an endpoint outside the API', ['search', 'ghost'], 'page not found'],
    ])('%s must be reported as dockerd does', async (_name, args, text) => {
      const { code, stderr } = await docker.run(...args);
      expect(code).not.toBe(0);
      expect(stderr.toLowerCase()).toContain(text.toLowerCase());
    });
  },
);
