/** Who has a container's files open at the moment, outside of the container. */
import { setTimeout as delay } from 'node:timers/promises';
import { closeLater, type ContainerRoot, type Fd } from '../../../native/index.ts';

/** One who copies; ends exactly once. */
export interface FilesUse {
  readonly revoked: AbortSignal;
  end(): void;
}

interface Shared {
  readonly opened: Promise<ContainerRoot>;
  users: number;
}

/** How long a start waits for a client that takes its time over a copy. */
const graceMs = 10_000;

export class FilesUsers {
  readonly #uses = new Map<FilesUse, Promise<void>>();
  #shared: Shared | null = null;
  /** Of the mounts that were shared last. */
  #lastClosed: Promise<void> = Promise.resolve();

  begin(): FilesUse {
    const controller = new AbortController();
    let settle: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const use: FilesUse = {
      revoked: controller.signal,
      end: () => {
        this.#uses.delete(use);
        this.#revocations.delete(use);
        settle?.();
      },
    };
    this.#uses.set(use, ended);
    this.#revocations.set(use, controller);
    return use;
  }

  readonly #revocations = new Map<FilesUse, AbortController>();

  /** The mounts of a container that does not run: one for all who need them at the same time. */
  async share(
    open: () => Promise<ContainerRoot>,
  ): Promise<{ readonly namespace: Fd; readonly release: () => Promise<void> }> {
    const shared: Shared = this.#shared ?? { opened: this.#openNext(open), users: 0 };
    this.#shared = shared;
    shared.users += 1;
    try {
      const { namespace } = await shared.opened;
      return { namespace, release: () => this.#leave(shared) };
    } catch (error) {
      if (this.#shared === shared) this.#shared = null;
      throw error;
    }
  }

  /** Resolves when nobody has the files open any more; who takes longer than a grace is made to give up. */
  async idle(): Promise<void> {
    if (this.#uses.size > 0) {
      const grace = new AbortController();
      const ended = Promise.all(this.#uses.values());
      const late = delay(graceMs, undefined, { signal: grace.signal }).then(
        () => {
          for (const controller of this.#revocations.values()) controller.abort();
        },
        () => undefined,
      );
      await Promise.race([ended, late]);
      grace.abort();
      await ended;
    }
    await this.#lastClosed;
  }

  async #openNext(open: () => Promise<ContainerRoot>): Promise<ContainerRoot> {
    await this.#lastClosed;
    return await open();
  }

  async #leave(shared: Shared): Promise<void> {
    shared.users -= 1;
    if (shared.users > 0) return;
    if (this.#shared === shared) this.#shared = null;
    const { root, namespace } = await shared.opened;
    this.#lastClosed = closeLater([namespace, root]);
    await this.#lastClosed;
  }
}
