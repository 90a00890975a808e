/** What cannot be created or started: what the client is told, and that nothing of it stays. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ContainerCreateRequest } from '../../../engine/api/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { missing } from '../../lib/requires.ts';
import {
  absent,
  create,
  failure,
  image,
  obedient,
  run,
  runReady,
  sh,
  state,
  stubborn,
  useEngine,
} from './support.ts';

describe.skipIf(absent.length > 0)(`what fails (missing: ${absent.join() || 'nothing'})`, () => {
  const subject = useEngine();

  const notThere = 'failed to create task for container: exec: ';
  test.each<[string, readonly string[], ContainerCreateRequest, number, string]>([
    [
      'a program that no PATH has',
      ['nosuch'],
      {},
      127,
      `${notThere}"nosuch": executable file not found in $PATH`,
    ],
    [
      'a program that is not there',
      ['/nosuch'],
      {},
      127,
      `${notThere}"/nosuch": stat /nosuch: no such file or directory`,
    ],
    ['a directory as a program', ['/etc'], {}, 126, `${notThere}"/etc": permission denied`],
    [
      'a file that is no program',
      ['/etc/passwd'],
      {},
      126,
      `${notThere}"/etc/passwd": permission denied`,
    ],
  ])(
    '%s must be told in the words that docker’s clients look for',
    async (_name, command, request, code, message) => {
      const id = await create(subject(), command, request);
      const { exited } = await subject().client.containers.watchExit(id, { condition: 'removed' });
      const error = await failure(subject().client.containers.start(id));
      expect([error.kind, error.message]).toEqual(['invalid-argument', message]);
      const { State } = await subject().client.containers.inspect(id);
      expect([State.Status, State.ExitCode, State.Error, State.Pid]).toEqual([
        'created',
        code,
        message,
        0,
      ]);
      await subject().client.containers.remove(id);
      expect((await exited).StatusCode).toBe(code);
    },
  );

  test('one that removes itself must be gone after a start that failed', async () => {
    const id = await create(subject(), ['/nosuch'], {
      HostConfig: { AutoRemove: true },
      Volumes: { '/data': {} },
    });
    const { exited } = await subject().client.containers.watchExit(id, { condition: 'removed' });
    await failure(subject().client.containers.start(id));
    expect((await exited).StatusCode).toBe(127);
    expect((await failure(subject().client.containers.inspect(id))).kind).toBe('not-found');
    expect(await subject().client.volumes.list()).toEqual([]);
  });

  test.skipIf(missing('docker').length > 0).each([
    [['/nosuch'], 127],
    [['/etc/passwd'], 126],
  ] as const)('docker run -d %s must exit with %d', async (command, code) => {
    const result = await subject().engine.docker(['run', '-d', '--rm', image, ...command]);
    expect(result.code).toBe(code);
    expect(await subject().client.containers.list({ all: true })).toEqual([]);
  });

  test('a network that is not there must be not-found at the start', async () => {
    const id = await create(subject(), ['true'], { HostConfig: { NetworkMode: 'nowhere' } });
    const error = await failure(subject().client.containers.start(id));
    expect([error.kind, error.message]).toEqual(['not-found', 'network nowhere not found']);
    expect(await state(subject(), id)).toBe('created 128');
    await subject().client.networks.create({ Name: 'nowhere' });
    await subject().client.containers.start(id);
    await subject().client.containers.wait(id);
  });

  test('a port of a process of the host must be a conflict that names it', async () => {
    await using server = createServer().listen(18082, '0.0.0.0');
    await once(server, 'listening');
    const id = await create(subject(), obedient, {
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '18082' }] } },
    });
    const error = await failure(subject().client.containers.start(id));
    expect(error.kind).toBe('conflict');
    expect(error.details).toMatchObject({
      code: 'port-in-use',
      port: '18082',
      protocol: 'tcp',
      hostIp: '0.0.0.0',
      pid: String(process.pid),
    });
    expect(error.hint).toBeDefined();
    server.close();
    await once(server, 'close');
    await subject().client.containers.start(id);
    expect(await state(subject(), id)).toBe('running');
  });

  test('a port of another container must be a conflict, and free when that is gone', async () => {
    const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: '18083' }] } };
    const first = await runReady(subject(), obedient, { HostConfig });
    const second = await create(subject(), obedient, { HostConfig });
    const error = await failure(subject().client.containers.start(second));
    expect([error.kind, error.details?.['port'], error.details?.['holderId']]).toEqual([
      'conflict',
      '18083',
      first,
    ]);
    await subject().client.containers.remove(first, { force: true });
    await subject().client.containers.start(second);
    expect(await state(subject(), second)).toBe('running');
  });

  test('a port of a start that failed for another reason must be free', async () => {
    const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: '18084' }] } };
    const first = await create(subject(), obedient, { HostConfig, User: 'nobody-of-this-name' });
    const error = await failure(subject().client.containers.start(first));
    expect(error.message).toContain('nobody-of-this-name');
    const second = await create(subject(), obedient, { HostConfig });
    await subject().client.containers.start(second);
    expect(await state(subject(), second)).toBe('running');
  });

  test('an exec that ends without reading its input must end the session, and nothing else', async () => {
    const id = await runReady(subject(), obedient);
    const { client } = subject();
    const request = { Cmd: ['sleep', '0.3'], AttachStdin: true, AttachStdout: true };
    const { Id } = await client.execs.create(id, request);
    const { socket } = await client.execs.start(Id, { isTty: false });
    // What nobody has read of it resets the connection.
    socket.resume().on('error', () => undefined);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const timer = setInterval(() => socket.write(Buffer.alloc(1 << 20)), 5);
    await closed;
    clearInterval(timer);
    expect((await client.execs.inspect(Id)).ExitCode).toBe(0);
    expect(await state(subject(), id)).toBe('running');
  });

  test('a creation that fails at its last mount must leave no volume of the ones before', async () => {
    const error = await failure(
      create(subject(), ['true'], {
        HostConfig: {
          Mounts: [
            { Type: 'volume', Target: '/data' },
            { Type: 'bind', Source: join(subject().engine.root, 'nowhere'), Target: '/other' },
          ],
        },
      }),
    );
    expect(error.kind).toBe('invalid-argument');
    expect(await subject().client.volumes.list()).toEqual([]);
  });

  test.each([
    ['without v all volumes', {}, ['anonymous', 'mine']],
    ['with v the named one', { volumes: true }, ['mine']],
    ['with force and v the named one', { volumes: true, force: true }, ['mine']],
  ] as const)('a removal must keep: %s', async (_name, options, kept) => {
    const id = await create(subject(), ['true'], {
      Volumes: { '/a': {} },
      HostConfig: { Binds: ['mine:/b'] },
    });
    await subject().client.containers.remove(id, options);
    const volumes = await subject().client.volumes.list();
    expect(volumes.map(({ Name }) => (Name === 'mine' ? Name : 'anonymous')).sort()).toEqual(kept);
  });

  test('names and networks must be free as soon as a removal is answered', async () => {
    const { client } = subject();
    for (let round = 0; round < 5; round++) {
      await client.networks.create({ Name: 'lab' });
      const { Id } = await client.containers.create(
        { Image: image, Cmd: stubborn, HostConfig: { NetworkMode: 'lab' } },
        { name: 'web' },
      );
      await client.containers.start(Id);
      await client.containers.remove('web', { force: true });
      await client.networks.remove('lab');
    }
  });

  test('a stop with a signal that nobody knows must be refused, and change nothing', async () => {
    const id = await runReady(
      subject(),
      sh('trap "exit 9" TERM; echo ready; while :; do sleep 0.02; done'),
    );
    const error = await failure(subject().client.containers.stop(id, { stopSignal: 'NOSUCH' }));
    expect(error.kind).toBe('invalid-argument');
    await subject().client.containers.stop(id);
    expect(await state(subject(), id)).toBe('exited 9');
  });

  test('a program killed for its memory must be told', async () => {
    const id = await run(subject(), sh('x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done'), {
      HostConfig: { Memory: 32 << 20, MemorySwap: 32 << 20 },
    });
    await subject().client.containers.wait(id);
    await eventually(async () => {
      const { State } = await subject().client.containers.inspect(id);
      expect([State.ExitCode, State.OOMKilled]).toEqual([137, true]);
    });
  });
});
