/** Descriptors of whoever calls us that the container gets, and those that are opened for it. */
import { fstatSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import { closeFd, connectUnix, O_RDONLY, openTrusted } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { OciNamespaces, SandboxDescriptor, SandboxJoin } from '../runtime/index.ts';

/** The shim's own come before (native/PROTOCOL.md, "Start"). */
const firstGiven = 6;

export class GivenDescriptors implements Disposable {
  readonly descriptors: SandboxDescriptor[] = [];
  readonly joins: SandboxJoin[] = [];
  /** In the order of their numbers. */
  readonly given: Fd[] = [];
  readonly #opened: Fd[] = [];

  /** Ours are the program's: what conmon has put at 0, 1 and 2. */
  addStreams(): void {
    for (const number of [0, 1, 2]) if (isOpen(number)) this.#add(number, number as Fd);
  }

  addConsole(path: string): void {
    try {
      this.#add('console', this.#own(connectUnix(path)));
    } catch (error) {
      throw new EngineError('invalid-argument', `cannot connect to the console socket "${path}"`, {
        cause: error,
      });
    }
  }

  /** `--preserve-fds`, and beside them those of socket activation (sd_listen_fds(3)). */
  addKept(count: number): void {
    for (let number = 3; number < 3 + count; number += 1) {
      if (!isOpen(number)) {
        throw new EngineError(
          'invalid-argument',
          `--preserve-fds is ${count}, but descriptor ${number} is not open`,
        );
      }
      this.#add(number, number as Fd);
    }
  }

  addContainer(pidfd: Fd): void {
    this.#add('container', this.#own(pidfd));
  }

  addJoins({ joined }: OciNamespaces): void {
    for (const { kind, path } of joined) {
      try {
        this.joins.push({ kind, fd: this.#place(this.#own(openTrusted(path, O_RDONLY))) });
      } catch (error) {
        throw new EngineError('invalid-argument', `cannot join the ${kind} namespace "${path}"`, {
          cause: error,
        });
      }
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.#opened.splice(0)) closeFd(fd);
  }

  #add(target: SandboxDescriptor['target'], fd: Fd): void {
    this.descriptors.push({ target, fd: this.#place(fd) });
  }

  #place(fd: Fd): number {
    return firstGiven + this.given.push(fd) - 1;
  }

  #own(fd: Fd): Fd {
    this.#opened.push(fd);
    return fd;
  }
}

function isOpen(number: number): boolean {
  try {
    fstatSync(number);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return false;
    throw error;
  }
}

export function parseCount(value: string | undefined, option: string): number {
  if (value === undefined) return 0;
  if (/^\d{1,3}$/.test(value)) return Number(value);
  throw new EngineError('invalid-argument', `${option} "${value}" is no number of descriptors`);
}
