import { readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  closeFd,
  connectUnix,
  createMemfd,
  duplicateFd,
  listenUnix,
  lockFile,
  openTrusted,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  receive,
  sendWithFds,
  socketPair,
  spawnProcess,
  syncFileSystem,
  watchReadable,
} from '../../../native/index.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { errnoOf, fdLink, newDescriptors, openDescriptors } from './support.ts';

describe('descriptors', () => {
  test('closing one twice must be an error', () => {
    const fd = openTrusted('/dev/null', O_RDONLY);
    closeFd(fd);
    expect(
      errnoOf(() => {
        closeFd(fd);
      }),
    ).toBe('EBADF');
  });

  test('every one must be closed on exec', () => {
    const fds = [
      openTrusted('/dev/null', O_RDONLY),
      createMemfd('test', Buffer.from('x')),
      ...socketPair(),
    ];
    fds.push(...fds.map(duplicateFd));
    for (const fd of fds) {
      const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
      expect(Number.parseInt(flags ?? '0', 8) & 0o2000000).not.toBe(0);
      closeFd(fd);
    }
  });

  test('an argument that is no descriptor must be a TypeError, not a call', () => {
    expect(() => {
      closeFd(-1 as never);
    }).toThrow(TypeError);
    expect(() => {
      closeFd('1' as never);
    }).toThrow(TypeError);
    expect(() => openTrusted('/dev/null\0/x', O_RDONLY)).toThrow(TypeError);
  });

  test('a memory file must have its content and refuse any change', () => {
    const fd = createMemfd('test', Buffer.from('content'));
    expect(readFileSync(`/proc/self/fd/${fd}`, 'utf8')).toBe('content');
    expect(() => writeSync(fd, 'x')).toThrow('EPERM');
    expect(fdLink(fd)).toMatch(/memfd:test/);
    closeFd(fd);
  });

  test('only a memory file made for it must be executable', () => {
    const program = readFileSync('/bin/true');
    const refused = createMemfd('data', program);
    const allowed = createMemfd('program', program, { isExecutable: true });
    const start = (fd: typeof allowed) => () => {
      closeFd(
        spawnProcess({
          file: '/proc/self/fd/3',
          args: ['true'],
          env: [],
          fds: [null, null, null, fd],
        }).pidfd,
      );
    };
    expect(errnoOf(start(refused))).toBe('EACCES');
    expect(errnoOf(start(allowed))).toBe('none');
    closeFd(refused);
    closeFd(allowed);
  });

  test('a lock must be refused to a second holder and free after the first has closed', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'lock');
    const first = openTrusted(path, O_RDWR | O_CREAT);
    const second = openTrusted(path, O_RDWR | O_CREAT);
    expect([lockFile(first), lockFile(second)]).toEqual([true, false]);
    closeFd(first);
    expect(lockFile(second)).toBe(true);
    closeFd(second);
  });

  test('syncing a file system must work through any file on it', async () => {
    await using dir = await tempDir();
    writeFileSync(join(dir.path, 'file'), 'x');
    const fd = openTrusted(dir.path, O_RDONLY);
    await syncFileSystem(fd);
    closeFd(fd);
  });
});

describe('watchReadable', () => {
  test('a callback must come for bytes and for the end, and not after close', async () => {
    const [ours, theirs] = socketPair();
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const watch = watchReadable(ours, () => {
        const received = receive(ours);
        seen.push(received === null ? 'nothing' : Buffer.from(received.bytes).toString());
        if (received?.bytes.length === 0) {
          watch.close();
          watch.close();
          resolve();
        } else closeFd(theirs);
      });
      sendWithFds(theirs, Buffer.from('hello'));
    });
    expect(seen).toEqual(['hello', '']);
    closeFd(ours);
  });

  test('a regular file must be refused', () => {
    const fd = openTrusted('/etc/hostname', O_RDONLY);
    expect(errnoOf(() => watchReadable(fd, () => undefined))).toBe('EPERM');
    closeFd(fd);
  });

  test('nothing must be left of many watches', async () => {
    const before = openDescriptors();
    for (let i = 0; i < 200; i++) {
      const [ours, theirs] = socketPair();
      await new Promise<void>((resolve) => {
        const watch = watchReadable(ours, () => {
          watch.close();
          resolve();
        });
        closeFd(theirs);
      });
      closeFd(ours);
    }
    expect(newDescriptors(before)).toEqual([]);
  });
});

describe('unix sockets', () => {
  test('descriptors must arrive with the bytes they were sent with', () => {
    const [ours, theirs] = socketPair();
    const file = createMemfd('sent', Buffer.from('through the socket'));
    expect(sendWithFds(ours, Buffer.from('take'), [file, file])).toBe(4);
    const received = receive(theirs);
    expect(Buffer.from(received?.bytes ?? []).toString()).toBe('take');
    expect(received?.fds.map((fd) => readFileSync(`/proc/self/fd/${fd}`, 'utf8'))).toEqual([
      'through the socket',
      'through the socket',
    ]);
    received?.fds.forEach(closeFd);
    [ours, theirs, file].forEach(closeFd);
  });

  test('descriptors without bytes must be refused instead of dropped', () => {
    const [ours, theirs] = socketPair();
    expect(errnoOf(() => sendWithFds(ours, new Uint8Array(), [ours]))).toBe('EINVAL');
    expect(receive(theirs)).toBeNull();
    [ours, theirs].forEach(closeFd);
  });

  test('a full peer must take nothing, and a closed one must be an error', () => {
    const [ours, theirs] = socketPair();
    const chunk = new Uint8Array(65_536);
    let rounds = 0;
    while (sendWithFds(ours, chunk) > 0) rounds++;
    expect(rounds).toBeGreaterThan(0);
    closeFd(theirs);
    expect(errnoOf(() => sendWithFds(ours, chunk))).toBe('EPIPE');
    closeFd(ours);
  });

  test.each([10, 150])(
    'a listener must be private and reached at %d more characters of path',
    async (length) => {
      await using dir = await tempDir();
      const folder = join(dir.path, 'd'.repeat(length));
      await mkdir(folder);
      const path = join(folder, 'control.sock');
      expect(errnoOf(() => connectUnix(path))).toBe('ENOENT');
      const listener = listenUnix(path);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(errnoOf(() => listenUnix(path))).toBe('EADDRINUSE');
      closeFd(connectUnix(path));
      closeFd(listener);
      expect(errnoOf(() => connectUnix(path))).toBe('ECONNREFUSED');
    },
  );
});
