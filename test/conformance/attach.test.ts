/** What people and programs do with a running container, by the real `docker` command on a terminal and by WebSocket. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { appEngine, type AppEngine } from '../lib/app-engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

interface Terminal extends AsyncDisposable {
  readonly text: () => string;
  readonly type: (keys: string) => void;
  readonly ended: Promise<number | null>;
}

/** What `docker` was asked and said on a terminal of 33 rows and 77 columns. */
function onTerminal(app: AppEngine, ...args: readonly string[]): Terminal {
  const words = ['docker', ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn('script', ['-qefc', `stty rows 33 cols 77; exec ${words}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...{ DOCKER_HOST: `unix://${app.engine.socket}`, DOCKER_CONFIG: `${app.engine.root}/docker` },
    },
  });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    ended,
    text: () => text,
    type: (keys) => child.stdin.write(keys),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

interface WebSocketClient {
  readonly messages: () => string;
  readonly closed: () => boolean;
  readonly send: (opcode: number, text: string) => void;
  readonly socket: Socket;
}

async function openWebSocket(path: string, target: string): Promise<WebSocketClient> {
  const socket = connect(path);
  socket.on('error', () => undefined);
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  let received = Buffer.alloc(0);
  let text = '';
  let isClosed = false;
  socket.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])));
  await eventually(() => {
    expect(received.indexOf('\r\n\r\n')).toBeGreaterThan(0);
  });
  const end = received.indexOf('\r\n\r\n') + 4;
  const head = received.subarray(0, end).toString();
  if (!head.startsWith('HTTP/1.1 101 '))
    throw new Error(`${head}${received.subarray(end).toString()}`);
  received = received.subarray(end);
  const take = (): void => {
    while (received.length >= 2) {
      const short = (received[1] ?? 0) & 0x7f;
      const start = short === 126 ? 4 : 2;
      if (received.length < start) return;
      const length = short === 126 ? received.readUInt16BE(2) : short;
      if (received.length < start + length) return;
      const opcode = (received[0] ?? 0) & 0x0f;
      if (opcode === 8) isClosed = true;
      else
        text += `${opcode === 10 ? 'pong:' : ''}${received.toString('latin1', start, start + length)}`;
      received = received.subarray(start + length);
    }
  };
  return {
    socket,
    messages: () => {
      take();
      return text;
    },
    closed: () => {
      take();
      return isClosed;
    },
    send: (opcode, message) => {
      const mask = randomBytes(4);
      const payload = Buffer.from(message).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
      socket.write(
        Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, payload]),
      );
    },
  };
}

