/**
 * Hears of every change of the rules in the engine's namespace, so that what others flush is back at once. Nothing is
 * polled: the kernel tells who changed which table.
 */
import { isSyscallError, receive, watchReadable } from '../../native/index.ts';
import type { Fd, Watch } from '../../native/index.ts';
import type { Kernel } from '../context.ts';
import { decodeMessages } from '../netlink/message.ts';
import { decodeChange, rulesetGroup } from '../netlink/nf-tables.ts';

export interface ForeignChange {
  /** Whether it was about our own table, or so much that the kernel could not tell. */
  readonly isOurs: boolean;
  /** Of the program that made it: "nft"; empty where the kernel does not say. */
  readonly program: string;
}

interface Options {
  readonly kernel: Pick<Kernel, 'openSocket' | 'closeFd'>;
  /** Address of the socket whose changes are our own. */
  readonly origin: number;
  readonly table: string;
  /** One at a time: what changes meanwhile is told together, afterwards. */
  readonly onChange: (change: ForeignChange) => Promise<void>;
}

/** After a change has been answered: a reload makes hundreds of them. */
const pauseMs = 100;

export class RulesetWatch {
  readonly #options: Options;
  readonly #socket: Fd;
  readonly #watch: Watch;
  #pending: ForeignChange | null = null;
  #isAnswering = false;
  #isClosed = false;
  #wake: (() => void) | null = null;

  private constructor(options: Options, socket: Fd) {
    this.#options = options;
    this.#socket = socket;
    this.#watch = watchReadable(socket, () => {
      this.#read();
    });
  }

  static async open(options: Options): Promise<RulesetWatch> {
    const family = 'netlink-netfilter';
    return new RulesetWatch(
      options,
      await options.kernel.openSocket({ family, groups: rulesetGroup }),
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake?.();
    this.#watch.close();
    this.#options.kernel.closeFd(this.#socket);
  }

  #read(): void {
    for (let bytes = this.#receive(); bytes !== null; bytes = this.#receive()) this.#take(bytes);
    if (this.#pending === null) return;
    // What guards the networks does not wait.
    if (this.#pending.isOurs) this.#wake?.();
    void this.#answer();
  }

  #receive(): Uint8Array | null {
    try {
      return receive(this.#socket)?.bytes ?? null;
    } catch (error) {
      if (!isSyscallError(error, 'ENOBUFS')) throw error;
      // Some were lost, and nobody knows which.
      this.#pending = { isOurs: true, program: this.#pending?.program ?? '' };
      return new Uint8Array();
    }
  }

  #take(bytes: Uint8Array): void {
    for (const message of decodeMessages(bytes)) {
      if (message.origin === this.#options.origin) continue;
      const change = decodeChange(message);
      if (change === null) continue;
      const { isOurs, program } = this.#pending ?? { isOurs: false, program: '' };
      this.#pending =
        change.kind === 'object'
          ? { isOurs: isOurs || change.table === this.#options.table, program }
          : { isOurs, program: change.program };
    }
  }

  async #answer(): Promise<void> {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    while (this.#pending !== null && !this.#isClosed) {
      const change = this.#pending;
      this.#pending = null;
      await this.#options.onChange(change);
      await this.#rest();
    }
    this.#isAnswering = false;
  }

  async #rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
