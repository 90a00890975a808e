import { readFileSync, readlinkSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  closeFd,
  createMemfd,
  onExit,
  openPidfd,
  openTrusted,
  O_CREAT,
  O_RDWR,
  sendSignal,
  spawnProcess,
  type Fd,
  type ProcessExit,
  type SpawnRequest,
} from '../../../native/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { errnoOf, newDescriptors, openDescriptors } from './support.ts';

function exitOf(pidfd: Fd): Promise<ProcessExit | null> {
  return new Promise((resolve) => {
    onExit(pidfd, (exit) => {
      closeFd(pidfd);
      resolve(exit);
    });
  });
}

/** Runs a shell script and returns what it wrote to descriptor 1. */
async function output(script: string, request: Partial<SpawnRequest> = {}): Promise<string> {
  await using dir = await tempDir();
  const path = `${dir.path}/out`;
  const out = openTrusted(path, O_RDWR | O_CREAT);
  const [input = null, , error = null, ...others] = request.fds ?? [];
  const { pidfd } = spawnProcess({
    file: '/bin/sh',
    args: ['sh', '-c', script],
    env: request.env ?? ['PATH=/usr/bin:/bin'],
    fds: [input, out, error, ...others],
  });
  closeFd(out);
  expect(await exitOf(pidfd)).toEqual({ code: 0, signal: null });
  return readFileSync(path, 'utf8');
}

describe('spawnProcess', () => {
  test('only what was asked for must be open, and the rest of 0 to 2 be /dev/null', async () => {
    const file = createMemfd('given', Buffer.from('x'));
    const listing = await output(
      'cd /proc/$$/fd; for f in 0 1 2 3 4 5 6 7 8 9; do readlink $f; done; true',
      {
        fds: [null, null, null, file],
      },
    );
    closeFd(file);
    expect(listing.trim().split('\n')).toEqual([
      '/dev/null',
      expect.stringMatching(/\/out$/),
      '/dev/null',
      '/memfd:given (deleted)',
    ]);
  });

  test('descriptors that swap their numbers must both arrive', async () => {
    const first = createMemfd('first', Buffer.from('first '));
    const second = createMemfd('second', Buffer.from('second '));
    const fds: (Fd | null)[] = [];
    for (let i = 3; i < Math.max(first, second) + 1; i++) fds[i] = null;
    fds[first] = second;
    fds[second] = first;
    const text = await output(`cat /proc/$$/fd/${first} /proc/$$/fd/${second}`, {
      fds: Array.from(fds, (fd) => fd ?? null),
    });
    expect(text).toBe('second first ');
    [first, second].forEach(closeFd);
  });

  test('nothing of the environment must be inherited', async () => {
    expect(await output('/usr/bin/env', { env: ['ONLY=this'] })).toMatch(/^ONLY=this$/m);
    expect(await output('/usr/bin/env', { env: ['ONLY=this'] })).not.toMatch(/^(HOME|PATH)=/m);
  });

  test('it must have a session of its own and no signal blocked or ignored', async () => {
    // A shell blocks signals while it waits for what it forked: grep takes its place and looks at itself.
    const status = await output(
      'cut -d" " -f6 /proc/$$/stat; echo $$; exec grep -E "^Sig(Blk|Ign)" /proc/self/status',
    );
    const [session, pid, blocked, ignored] = status.trim().split('\n');
    expect(blocked).toBe('SigBlk:\t0000000000000000');
    expect(ignored).toBe('SigIgn:\t0000000000000000');
    expect(session).toBe(pid);
  });

  test('a program that is missing must be thrown and leave nothing', async () => {
    const before = openDescriptors();
    const children = (): string =>
      readFileSync('/proc/self/task/' + String(process.pid) + '/children', 'utf8');
    const known = children();
    expect(errnoOf(() => spawnProcess({ file: '/nowhere', args: ['x'], env: [] }))).toBe('ENOENT');
    expect(errnoOf(() => spawnProcess({ file: '/etc', args: ['x'], env: [] }))).toBe('EACCES');
    expect(
      errnoOf(() => spawnProcess({ file: '/bin/true', args: ['x'], env: [], fds: [9999 as Fd] })),
    ).toBe('EBADF');
    expect(children()).toBe(known);
    await eventually(() => {
      expect(newDescriptors(before)).toEqual([]);
    });
  });

  test('the pidfd must be of the process', () => {
    const { pid, pidfd } = spawnProcess({ file: '/bin/sleep', args: ['sleep', '60'], env: [] });
    expect(readFileSync(`/proc/self/fdinfo/${pidfd}`, 'utf8')).toMatch(
      new RegExp(`^Pid:\\s+${pid}$`, 'm'),
    );
    expect(readlinkSync(`/proc/${pid}/exe`)).toMatch(/sleep|busybox|coreutils/);
    sendSignal(pidfd, 9);
    return expect(exitOf(pidfd)).resolves.toEqual({ code: null, signal: 9 });
  });
});

describe('onExit', () => {
  test.each([
    ['exit 0', { code: 0, signal: null }],
    ['exit 7', { code: 7, signal: null }],
    ['kill -TERM $$', { code: null, signal: 15 }],
  ])('%s must be told as it was', async (script, expected) => {
    const { pidfd } = spawnProcess({
      file: '/bin/sh',
      args: ['sh', '-c', script],
      env: ['PATH=/bin'],
    });
    expect(await exitOf(pidfd)).toEqual(expected);
  });

  test('the process must be reaped and its descriptor still be usable', async () => {
    const { pid, pidfd } = spawnProcess({ file: '/bin/true', args: ['true'], env: [] });
    const kept = openPidfd(pid);
    await exitOf(pidfd);
    expect(
      errnoOf(() => {
        sendSignal(kept, 0);
      }),
    ).toBe('ESRCH');
    closeFd(kept);
    expect(errnoOf(() => openPidfd(pid))).toBe('ESRCH');
  });

  test('a process that is no child must be told without a status', async () => {
    const shell = spawn('/bin/sh', ['-c', 'sleep 60 & echo $!; exec cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const pid = await new Promise<number>((resolve) => {
      shell.stdout.once('data', (text: Buffer) => {
        resolve(Number(text));
      });
    });
    const pidfd = openPidfd(pid);
    const exit = exitOf(pidfd);
    sendSignal(pidfd, 9);
    expect(await exit).toBeNull();
    shell.kill('SIGKILL');
  });

  test('many processes that end at once must each be told once', async () => {
    const before = openDescriptors();
    const codes = Array.from({ length: 100 }, (_, index) => index);
    const exits = await Promise.all(
      codes.map((code) =>
        exitOf(
          spawnProcess({ file: '/bin/sh', args: ['sh', '-c', `exit ${code}`], env: [] }).pidfd,
        ),
      ),
    );
    expect(exits.map((exit) => exit?.code)).toEqual(codes);
    await eventually(() => {
      expect(newDescriptors(before)).toEqual([]);
    });
  });

  test('a callback that throws must not end the watch of others', async () => {
    const { pidfd } = spawnProcess({ file: '/bin/true', args: ['true'], env: [] });
    const thrown = new Promise<unknown>((resolve) => {
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const listener of listeners) process.on('uncaughtException', listener);
        resolve(error);
      });
    });
    onExit(pidfd, () => {
      throw new Error('from the callback');
    });
    expect(await thrown).toMatchObject({ message: 'from the callback' });
    closeFd(pidfd);
  });
});