describe.skipIf(absent.length > 0)(
  `attach and exec (missing: ${absent.join() || 'nothing'})`,
  () => {
    let app: AppEngine;

    beforeAll(async () => {
      app = await appEngine(['sh', 'cat', 'sleep', 'echo', 'stty', 'id', 'env', 'pwd']);
    });
    afterAll(async () => {
      await app[Symbol.asyncDispose]();
    });
    afterEach(async () => {
      await app.clear();
    });

    const run = ['--network', 'none', '--stop-signal', 'KILL'];
    const started = (...args: readonly string[]): Promise<string> =>
      app.docker.ok('run', '-d', ...run, ...args);

    test('a terminal must have its size, be left by its keys, and be taken up again', async () => {
      await using first = onTerminal(app, 'run', '-it', '--name', 'tty', ...run, 'app', 'sh');
      await eventually(() => {
        expect(first.text()).toContain('# ');
      });
      first.type('stty size; echo a$((1+1))b\r');
      await eventually(() => {
        expect(first.text()).toMatch(/\r\n33 77\r\n/);
        expect(first.text()).toContain('a2b\r\n');
      });
      first.type('\x10\x11');
      await first.ended;
      expect(await app.docker.ok('inspect', '-f', '{{.State.Status}}', 'tty')).toBe('running');
      await using second = onTerminal(app, 'attach', '--detach-keys', 'ctrl-x,d', 'tty');
      second.type('echo again\r');
      await eventually(() => {
        expect(second.text()).toContain('again\r\n');
      });
      second.type('\x18');
      second.type('d');
      await second.ended;
      expect(second.text()).toContain('read escape sequence');
      await using third = onTerminal(app, 'attach', 'tty');
      third.type('exit 7\r');
      expect(await third.ended).toBe(7);
      expect(await app.docker.ok('inspect', '-f', '{{.State.ExitCode}}', 'tty')).toBe('7');
    });

    test('an exec on a terminal must be left by its keys and go on', async () => {
      await started('--name', 'host', 'app', 'sleep', '1000');
      await using exec = onTerminal(app, 'exec', '-it', '--detach-keys', 'ctrl-a,b', 'host', 'sh');
      await eventually(() => {
        expect(exec.text()).toContain('# ');
      });
      const ids = JSON.parse(
        await app.docker.ok('inspect', '-f', '{{json .ExecIDs}}', 'host'),
      ) as string[];
      expect(ids).toHaveLength(1);
      exec.type('stty size\r');
      await eventually(() => {
        expect(exec.text()).toContain('33 77');
      });
      exec.type('\x01b');
      await exec.ended;
      const found = await app.engine.client.execs.inspect(ids[0] ?? '');
      expect(found).toMatchObject({
        ...{ Running: true, ExitCode: null, OpenStdin: true, DetachKeys: 'ctrl-a,b' },
        ProcessConfig: { tty: true, entrypoint: 'sh', arguments: [], privileged: false },
      });
      expect(found.Pid).toBeGreaterThan(1);
    });

    test.each([
      [['nope'], 127, 'exec: "nope": executable file not found in $PATH'],
      [['/nope'], 127, 'exec: "/nope": stat /nope: no such file or directory'],
      [['/bin'], 126, 'exec: "/bin": '],
      [['sh', '-c', 'exit 9'], 9, ''],
      [['sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?'], 137, ''],
    ])('run and exec of %j must end with %d', async (command, code, words) => {
      const ran = await app.docker.run('run', '--rm', ...run, 'app', ...command);
      expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(words)]);
      await started('--name', 'host', 'app', 'sleep', '1000');
      const executed = await app.docker.run('exec', 'host', ...command);
      expect([executed.code, `${executed.stdout}${executed.stderr}`]).toEqual([
        code,
        expect.stringContaining(words),
      ]);
    });

    test('exec must say why it cannot, in docker’s words', async () => {
      const id = await started('--name', 'host', 'app', 'sleep', '1000');
      const failed = async (...args: readonly string[]): Promise<string> => {
        const { code, stdout, stderr } = await app.docker.run('exec', ...args);
        expect(code).toBeGreaterThan(0);
        // What fails after the head of the answer is printed where the program would have printed.
        return `${stdout}${stderr}`.trim();
      };
      expect(await app.docker.run('exec', '-u', 'nobody1', 'host', 'id')).toEqual({
        code: 1,
        stdout: '',
        stderr:
          'Error response from daemon: unable to find user nobody1: no matching entries in passwd file\n',
      });
      expect(await failed('-w', '/nowhere', 'host', 'id')).toContain(
        'chdir to cwd ("/nowhere") set in config.json failed: no such file or directory',
      );
      await app.docker.ok('pause', 'host');
      expect(await failed('host', 'id')).toBe(
        'Error response from daemon: Container host is paused, unpause the container before exec',
      );
      expect((await app.docker.run('attach', 'host')).stderr).toContain('unpause');
      await app.docker.ok('unpause', 'host');
      await app.docker.ok('kill', 'host');
      await app.docker.ok('wait', 'host');
      expect(await failed('host', 'id')).toBe(
        `Error response from daemon: container ${id} is not running`,
      );
      expect(await failed('nobody', 'id')).toBe(
        'Error response from daemon: No such container: nobody',
      );
    });

    const attach = (id: string, query: string): Promise<WebSocketClient> =>
      openWebSocket(app.engine.socket, `/v1.51/containers/${id}/attach/ws?${query}`);

    test('a WebSocket must carry both directions, what was printed before, and pings', async () => {
      const id = await started(
        '-i',
        'app',
        'sh',
        '-c',
        'echo before; while read l; do echo got $l; echo err >&2; done',
      );
      await eventually(async () => {
        expect(await app.docker.ok('logs', id)).toBe('before');
      });
      const client = await attach(id, 'logs=1&stream=1&stdin=1&stdout=1&stderr=1');
      client.send(2, 'one\n');
      client.send(9, 'ping');
      client.send(1, 'two\n');
      await eventually(() => {
        const text = client.messages();
        expect(text).toContain('before\n');
        expect(text).toContain('got one\n');
        expect(text).toContain('err\n');
        expect(text).toContain('got two\n');
        expect(text).toContain('pong:ping');
      });
      await app.docker.ok('kill', id);
      await eventually(() => {
        expect(client.closed()).toBe(true);
        expect(client.socket.readableEnded || client.socket.destroyed).toBe(true);
      });
    });

    test('a WebSocket that is closed or misbehaves must leave the container alone', async () => {
      const id = await started('-i', 'app', 'cat');
      const polite = await attach(id, 'stream=1&stdin=1&stdout=1');
      polite.send(2, 'x'.repeat(100));
      polite.send(8, '\x03\xe8');
      await eventually(() => {
        expect(polite.closed()).toBe(true);
      });
      const rude = await attach(id, 'stream=1&stdin=1&stdout=1');
      // Not masked, which a client must do.
      rude.socket.write(Buffer.from([0x82, 1, 65]));
      await eventually(() => {
        expect(rude.closed()).toBe(true);
      });
      const gone = await attach(id, 'stream=1&stdin=1&stdout=1');
      gone.socket.destroy();
      const asked = await attach(id, 'stream=1&stdin=1&stdout=1');
      asked.send(2, 'still here\n');
      await eventually(() => {
        expect(asked.messages()).toContain('still here\n');
      });
      asked.socket.destroy();
      await expect(attach('nobody', 'stream=1')).rejects.toThrow('No such container: nobody');
    });
  },
);
