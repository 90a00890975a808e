/** Containers and programs that become their creator's: native/PROTOCOL.md, "Handing over". */
import { ftruncateSync, readSync, unlinkSync } from 'node:fs';
import {
  closeFd,
  createMemfd,
  onExit,
  O_CREAT,
  O_EXCL,
  O_RDWR,
  openTrusted,
  receive,
  socketPair,
  spawnProcess,
  watchReadable,
} from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import { encodeJoiningExec } from './encode.ts';
import type { JoiningExec } from './encode.ts';
import { encodeStart } from './protocol.ts';
import type { ShimStatus } from './protocol.ts';
import { decodeFailure } from './protocol-frame.ts';
import type { SandboxSpec } from './sandbox-spec.ts';
import { ShimError } from './shim-conversation.ts';
import { sealedExecutable } from './early-shim.ts';
import { Shim, spawnShim } from './shim.ts';

export interface HandoverRequest {
  readonly spec: SandboxSpec;
  /** As the specification numbers them, from 6 on; the caller keeps and closes its own copies. */
  readonly given: readonly Fd[];
  /** Before pivot_root, where the specification says so; what it throws ends the creation. */
  readonly whenHeld: (status: ShimStatus) => Promise<void>;
}

/** Resolves when the sandbox stands; from then on its first process is our child, and the shim waits for anybody. */
export async function createHandedOver({ spec, given, whenHeld }: HandoverRequest): Promise<Shim> {
  const conversation = await spawnShim({ spec, held: given, waitsForStart: true });
  try {
    if (spec.handover?.holds === true) {
      await whenHeld(await conversation.reaches('held'));
      conversation.send(encodeStart());
    }
    return new Shim(await conversation.reaches('created'), conversation);
  } catch (error) {
    // Which is the shim's word to take down what is half made.
    conversation.hangUp();
    await conversation.gone;
    throw error;
  }
}

export interface ExecHandoverRequest {
  readonly exec: JoiningExec;
  readonly given: readonly Fd[];
  /** For a moment, in a directory that nobody else writes to. */
  readonly scratchPath: string;
}

/** The program's process id; it is our child. Throws ShimError when it could not be started. */
export async function execHandedOver(request: ExecHandoverRequest): Promise<number> {
  const { exec, given, scratchPath } = request;
  const [ours, theirs] = socketPair();
  const own: Fd[] = [ours, theirs];
  try {
    const report = openTrusted(scratchPath, O_RDWR | O_CREAT | O_EXCL);
    own.push(report);
    unlinkSync(scratchPath);
    ftruncateSync(report, reportBytes);
    const specification = createMemfd('tscompose-exec', encodeJoiningExec(exec));
    own.push(specification);
    const { pidfd } = spawnProcess({
      file: '/proc/self/fd/4',
      args: ['tscompose-exec'],
      env: [],
      fds: [specification, null, null, theirs, sealedExecutable(), report, ...given],
    });
    closeFd(theirs);
    own.splice(own.indexOf(theirs), 1);
    await Promise.all([endOf(ours), reaped(pidfd)]);
    return readReport(report);
  } finally {
    for (const fd of own) closeFd(fd);
  }
}

/** struct ts_report of native/shim/sandbox.h: what the program says, and behind it what only the kernel says. */
const saidBytes = 16 + 256;
const pidOffset = 65_536;
const reportBytes = pidOffset + 4;
const progress = { executing: 3, failed: 4 } as const;

function readReport(report: Fd): number {
  const bytes = Buffer.alloc(saidBytes);
  readSync(report, bytes, 0, saidBytes, 0);
  switch (bytes.readUInt32LE(0)) {
    case progress.executing:
      return readPid(report);
    case progress.failed: {
      const path = bytes.subarray(16, bytes.indexOf(0, 16));
      const failure = Buffer.alloc(16 + path.length);
      bytes.copy(failure, 0, 8, 16);
      path.copy(failure, 16);
      throw new ShimError(decodeFailure(failure, 0));
    }
    default:
      throw new ShimError({ stage: 'start', errno: 'ECHILD', path: '' });
  }
}

function readPid(report: Fd): number {
  const bytes = Buffer.alloc(4);
  readSync(report, bytes, 0, bytes.length, pidOffset);
  return bytes.readUInt32LE(0);
}

function endOf(socket: Fd): Promise<void> {
  return new Promise((resolve) => {
    const watch = watchReadable(socket, () => {
      const received = receive(socket);
      if (received === null || received.bytes.length > 0) return;
      watch.close();
      resolve();
    });
  });
}

async function reaped(pidfd: Fd): Promise<void> {
  await new Promise<void>((resolve) => {
    onExit(pidfd, () => {
      resolve();
    });
  });
  closeFd(pidfd);
}
