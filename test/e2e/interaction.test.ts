/** Attach and exec as people use them: the real `docker` command against an engine of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestEngine } from '../lib/engine.ts';
import type { CommandResult } from '../lib/engine.ts';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import type { Audit, AuditScope } from '../lib/audit.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

interface Running extends ChildProcessWithoutNullStreams {
  seen: string;
  ended: Promise<unknown>;
}

const image = 'tscompose.local/host';
const absent = missing('docker');

describe.skipIf(absent.length > 0)(`interaction (missing: ${absent.join() || 'nothing'})`, () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(scopeOf(engine));
    await engine.start();
    await ok('run', '-d', '--name', 'box', '-e', 'FROM=box', image, 'sleep', 'infinity');
  });

  afterAll(async () => {
    await ok('rm', '-f', 'box');
    await engine.stop();
    await expectNoLeaks(before, scopeOf(engine));
    await engine[Symbol.asyncDispose]();
  });

  /** The run root keeps the lock. */
  const scopeOf = ({ instance }: TestEngine): AuditScope => ({ instance, directories: [] });

  const docker = (...args: readonly string[]): Promise<CommandResult> => engine.docker(args);

  async function ok(...args: readonly string[]): Promise<string> {
    const result = await docker(...args);
    if (result.code === 0) return result.stdout.trim();
    throw new Error(`docker ${args.join(' ')}: ${result.code}: ${result.stdout}${result.stderr}`);
  }

  /** A command that goes on, with its input open. */
  function begin(...args: readonly string[]): Running {
    const child = spawn('docker', args, {
      env: {
        ...engine.env,
        DOCKER_HOST: `unix://${engine.socket}`,
        DOCKER_CONFIG: join(engine.root, 'docker'),
      },
    }) as Running;
    child.seen = '';
    // From the start: it may end before anybody asks.
    child.ended = new Promise((resolve) => child.once('close', resolve));
    child.stdout.on('data', (bytes: Buffer) => (child.seen += bytes.toString()));
    return child;
  }

  describe('exec', () => {
    test('must print both streams and pass the exit code through', async () => {
      const script = 'echo out; echo err >&2; exit 42';
      expect(await docker('exec', 'box', 'sh', '-c', script)).toEqual({
        code: 42,
        stdout: 'out\n',
        stderr: 'err\n',
      });
    });

    test('must read what is piped into it to its end', async () => {
      const input = 'x'.repeat(300_000);
      const { code, stdout } = await engine.docker(['exec', '-i', 'box', 'wc', '-c'], input);
      expect({ code, stdout }).toEqual({ code: 0, stdout: '300000\n' });
    });

    test('must take environment, user and directory', async () => {
      const options = ['-e', 'A=b', '-u', '1000:44', '-w', '/usr'];
      const script = 'echo $FROM $A $(id -u) $(id -G) $PWD $HOME';
      expect(await ok('exec', ...options, 'box', 'sh', '-c', script)).toBe('box b 1000 44 /usr /');
    });

    test.each([
      [['nosuchprogram'], 127, 'executable file not found in $PATH'],
      [['/etc/hostname'], 126, 'permission denied'],
    ])('%j must be reported as Docker does', async (args, code, text) => {
      const result = await docker('exec', 'box', ...args);
      expect(result.code).toBe(code);
      expect(result.stdout + result.stderr).toContain(text);
    });

    test('must be privileged when asked, and only then', async () => {
      const script = 'grep CapEff /proc/self/status | cut -f2';
      const plain = await ok('exec', 'box', 'sh', '-c', script);
      const privileged = await ok('exec', '--privileged', 'box', 'sh', '-c', script);
      expect(BigInt(`0x${plain}`) & (1n << 21n)).toBe(0n);
      expect(BigInt(`0x${privileged}`) & (1n << 21n)).not.toBe(0n);
    });

    test('of a detached program must go on alone', async () => {
      await ok('exec', '-d', 'box', 'sh', '-c', 'echo done > /tmp/detached');
      await eventually(async () => {
        expect(await ok('exec', 'box', 'cat', '/tmp/detached')).toBe('done');
      });
    });

    test.each([
      ['stopped', ['stop', '-t', '0'], 'is not running'],
      ['paused', ['pause'], 'is paused, unpause the container before exec'],
    ])('into a %s container must be refused', async (_what, verb, text) => {
      const name = `exec-${verb[0] ?? ''}`;
      await ok('run', '-d', '--name', name, image, 'sleep', 'infinity');
      await ok(...verb, name);
      const { code, stderr } = await docker('exec', name, 'true');
      expect(code).not.toBe(0);
      expect(stderr).toContain(text);
      await ok('rm', '-f', name);
    });

    test('must be told of in events, with its id and its code', async () => {
      const since = String(Date.now() / 1000 - 0.001);
      await docker('exec', 'box', 'sh', '-c', 'exit 3');
      const format = '{{.Action}}/{{.Actor.Attributes.execID}}/{{.Actor.Attributes.exitCode}}';
      const until = String(Date.now() / 1000 + 0.1);
      const text = await ok('events', '--since', since, '--until', until, '--format', format);
      const events = text.split('\n').map((line) => line.split('/'));
      expect(events.map(([action]) => action)).toEqual([
        'exec_create: sh -c exit 3',
        'exec_start: sh -c exit 3',
        'exec_die',
      ]);
      expect(new Set(events.map(([, id]) => id)).size).toBe(1);
      expect(events[2]?.[2]).toBe('3');
    });

    test('must survive a client that leaves', async () => {
      const child = begin(
        'exec',
        'box',
        'sh',
        '-c',
        'echo up; sleep 0.5; echo more; echo end > /tmp/left',
      );
      await eventually(() => {
        expect(child.seen).toBe('up\n');
      });
      child.kill('SIGKILL');
      await eventually(async () => {
        expect(await ok('exec', 'box', 'cat', '/tmp/left')).toBe('end');
      });
    });

    test('on a terminal must have one of the container', async () => {
      const command = `docker exec -it -e COLUMNS= box sh -c 'tty; stty size; echo to-stderr >&2; exit 9'`;
      const result = await onTerminal(command);
      expect(result.stdout).toContain('/dev/pts/');
      expect(result.stdout).toContain('to-stderr');
      expect(result.code).toBe(9);
    });
  });

  /** Runs a command with a terminal of its own, as script(1) makes one. */
  function onTerminal(command: string): Promise<{ code: number | null; stdout: string }> {
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: {
        ...engine.env,
        DOCKER_HOST: `unix://${engine.socket}`,
        DOCKER_CONFIG: join(engine.root, 'docker'),
        TERM: 'xterm',
      },
    });
    let stdout = '';
    child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
    return new Promise((resolve) => {
      child.once('close', (code) => {
        resolve({ code, stdout });
      });
    });
  }

  describe('run and attach', () => {
    test('run must print both streams and end with the program’s code', async () => {
      const result = await docker(
        'run',
        '--rm',
        image,
        'sh',
        '-c',
        'echo out; echo err >&2; exit 5',
      );
      expect(result).toEqual({ code: 5, stdout: 'out\n', stderr: 'err\n' });
    });

    test('run -i must pass its input on to the end', async () => {
      const input = 'line\n'.repeat(50_000);
      const { code, stdout } = await engine.docker(['run', '-i', '--rm', image, 'cat'], input);
      expect(code).toBe(0);
      expect(stdout.length).toBe(input.length);
    });

    test('run -t must be a terminal of one stream, and the log the same', async () => {
      const script = 'tty; ls -l /dev/console | cut -c1; echo err >&2; stty size';
      const { code, stdout } = await docker(
        'run',
        '-t',
        '--name',
        'tty',
        image,
        'sh',
        '-c',
        script,
      );
      expect(code).toBe(0);
      expect(stdout).toBe('/dev/pts/0\r\nc\r\nerr\r\n0 0\r\n');
      expect((await docker('logs', 'tty')).stdout).toBe(stdout);
      await ok('rm', 'tty');
    });

    test('several clients must see the same, and one that attaches later what comes later', async () => {
      await ok('run', '-d', '-i', '--name', 'shared', image, 'cat');
      const clients = [begin('attach', 'shared'), begin('attach', 'shared')] as const;
      await eventually(async () => {
        const text = await ok(
          'events',
          '--since',
          '10s',
          '--until',
          '0s',
          '--filter',
          'event=attach',
          '--format',
          '{{.Actor.Attributes.name}}',
        );
        expect(text.split('\n').filter((name) => name === 'shared').length).toBe(2);
      });
      clients[0].stdin.write('one\n');
      clients[1].stdin.write('two\n');
      await eventually(() => {
        for (const { seen } of clients) expect(seen.split('\n').sort()).toEqual(['', 'one', 'two']);
      });
      clients[0].kill('SIGKILL');
      clients[1].stdin.write('three\n');
      await eventually(() => {
        expect(clients[1].seen).toContain('three');
      });
      await ok('kill', 'shared');
      await clients[1].ended;
      expect((await docker('logs', 'shared')).stdout).toContain('three');
      await ok('rm', 'shared');
    });

    test('a client that does not read must not hold the container up', async () => {
      const script = 'head -c 30000000 /dev/zero | tr "\\0" x; echo end > /tmp/end; sleep infinity';
      await ok('create', '--name', 'loud', image, 'sh', '-c', script);
      const client = begin('attach', 'loud');
      client.stdout.pause();
      await ok('start', 'loud');
      await eventually(
        async () => {
          expect(await ok('exec', 'loud', 'cat', '/tmp/end')).toBe('end');
        },
        { timeoutMs: 20_000 },
      );
      client.kill('SIGKILL');
      await ok('rm', '-f', 'loud');
    });

    test('the engine’s end must not be the container’s, and its input must stay open', async () => {
      await ok('run', '-d', '-i', '--name', 'kept', image, 'cat');
      const client = begin('attach', 'kept');
      client.stdin.write('before\n');
      await eventually(() => {
        expect(client.seen).toBe('before\n');
      });
      const ended = client.ended;
      await engine.kill();
      await ended;
      await engine.start();
      const next = begin('attach', 'kept');
      next.stdin.write('after\n');
      await eventually(() => {
        expect(next.seen).toBe('after\n');
      });
      await ok('kill', 'kept');
      await next.ended;
      await ok('rm', 'kept');
    });
  });
});
