/** Further programs in a container, as its shim runs them: their streams, terminals, signals and ends. */
import { closeFd, createMemfd, createPipe, duplicateFd, socketPair } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import { encodeExec } from './encode.ts';
import {
  encodeExecForget,
  encodeExecSignal,
  encodeExecStart,
  encodeResize,
} from './exec-protocol.ts';
import type { ExecStatus } from './exec-protocol.ts';
import type { ForeignExec, SandboxProcess, TerminalSize } from './sandbox-spec.ts';
import { isShimFailure, ShimError } from './shim-conversation.ts';
import type { Conversation } from './shim-conversation.ts';

export interface ExecRequest {
  /** 64 hexadecimal digits, new. */
  readonly id: string;
  /** With `terminal`, stdin, stdout and stderr are that. */
  readonly process: SandboxProcess;
  /** Those that are not are /dev/null. */
  readonly attached: {
    readonly stdin: boolean;
    readonly stdout: boolean;
    readonly stderr: boolean;
  };
  /** In a container that another runtime has made. */
  readonly foreign?: ForeignExec | null;
}

/** How one ended: with a code, or because it could not be started. */
export type ExecOutcome = Exclude<ExecStatus, { readonly state: 'running' }>;

/** The engine's ends; whoever started the exec owns them. */
export interface ExecDescriptors {
  readonly terminal: Fd | null;
  readonly stdin: Fd | null;
  readonly stdout: Fd | null;
  readonly stderr: Fd | null;
}

export interface StartedExec {
  readonly descriptors: ExecDescriptors;
  /** Resolves with its pid when the program was exec'ed; rejects with ShimError when it could not be. */
  readonly started: Promise<number>;
  /** Resolves, never rejects. */
  readonly ended: Promise<ExecOutcome>;
}

/** One of an earlier engine. */
export type AdoptedExec = Pick<StartedExec, 'started' | 'ended'>;

/** And with input and terminals that change their size. */
export const firstVersionWithExecs = 2;
const sigKill = 9;
/** Of no exec. */
const noId = '0'.repeat(64);

export class ShimExecs {
  readonly #conversation: Conversation;
  readonly #known = new Map<string, Tracked>();

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
    conversation.watchExecs((status) => {
      this.#note(status);
    });
    // A shim that is gone has taken its execs along.
    void conversation.ended.then(() => {
      for (const [id, tracked] of this.#known) tracked.settle(lost(id));
    });
  }

  /** What the shim told of execs that an engine before this one has started. */
  get adopted(): ReadonlyMap<string, Promise<ExecOutcome>> {
    return new Map([...this.#known].map(([id, tracked]) => [id, tracked.ended]));
  }

  /** False for a shim of an older engine, which runs no further programs. */
  get areServed(): boolean {
    return (this.#conversation.version ?? 0) >= firstVersionWithExecs;
  }

  /** All that an earlier engine has started and not forgotten: the shim tells of them before it answers anything. */
  async known(): Promise<ReadonlyMap<string, AdoptedExec>> {
    if (this.areServed) await this.forget(noId);
    return this.#known;
  }

  /** Throws EOPNOTSUPP for a shim of an older engine, ESRCH for a container that has ended. */
  async start({ id, process, attached, foreign = null }: ExecRequest): Promise<StartedExec> {
    this.#conversation.requireVersion(firstVersionWithExecs, {
      call: 'clone',
      purpose: 'start a program',
    });
    const tracked = new Tracked();
    this.#known.set(id, tracked);
    const streams = openStreams(process.terminal !== null, attached);
    const size = process.terminal ?? { rows: 0, columns: 0 };
    let specification: Fd | null = null;
    try {
      specification = createMemfd('tscompose-exec', encodeExec(process, foreign));
      await this.#conversation.request(
        {
          ...{ call: 'clone', purpose: 'start a program', isRepeatable: true },
          fds: [specification, ...streams.given],
        },
        (request) => encodeExecStart({ request, id, streams: streams.present, size }),
      );
    } catch (error) {
      this.#known.delete(id);
      closeAll(Object.values(streams.descriptors));
      throw error;
    } finally {
      closeAll([...streams.given, specification]);
    }
    return { descriptors: streams.descriptors, started: tracked.started, ended: tracked.ended };
  }

