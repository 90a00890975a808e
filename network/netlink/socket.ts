/**
 * One netlink socket and the conversation over it: requests in, one reply each out. Requests of several callers that
 * wait for the socket travel together, because the exchange costs the same for one as for many.
 */
import { Batch } from '../../engine/lib/index.ts';
import { errnoName, socketPort, SyscallError } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { Kernel } from '../context.ts';
import {
  decodeMessages,
  decodeVerdict,
  encodeMessages,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts';
import type { Message, Verdict } from './message.ts';

export interface NetlinkRequest {
  readonly type: number;
  /** Beside NLM_F_REQUEST and NLM_F_ACK, which every request has. */
  readonly flags?: number;
  readonly payload: Uint8Array;
  /** What it is to achieve, for the error: `create link "tsc0"`. */
  readonly purpose: string;
}

export interface NetlinkReply {
  readonly errno: number;
  readonly reason: string;
  /** What came before the verdict: the answer to a question. */
  readonly messages: readonly Message[];
}

type Family = 'netlink-route' | 'netlink-netfilter';
type SocketKernel = Pick<Kernel, 'openSocket' | 'closeFd' | 'netlinkExchange'>;

// Every answer waits in the socket's receive buffer until the kernel has worked through the request. 212,992 bytes,
// net.core.rmem_default, hold about 270 acknowledgements (768 bytes each with their skb), socket(7).
const mostPerExchange = 128;
const mostDumpAttempts = 5;

export class NetlinkSocket {
  readonly #kernel: SocketKernel;
  readonly #batch: Batch<Work, readonly NetlinkReply[]>;
  #fd: Fd | null;
  #sequence = 0;

  private constructor(kernel: SocketKernel, fd: Fd) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.#batch = new Batch((work) => this.#run(work));
  }

  /** `netns` missing: in the engine's own namespace. */
  static async open(kernel: SocketKernel, family: Family, netns?: Fd): Promise<NetlinkSocket> {
    const request = netns === undefined ? { family } : { family, netns };
    return new NetlinkSocket(kernel, await kernel.openSocket(request));
  }

  /** Marks what it has changed, in notifications. */
  get origin(): number {
    if (this.#fd === null) throw new TypeError('the netlink socket is closed');
    return socketPort(this.#fd);
  }

  /** Carries out the requests in order; one that fails does not stop those after it. */
  send(requests: readonly NetlinkRequest[]): Promise<readonly NetlinkReply[]> {
    return this.#batch.add({ kind: 'requests', requests });
  }

  /** The same, and the first refusal is an error. */
  async require(requests: readonly NetlinkRequest[]): Promise<readonly NetlinkReply[]> {
    const replies = await this.send(requests);
    requests.forEach((request, index) => {
      const reply = replies[index];
      if (reply !== undefined && reply.errno !== 0) throw refusal(request.purpose, reply);
    });
    return replies;
  }

  /** Everything of a kind, as messages; asked again when it changed while it was read. */
  async dump(request: NetlinkRequest): Promise<readonly Message[]> {
    for (let attempt = 1; ; attempt++) {
      const [reply] = await this.#batch.add({ kind: 'dump', requests: [request] });
      if (reply === undefined) throw new TypeError('a dump has one reply');
      if (reply.errno !== 0) throw refusal(request.purpose, reply);
      const isConsistent = reply.messages.every(({ flags }) => (flags & NLM_F_DUMP_INTR) === 0);
      if (isConsistent || attempt === mostDumpAttempts) return reply.messages;
    }
  }

  /** A transaction that is framed by its own begin and end messages: all of it happens or nothing. */
  async transact({ begin, requests, end }: Transaction): Promise<NetlinkReply> {
    const [reply] = await this.#batch.add({ kind: 'transaction', requests, begin, end });
    if (reply === undefined) throw new TypeError('a transaction has one reply');
    return reply;
  }

  close(): void {
    if (this.#fd === null) return;
    this.#kernel.closeFd(this.#fd);
    this.#fd = null;
  }

  async #run(group: readonly Work[]): Promise<readonly (readonly NetlinkReply[])[]> {
    const results: (readonly NetlinkReply[])[] = [];
    for (let index = 0; index < group.length;) {
      const work = group[index];
      if (work === undefined) break;
      if (work.kind === 'requests') {
        const together = takeRequests(group, index);
        results.push(...(await this.#exchangeAll(together)));
        index += together.length;
      } else {
        results.push([await (work.kind === 'dump' ? this.#dump(work) : this.#transaction(work))]);
        index++;
      }
    }
    return results;
  }

  async #exchangeAll(group: readonly Requests[]): Promise<readonly (readonly NetlinkReply[])[]> {
    const all = group.flatMap(({ requests }) => requests);
    const replies: NetlinkReply[] = [];
    for (let start = 0; start < all.length; start += mostPerExchange)
      replies.push(...(await this.#exchangeSome(all.slice(start, start + mostPerExchange))));
    let taken = 0;
    return group.map(({ requests }) => replies.slice(taken, (taken += requests.length)));
  }

  async #exchangeSome(requests: readonly NetlinkRequest[]): Promise<NetlinkReply[]> {
    const first = this.#sequence + 1;
    const messages = requests.map((request) => this.#message(request, NLM_F_ACK));
    const answers = await this.#exchange(encodeMessages(messages), this.#sequence);
    return messages.map(({ sequence }) => replyOf(answers, sequence, first));
  }

  async #dump({ requests }: Dump): Promise<NetlinkReply> {
    const messages = requests.map((request) => this.#message(request, NLM_F_DUMP));
    const answers = await this.#exchange(encodeMessages(messages), this.#sequence);
    return replyOf(answers, this.#sequence, this.#sequence);
  }

  /**
   * The kernel reports some refusals of a whole batch for its begin message only, and acknowledges the end message
   * since Linux 6.10 only: so the last request asks for the acknowledgement, and any error decides.
   */
  async #transaction({ requests, begin, end }: TransactionWork): Promise<NetlinkReply> {
    const opening = this.#message(begin, 0);
    const last = requests.length - 1;
    const messages = requests.map((request, index) =>
      this.#message(request, index === last ? NLM_F_ACK : 0),
    );
    const until = this.#sequence;
    const bytes = encodeMessages([opening, ...messages, this.#message(end, 0)]);
    const answers = await this.#exchange(bytes, until);
    const sent = new Set([opening.sequence, ...messages.map(({ sequence }) => sequence)]);
    const verdicts = answers.filter(
      ({ type, sequence }) => type === NLMSG_ERROR && sent.has(sequence),
    );
    const failed = verdicts.find((message) => decodeVerdict(message).errno !== 0);
    if (failed === undefined) return { errno: 0, reason: '', messages: [] };
    const { errno, reason } = decodeVerdict(failed);
    const culprit = requests[messages.findIndex(({ sequence }) => sequence === failed.sequence)];
    const where = culprit === undefined ? '' : culprit.purpose;
    return {
      errno,
      reason: [where, reason].filter((part) => part !== '').join(', '),
      messages: [],
    };
  }

  #message({ type, flags = 0, payload }: Omit<NetlinkRequest, 'purpose'>, more: number): Message {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return { type, flags: NLM_F_REQUEST | flags | more, sequence: this.#sequence, payload };
  }

  async #exchange(bytes: Uint8Array, until: number): Promise<readonly Message[]> {
    if (this.#fd === null) throw new TypeError('the netlink socket is closed');
    return decodeMessages(await this.#kernel.netlinkExchange(this.#fd, bytes, until));
  }
}

export function refusal(purpose: string, { errno, reason }: Verdict): SyscallError {
  const what = reason === '' ? purpose : `${purpose} (${reason})`;
  return new SyscallError({ call: 'sendmsg', errno: errnoName(errno), purpose: what });
}

export interface Transaction {
  readonly begin: Omit<NetlinkRequest, 'purpose'>;
  /** Never empty. */
  readonly requests: readonly NetlinkRequest[];
  readonly end: Omit<NetlinkRequest, 'purpose'>;
}

interface Requests {
  readonly kind: 'requests';
  readonly requests: readonly NetlinkRequest[];
}

interface Dump {
  readonly kind: 'dump';
  readonly requests: readonly NetlinkRequest[];
}

interface TransactionWork extends Transaction {
  readonly kind: 'transaction';
}

type Work = Requests | Dump | TransactionWork;

function takeRequests(group: readonly Work[], start: number): readonly Requests[] {
  const taken: Requests[] = [];
  for (const work of group.slice(start)) {
    if (work.kind !== 'requests') break;
    taken.push(work);
  }
  return taken;
}

function replyOf(answers: readonly Message[], sequence: number, first: number): NetlinkReply {
  const mine = answers.filter((message) => message.sequence === sequence);
  const end = mine.find(({ type }) => type === NLMSG_ERROR || type === NLMSG_DONE);
  if (end === undefined)
    throw new Error(`netlink request ${sequence - first + 1} of an exchange got no answer`);
  const messages = mine.filter(({ type }) => type !== NLMSG_ERROR && type !== NLMSG_DONE);
  if (end.type === NLMSG_DONE) return { errno: 0, reason: '', messages };
  return { ...decodeVerdict(end), messages };
}
