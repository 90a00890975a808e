/**
 * A shim's process before anybody has said what for: it is loaded while the engine still prepares what it is to do. It has
 * nothing but its conversation, and ends with that.
 */
import { readFileSync } from 'node:fs';
import {
  closeFd,
  createMemfd,
  isSyscallError,
  onExit,
  sendSignal,
  sendWithFds,
  shimPath,
  socketPair,
  spawnProcessLater,
} from '../../native/index.ts';
import type { Fd, Spawned } from '../../native/index.ts';
import { ShimError } from './shim-conversation.ts';

export interface ShimProcess {
  /** The first conversation with it. */
  readonly socket: Fd;
  readonly pidfd: Fd;
}

export class EarlyShim {
  readonly #socket: Fd;
  readonly #spawned: Promise<Spawned>;
  #isOver = false;

  private constructor(socket: Fd, spawned: Promise<Spawned>) {
    this.#socket = socket;
    this.#spawned = spawned;
    // Whoever hands over or abandons is told.
    spawned.catch(() => undefined);
  }

  /** Returns at once; that it cannot be started is told by `handOver`. */
  static spawn(id: string): EarlyShim {
    const executable = sealedExecutable();
    const [ours, theirs] = socketPair();
    // The program's own file is descriptor 4: whatever happens to the others before exec, that path names it.
    const spawned = spawnProcessLater({
      file: '/proc/self/fd/4',
      args: ['tscompose-shim', id],
      env: [],
      fds: [null, null, null, theirs, executable],
    }).finally(() => {
      closeFd(theirs);
    });
    return new EarlyShim(ours, spawned);
  }

  /** What main.c of the shim calls descriptors 5 and on, and behind them 0. The caller keeps and closes its own copies. */
  async handOver(fds: readonly Fd[]): Promise<ShimProcess> {
    // It may not be loaded yet, and finds them waiting.
    for (let from = 0; from < fds.length; from += mostPerMessage)
      this.#send(fds.slice(from, from + mostPerMessage), fds.length);
    const { pidfd } = await this.#spawned;
    this.#isOver = true;
    return { socket: this.#socket, pidfd };
  }

  #send(fds: readonly Fd[], total: number): void {
    const bytes = new Uint8Array(Uint32Array.of(total).buffer);
    try {
      if (sendWithFds(this.#socket, bytes, fds) < bytes.length)
        throw new RangeError(`a shim cannot be given ${total} descriptors`);
    } catch (error) {
      if (!isSyscallError(error, 'EPIPE')) throw error;
      throw new ShimError({ stage: 'start', errno: 'ECHILD', path: '' }, { isShimKilled: true });
    }
  }

  /** Resolves when nothing of it is left, unless it was handed over. */
  async abandon(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    closeFd(this.#socket);
    const spawned = await this.#spawned.catch(() => null);
    if (spawned === null) return;
    // It has nothing that would have to be put in order, and may have been stopped.
    killIfThere(spawned.pidfd);
    await new Promise<void>((resolve) => {
      onExit(spawned.pidfd, () => {
        resolve();
      });
    });
    closeFd(spawned.pidfd);
  }
}

function killIfThere(pidfd: Fd): void {
  try {
    sendSignal(pidfd, sigKill);
  } catch (error) {
    if (!isSyscallError(error, 'ESRCH')) throw error;
  }
}

const sigKill = 9;
/** SCM_MAX_FD of the kernel, unix(7). */
const mostPerMessage = 253;

let sealed: Fd | null = null;

/**
 * The shim as a sealed memory file, one for all containers. Were it executed from its place on disk, a container could
 * write to that through /proc/PID/exe, at moments when nothing else executes it (CVE-2019-5736).
 */
export function sealedExecutable(): Fd {
  sealed ??= createMemfd('tscompose-shim', readFileSync(shimPath()), { isExecutable: true });
  return sealed;
}
