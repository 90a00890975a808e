import { mkdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  closeFd,
  isSyscallError,
  listenUnix,
  onExit,
  resolverPath as builtResolverPath,
  spawnProcess,
  type Fd,
} from '../../native/index.ts';
import { ConnectionLostError, ResolverConnection } from './connection.ts';
import type { NameEntry, Relay, ResolverState, SandboxNames } from './model.ts';
import {
  command,
  PayloadReader,
  PayloadWriter,
  protocolVersion,
  type Answer,
  type Command,
} from './protocol.ts';
import { parseUpstream, type Upstream } from './upstream.ts';
import { endUnreachable } from './unreachable.ts';

export interface ResolverOptions {
  /** Directory of this engine below /run; the control socket goes into a directory of mode 0700 in it. */
  readonly runRoot: string;
  /** Of its socket; default "control". One program serves names and, as another process, published ports. */
  readonly name?: string;
  /** The static program; default: the one that was built. */
  readonly resolverPath?: string;
  /** Whom it runs as; default nobody. Only root can choose. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The process has gone although nobody stopped it. The next command starts another one, which knows nothing. */
  readonly onLost?: () => void;
}

function controlPath({ runRoot, name = 'control' }: ResolverOptions): string {
  return join(runRoot, 'resolver', `${name}.sock`);
}

const nobody = 65534;
const maxUpstreams = 8;

