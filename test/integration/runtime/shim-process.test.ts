/** A shim's word for its process id, which may be another process's by the time that it is looked for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readProcess } from '../../../engine/runtime/process-facts.ts';
import { frame } from '../../../engine/runtime/protocol-frame.ts';
import { protocolVersion } from '../../../engine/runtime/protocol.ts';
import { connectShim } from '../../../engine/runtime/shim.ts';
import { tempDir } from '../../lib/temp-dir.ts';

/** struct ts_status of native/shim/protocol.h, of one that runs. */
function greeting(pid: number, startTime: bigint): Uint8Array {
  const payload = Buffer.alloc(32);
  payload.writeUInt32LE(protocolVersion, 0);
  payload.writeUInt32LE(2, 4);
  payload.writeUInt32LE(pid, 8);
  payload.writeUInt32LE(pid, 12);
  payload.writeBigUInt64LE(startTime, 16);
  payload.writeBigUInt64LE(startTime, 24);
  return frame(1, payload);
}

test.each([
  ['followed to its end', 0n, true],
  ['taken for another one, and its own for gone', 1n, false],
])('a process with the start time must be %s', async (_what, later, isFollowed) => {
  await using dir = await tempDir();
  const process = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const pid = process.pid ?? 0;
  const startTime = BigInt(readProcess(pid)?.startTime ?? '') - later;
  const controlPath = join(dir.path, 'socket');
  const server = createServer((socket) => socket.write(greeting(pid, startTime)));
  server.listen(controlPath);
  await once(server, 'listening');
  try {
    const shim = await connectShim({ controlPath, exitPath: join(dir.path, 'exit') });
    let isGone = false;
    void shim?.gone.then(() => (isGone = true));
    await nextTurn();
    expect([shim?.isResponsive, isGone]).toEqual([true, !isFollowed]);
    process.kill('SIGKILL');
    await shim?.gone;
    shim?.close();
  } finally {
    process.kill('SIGKILL');
    server.close();
  }
});
