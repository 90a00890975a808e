/**
 * C-12, CVE-2021-43784: a length in a message to the process that builds containers wraps around, and somebody else's
 * bytes are read as its orders. Here against the real shim; test/native/shim has the same under sanitizers: spec.test.c
 * for the specification, control.test.c for the frames.
 */
import { existsSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createId } from '../../engine/lib/index.ts';
import { encodeExec, encodeSpec } from '../../engine/runtime/encode.ts';
import { encodeExecStart } from '../../engine/runtime/exec-protocol.ts';
import type { SandboxSpec } from '../../engine/runtime/index.ts';
import { startShim, type Shim } from '../../engine/runtime/shim.ts';
import {
  closeFd,
  connectUnix,
  createMemfd,
  createPipe,
  isSyscallError,
  listenUnix,
  onExit,
  receive,
  sendWithFds,
  shimPath,
  socketPair,
  spawnProcess,
  type Fd,
  type ProcessExit,
} from '../../native/index.ts';
import { makeBox, readOutput } from '../integration/runtime/support.ts';
import { eventually } from '../lib/eventually.ts';
import { random } from '../lib/random.ts';
import { missing } from '../lib/requires.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';

const absent = missing('root', 'overlayfs');
const title = `C-12, CVE-2021-43784: no message must break the shim (missing: ${absent.join() || 'nothing'})`;

const odd = [0, 1, 7, 8, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];