  /** One that has ended is ESRCH. */
  async signal(id: string, signal: number): Promise<void> {
    await this.#conversation.request(
      {
        ...{ call: 'kill', purpose: `send signal ${signal} to a program` },
        isRepeatable: signal === sigKill,
      },
      (request) => encodeExecSignal({ request, id, signal }),
    );
  }

  /** One without a terminal, or that has ended, is ESRCH. */
  async resize(id: string, size: TerminalSize): Promise<void> {
    await this.#conversation.request(
      { call: 'ioctl', purpose: 'resize the terminal of a program', isRepeatable: true },
      (request) => encodeResize({ request, id, size }),
    );
  }

  /** Its end is known, and the shim need not keep it. */
  async forget(id: string): Promise<void> {
    this.#known.delete(id);
    try {
      const what = { call: 'free', purpose: 'forget a program', isRepeatable: true };
      await this.#conversation.request(what, (request) => encodeExecForget(request, id));
    } catch (error) {
      if (!isShimFailure(error)) throw error;
    }
    // A shim that greets again tells of it once more.
    this.#known.delete(id);
  }

  #note(status: ExecStatus): void {
    let tracked = this.#known.get(status.id);
    if (tracked === undefined) {
      tracked = new Tracked();
      this.#known.set(status.id, tracked);
    }
    if (status.state === 'running') tracked.noteStart(status.pid);
    else tracked.settle(status);
  }
}

class Tracked {
  readonly started: Promise<number>;
  readonly ended: Promise<ExecOutcome>;
  #start: (pid: number) => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;
  #end: (outcome: ExecOutcome) => void = () => undefined;

  constructor() {
    this.started = new Promise((resolve, reject) => {
      this.#start = resolve;
      this.#fail = reject;
    });
    // Whoever started it may not wait for that.
    this.started.catch(() => undefined);
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  noteStart(pid: number): void {
    this.#start(pid);
  }

  settle(outcome: ExecOutcome): void {
    if (outcome.state === 'failed') this.#fail(new ShimError(outcome.failure));
    else this.#start(outcome.pid);
    this.#end(outcome);
  }
}

/** The container's end is SIGKILL for all that runs in it (pid_namespaces(7)). */
function lost(id: string): ExecOutcome {
  return {
    ...{ id, pid: 0, state: 'ended', code: 137, signal: 9 },
    finishedAtNs: BigInt(Date.now()) * 1_000_000n,
  } as const;
}

interface OpenStreams {
  readonly present: {
    readonly hasTerminal: boolean;
    readonly hasStdin: boolean;
    readonly hasStdout: boolean;
    readonly hasStderr: boolean;
  };
  /** For the shim, in the order of native/PROTOCOL.md. */
  readonly given: readonly Fd[];
  readonly descriptors: ExecDescriptors;
}

function openStreams(hasTerminal: boolean, attached: ExecRequest['attached']): OpenStreams {
  const given: Fd[] = [];
  const nothing = { terminal: null, stdin: null, stdout: null, stderr: null };
  if (hasTerminal) {
    const [ours, theirs] = socketPair();
    const present = { hasTerminal, hasStdin: false, hasStdout: false, hasStderr: false };
    return { present, given: [theirs], descriptors: { ...nothing, terminal: ours } };
  }
  const openOutput = (isAttached: boolean): Fd | null => {
    if (!isAttached) return null;
    const [reader, writer] = createPipe();
    // The shim keeps a reader too: a program whose engine is gone must not get SIGPIPE.
    const ours = duplicateFd(reader);
    given.push(writer, reader);
    return ours;
  };
  let stdin: Fd | null = null;
  if (attached.stdin) {
    const [reader, writer] = createPipe();
    given.push(reader);
    stdin = writer;
  }
  const stdout = openOutput(attached.stdout);
  const stderr = openOutput(attached.stderr);
  const present = {
    ...{ hasTerminal, hasStdin: attached.stdin },
    ...{ hasStdout: attached.stdout, hasStderr: attached.stderr },
  };
  return { present, given, descriptors: { ...nothing, stdin, stdout, stderr } };
}

function closeAll(fds: readonly (Fd | null)[]): void {
  for (const fd of fds) if (fd !== null) closeFd(fd);
}
