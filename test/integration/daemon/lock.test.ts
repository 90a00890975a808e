import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { acquireLock, type LockPaths } from '../../../engine/daemon/lock.ts';
import { tempDir } from '../../lib/temp-dir.ts';

function pathsIn(runRoot: string): LockPaths {
  return {
    runRoot,
    engineLock: join(runRoot, 'engine.lock'),
    engineSocket: join(runRoot, 'engine.sock'),
  };
}

async function serve(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(path);
  await once(server, 'listening');
  return server;
}

test('an engine that serves must keep every other away', async () => {
  await using directory = await tempDir();
  const paths = pathsIn(directory.path);
  const lock = await acquireLock(paths, 1000);
  expect(lock).not.toBeNull();
  const server = await serve(paths.engineSocket);
  expect(await acquireLock(paths, 10_000)).toBeNull();
  server.close();
  lock?.release();
  const next = await acquireLock(paths, 1000);
  expect(next).not.toBeNull();
  next?.release();
});

test('one that waits must get the lock of an engine that ends', async () => {
  await using directory = await tempDir();
  const paths = pathsIn(directory.path);
  const pidFile = await serve(join(directory.path, 'engine.pid'));
  const ending = await acquireLock(paths, 1000);
  const waiting = acquireLock(paths, 60_000);
  ending?.release();
  // What shutdown does after it has released the lock.
  rmSync(join(directory.path, 'engine.pid'));
  const lock = await waiting;
  expect(lock).not.toBeNull();
  lock?.release();
  pidFile.close();
});

test('one that waits must leave to an engine that begins to serve', async () => {
  await using directory = await tempDir();
  const paths = pathsIn(directory.path);
  const starting = await acquireLock(paths, 1000);
  const waiting = acquireLock(paths, 60_000);
  const server = await serve(paths.engineSocket);
  expect(await waiting).toBeNull();
  server.close();
  starting?.release();
});

test('waiting must end with its time', async () => {
  await using directory = await tempDir();
  const paths = pathsIn(directory.path);
  const stuck = await acquireLock(paths, 1000);
  expect(await acquireLock(paths, 50)).toBeNull();
  stuck?.release();
});