describe.skipIf(absent.length > 0)(title, () => {
  let dir: TempDir;
  let shim: Shim;
  let spec: SandboxSpec;
  let descriptors: number;

  beforeEach(async () => {
    dir = await tempDir();
    ({ spec } = makeBox(dir.path, [
      'sh',
      '-c',
      'trap "echo asked; exit 3" TERM; while :; do sleep 0.02; done',
    ]));
    shim = await startShim({ spec, held: [] });
    // It makes the file of its exit record when it has said that the program runs.
    const isPrepared = (): boolean =>
      existsSync(`${spec.paths.exit}.tmp`) &&
      !openFiles().some((path) => path.startsWith(spec.paths.exit));
    await eventually(() => {
      expect(isPrepared()).toBe(true);
    });
    descriptors = openDescriptors();
  });
  afterEach(async () => {
    await shim.signal(9).catch(() => undefined);
    await shim.gone;
    await dir[Symbol.asyncDispose]();
  });

  const openDescriptors = (): number => readdirSync(`/proc/${shim.pid}/fd`).length;
  const openFiles = (): readonly string[] =>
    readdirSync(`/proc/${shim.pid}/fd`).map((fd) => readlinkSync(`/proc/${shim.pid}/fd/${fd}`));

  /** It has kept nothing, obeys as before, and its container as well. */
  async function expectUnharmed(): Promise<void> {
    await eventually(() => {
      expect(openDescriptors()).toBe(descriptors);
    });
    await shim.signal(15);
    expect(await shim.exited).toMatchObject({ code: 3, isLost: false });
    expect((await readOutput(spec.log.path)).stdout).toBe('asked\n');
  }

  /** Says one thing on a connection of its own; whether that was kept. */
  async function say(bytes: Uint8Array, fds: readonly Fd[] = []): Promise<boolean> {
    const socket = connectUnix(spec.paths.control);
    try {
      await eventually(() => {
        if (receive(socket) === null) throw new Error('not greeted yet');
      });
      sendWithFds(socket, bytes, fds);
      // What it answers, if it does, comes in order: a resize that is none is answered as well.
      sendWithFds(socket, harmless);
      return await eventually(() => {
        const received = receive(socket);
        if (received === null) throw new Error('not answered yet');
        return received.bytes.length > 0;
      });
    } catch (error) {
      if (isSyscallError(error, 'EPIPE', 'ECONNRESET')) return false;
      throw error;
    } finally {
      closeFd(socket);
    }
  }

  function header(type: number, length: number, sent: number): Buffer {
    const bytes = Buffer.alloc(8 + sent, 0x5a);
    bytes.writeUInt32LE(length, 0);
    bytes.writeUInt16LE(type, 4);
    bytes.writeUInt16LE(0, 6);
    return bytes;
  }

  const harmless = Buffer.concat([header(71, 4, 0), Buffer.from([9, 0, 0, 0])]);

  test('of a length that is not its own', async () => {
    for (const type of [0, 1, 2, 63, 64, 65, 66, 67, 68, 69, 70, 72, 0xffff])
      for (const length of odd) {
        if (type === 64 && length === 0) continue;
        expect([type, length, await say(header(type, length, Math.min(length, 600)))]).toEqual([
          type,
          length,
          false,
        ]);
      }
    await expectUnharmed();
  });

  test('that is cut off, with descriptors', async () => {
    const [reader, writer] = createPipe();
    const whole = header(66, 80, 80);
    for (let cut = 1; cut < whole.length; cut += 3) {
      const socket = connectUnix(spec.paths.control);
      sendWithFds(socket, whole.subarray(0, cut), [reader, writer, reader]);
      closeFd(socket);
    }
    for (const fd of [reader, writer]) closeFd(fd);
    await expectUnharmed();
  });

  test('with descriptors that it is not to have, or in another order', async () => {
    const [reader, writer] = createPipe();
    const [one, other] = socketPair();
    const given = createMemfd('spec', encodeExec({ ...spec.process, args: ['true'] }));
    const unsealed = reader;
    const orders: readonly (readonly Fd[])[] = [
      [],
      [given],
      [writer, reader, given],
      [given, given, given],
      [unsealed, writer, reader],
      [one, writer, reader],
      [given, writer, reader, writer, reader, one],
      [given, writer, reader, writer, reader, one, other],
    ];
    for (const fds of orders) {
      const streams = { hasTerminal: false, hasStdin: false, hasStdout: true, hasStderr: true };
      const size = { rows: 0, columns: 0 };
      await say(encodeExecStart({ request: 1, id: createId(), streams, size }), fds);
      await say(header(70, 4, 4), fds);
      await say(header(65, 12, 12), fds);
    }
    for (const fd of [reader, writer, one, other, given]) closeFd(fd);
    await expectUnharmed();
  });

  test('with the specification of an exec in which any number is another', async () => {
    const valid = Buffer.from(encodeExec({ ...spec.process, args: ['true'] }));
    const below = random(20_261_201);
    const [, writer] = createPipe();
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(valid);
      const at = 4 * below(bytes.length / 4);
      bytes.writeUInt32LE(odd[below(odd.length)] ?? 0, at);
      const changed = round % 5 === 0 ? bytes.subarray(0, below(bytes.length)) : bytes;
      const given = createMemfd('spec', changed);
      const streams = { hasTerminal: false, hasStdin: true, hasStdout: false, hasStderr: false };
      const size = { rows: 0, columns: 0 };
      await say(encodeExecStart({ request: 1, id: createId(), streams, size }), [given, writer]);
      closeFd(given);
    }
    closeFd(writer);
    await expectUnharmed();
  });

  /** How a shim ends that is given these bytes for its container. */
  async function startWith(bytes: Uint8Array, executable: Fd): Promise<ProcessExit | null> {
    const [ours, theirs] = socketPair();
    const specification = createMemfd('spec', bytes);
    const control = listenUnix(`${dir.path}/run/other.sock`);
    const { pidfd } = spawnProcess({
      file: '/proc/self/fd/4',
      args: ['tscompose-shim', 'fuzzed'],
      env: [],
      fds: [specification, null, null, theirs, executable, control],
    });
    for (const fd of [theirs, specification, control]) closeFd(fd);
    const exit = await new Promise<ProcessExit | null>((resolve) => onExit(pidfd, resolve));
    for (const fd of [ours, pidfd]) closeFd(fd);
    return exit;
  }

  test('nor a container’s specification in which a length is another', async () => {
    const executable = createMemfd('shim', readFileSync(shimPath()), { isExecutable: true });
    const valid = Buffer.from(encodeSpec(spec, { startsAtOnce: true }));
    // From spec.h: twenty-one references and lists, the second word of each is its length.
    const lengths = Array.from({ length: 21 }, (_, index) => 96 + 8 * index + 4);
    const changed = lengths.flatMap((at) =>
      [0x1_0000, 0x7fff_ffff, 0xffff_ffff].map((length) => {
        const bytes = Buffer.from(valid);
        bytes.writeUInt32LE(length, at);
        return bytes;
      }),
    );
    const truncated = Array.from({ length: 40 }, (_, index) => {
      const bytes = Buffer.from(valid.subarray(0, Math.floor((valid.length * index) / 41)));
      if (bytes.length >= 12) bytes.writeUInt32LE(bytes.length, 8);
      return bytes;
    });
    for (const bytes of [...changed, ...truncated]) {
      const exit = await startWith(bytes, executable);
      rmSync(`${dir.path}/run/other.sock`, { force: true });
      // It has said no; a signal would be that it had gone on.
      expect(exit).toEqual({ code: 1, signal: null });
    }
    closeFd(executable);
    await expectUnharmed();
  });
});