/** The process that answers DNS for the sandboxes of one engine: started when none runs, adopted when one does. */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #path: string;
  #connection: ResolverConnection;
  #pid: number;
  #child: Child | undefined;
  #starting: Promise<void> | undefined;

  private constructor(options: ResolverOptions, path: string, link: Link) {
    this.#options = options;
    this.#path = path;
    this.#connection = link.connection;
    this.#pid = link.pid;
    this.#child = link.child;
  }

  static async start(options: ResolverOptions): Promise<Resolver> {
    const path = controlPath(options);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return new Resolver(options, path, await connectOrStart(path, options));
  }

  /** One that runs already; null when none of this version does, and then nothing is left of another. */
  static async adopt(options: ResolverOptions): Promise<Resolver | null> {
    const path = controlPath(options);
    const running = await connect(path, options);
    if (running?.version === protocolVersion) return new Resolver(options, path, running);
    if (running !== null) await end(running.connection);
    else endUnreachable(path);
    await removeSocket(path);
    return null;
  }

  get pid(): number {
    return this.#pid;
  }

  /** Replaces what is known of a sandbox with this id. The sockets stay the caller's, who closes his copies. */
  async addSandbox(sandbox: SandboxNames): Promise<void> {
    const { udp, tcp } = sandbox.sockets;
    await this.#run(command.setSandbox, encodeSandbox(sandbox, 1), [udp, tcp]);
  }

  /** Changes the networks or upstreams of a sandbox that is known; its sockets go on serving. */
  async updateSandbox(sandbox: Omit<SandboxNames, 'sockets'>): Promise<void> {
    await this.#run(command.setSandbox, encodeSandbox(sandbox, 0));
  }

  /** One that is not known is no error. */
  async removeSandbox(id: string): Promise<void> {
    await this.#run(command.removeSandbox, new PayloadWriter().text(id).finish());
  }

  /** All names of a network: what is not among `entries` is not known any more. */
  async setNames(networkId: string, entries: readonly NameEntry[]): Promise<void> {
    await this.#run(command.setNames, encodeNames(networkId, entries));
  }

  /** One that is not known is no error. */
  async removeNetwork(id: string): Promise<void> {
    await this.#run(command.removeNetwork, new PayloadWriter().text(id).finish());
  }

  /**
   * Leads what arrives at the socket to the target. The socket is bound, and listens for tcp; it stays the caller's, who
   * closes his copy. Without one the relay must be known and its target changes; false: it is not.
   */
  async setRelay({ id, protocol, target }: Relay, socket?: Fd): Promise<boolean> {
    const payload = new PayloadWriter().u8(socket === undefined ? 0 : 1).text(id);
    payload.u8(protocol === 'tcp' ? 6 : 17);
    payload.address(target.address).u16(target.port).u32(0);
    const fds = socket === undefined ? [] : [socket];
    const answer = await this.#send(command.setRelay, payload.finish(), fds);
    if (!answer.isDone && new PayloadReader(answer.payload).text() === 'no-sockets') return false;
    payloadOf(answer);
    return true;
  }

  /** One that is not known is no error. */
  async removeRelay(id: string): Promise<void> {
    await this.#run(command.removeRelay, new PayloadWriter().text(id).finish());
  }

  /** Everything it serves, also what another engine has told it. */
  async list(): Promise<ResolverState> {
    const reader = new PayloadReader(await this.#run(command.list, new Uint8Array()));
    return { sandboxIds: reader.texts(), networkIds: reader.texts(), relayIds: reader.texts() };
  }

  /** Ends the process; its sandboxes have no name resolution any more. */
  async stop(): Promise<void> {
    const connection = this.#connection.isClosed
      ? (await connect(this.#path, {}))?.connection
      : this.#connection;
    if (connection !== undefined) await end(connection);
    await removeSocket(this.#path);
  }

  /** Lets go of the process, which goes on as long as it serves a sandbox; for an engine that ends. */
  close(): void {
    this.#connection.close();
    this.#child?.forget();
  }

  async #run(type: Command, payload: Uint8Array, fds: ResolverFds = []): Promise<Buffer> {
    return payloadOf(await this.#send(type, payload, fds));
  }

  /** Commands are idempotent: one that a resolver did not live to answer is told to the next. */
  async #send(type: Command, payload: Uint8Array, fds: ResolverFds = []): Promise<Answer> {
    await this.#ensure();
    try {
      return await this.#connection.send(type, payload, fds);
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error;
      await this.#ensure();
      return await this.#connection.send(type, payload, fds);
    }
  }

  async #ensure(): Promise<void> {
    if (!this.#connection.isClosed) return;
    this.#starting ??= connectOrStart(this.#path, this.#options)
      .then(({ connection, pid, child }) => {
        this.#connection = connection;
        this.#pid = pid;
        this.#child = child;
      })
      .finally(() => {
        this.#starting = undefined;
      });
    await this.#starting;
  }
}

type ResolverFds = NonNullable<Parameters<ResolverConnection['send']>[2]>;

interface Link {
  readonly connection: ResolverConnection;
  readonly pid: number;
  /** Reaps the process when it is a child of this engine. */
  readonly child?: Child | undefined;
}

interface Child {
  forget(): void;
}

/** A resolver of another version is replaced: its sandboxes are missing from `list` then and get added anew. */
async function connectOrStart(path: string, options: ResolverOptions): Promise<Link> {
  const running = await connect(path, options);
  if (running !== null && running.version === protocolVersion) return running;
  if (running !== null) await end(running.connection);
  else endUnreachable(path);
  const child = await startProcess(path, options);
  const started = await connect(path, options);
  if (started === null) throw new Error(`the resolver does not answer at "${path}"`);
  return { ...started, child };
}

/** null when nobody answers at this path, or the process there was just about to end. */
async function connect(
  path: string,
  { onLost }: Pick<ResolverOptions, 'onLost'>,
): Promise<(Link & { version: number }) | null> {
  try {
    const connection = new ResolverConnection(path);
    const answer = await connection.send(command.hello, new Uint8Array());
    connection.onLost = onLost;
    return { connection, version: answer.version, pid: new PayloadReader(answer.payload).u32() };
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ECONNREFUSED', 'EPIPE', 'ECONNRESET')) return null;
    if (error instanceof ConnectionLostError) return null;
    throw error;
  }
}

/** Its end is expected: nobody is told that it was lost. */
async function end(connection: ResolverConnection): Promise<void> {
  connection.onLost = undefined;
  await connection.send(command.stop, new Uint8Array());
  connection.close();
}

/** The socket listens before the process runs, so nobody has to wait for it. */
async function startProcess(path: string, options: ResolverOptions): Promise<Child> {
  const { resolverPath = builtResolverPath(), user = { uid: nobody, gid: nobody } } = options;
  await removeSocket(path);
  const listener = listenUnix(path);
  try {
    const { pidfd } = spawnProcess({
      file: resolverPath,
      args: ['tscompose-resolver', String(user.uid), String(user.gid)],
      env: [],
      fds: [null, null, null, listener],
    });
    return reapAtEnd(pidfd);
  } finally {
    closeFd(listener);
  }
}

function reapAtEnd(pidfd: Fd): Child {
  let isOpen = true;
  const forget = (): void => {
    if (!isOpen) return;
    isOpen = false;
    watch.close();
    closeFd(pidfd);
  };
  const watch = onExit(pidfd, forget);
  return { forget };
}

async function removeSocket(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

function payloadOf(answer: Answer): Buffer {
  if (answer.isDone) return answer.payload;
  throw new Error(`the resolver refused a command: ${new PayloadReader(answer.payload).text()}`);
}

function encodeSandbox(sandbox: Omit<SandboxNames, 'sockets'>, flags: number): Buffer {
  const upstreams = sandbox.upstreams
    .map(parseUpstream)
    .filter((upstream): upstream is Upstream => upstream !== null)
    .slice(0, maxUpstreams);
  const payload = new PayloadWriter().u8(flags).text(sandbox.id).u8(sandbox.networkIds.length);
  for (const id of sandbox.networkIds) payload.text(id);
  payload.u8(upstreams.length);
  for (const { address, port, scope } of upstreams) payload.address(address).u16(port).u32(scope);
  return payload.finish();
}

/** Entries of one name become one, so that all of its addresses take turns. */
function encodeNames(networkId: string, entries: readonly NameEntry[]): Buffer {
  const names = new Map<string, Set<string>>();
  for (const entry of entries) {
    const name = entry.name.toLowerCase();
    const addresses = names.get(name) ?? new Set<string>();
    entry.addresses.forEach((address) => addresses.add(address));
    names.set(name, addresses);
  }
  const payload = new PayloadWriter().text(networkId).u16(names.size);
  for (const [name, addresses] of names) {
    payload.text(name).u8(addresses.size);
    for (const address of addresses) payload.address(address);
  }
  return payload.finish();
}
