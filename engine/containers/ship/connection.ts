/** A way to a log server. What was sent is known to have arrived only where the protocol says so. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import type { Socket } from 'node:net';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import {
  closeFd,
  connectUnixDatagram,
  isSyscallError,
  sendWithFds,
} from '../../../native/index.ts';

export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly tls: TlsOptions }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'unixgram'; readonly path: string }
  /** The host's own syslog, wherever it listens. */
  | { readonly kind: 'local' };

export interface TlsOptions {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly isUnverified: boolean;
}

export interface Connection {
  /** Resolves when the kernel has taken all of it. Rejects when the connection is broken. */
  send(messages: readonly Buffer[]): Promise<void>;
  /** Resolves when the server has answered with `text`. */
  answered(text: string): Promise<void>;
  /** Fires when it is broken, with the reason. */
  readonly broken: AbortSignal;
  /** Says that nothing more comes, and waits a moment for the server to have read everything. */
  finish(): Promise<void>;
  close(): void;
}

const connectMs = 5000;
const finishMs = 2000;

export async function connectTo(address: Address, signal: AbortSignal): Promise<Connection> {
  switch (address.kind) {
    case 'udp':
      return await openUdp(address, signal);
    case 'unixgram':
      return openUnixDatagram(address.path);
    case 'local':
      return await openLocal(signal);
    case 'tcp':
    case 'tls':
    case 'unix':
      return await openStream(address, signal);
  }
}

type StreamAddress = Extract<Address, { kind: 'tcp' } | { kind: 'tls' } | { kind: 'unix' }>;

async function openStream(address: StreamAddress, signal: AbortSignal): Promise<Connection> {
  const socket = await startStream(address);
  const timeout = AbortSignal.timeout(connectMs);
  try {
    const ready = address.kind === 'tls' ? 'secureConnect' : 'connect';
    await once(socket, ready, { signal: AbortSignal.any([signal, timeout]) });
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw timeout.aborted ? new Error('no answer within five seconds') : error;
  }
  return new StreamConnection(socket);
}

async function startStream(address: StreamAddress): Promise<Socket> {
  if (address.kind === 'unix') return connectPlain({ path: address.path });
  const { host, port } = address;
  if (address.kind === 'tcp') return connectPlain({ host, port });
  const { caFile, certFile, keyFile, isUnverified } = address.tls;
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(readIfNamed));
  return connectTls({
    ...{ host, port, rejectUnauthorized: !isUnverified },
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}

async function readIfNamed(file: string | null): Promise<Buffer | undefined> {
  return file === null ? undefined : await readFile(file);
}

/** What a server that was not asked says is dropped; an answer is short. */
const keptAnswerBytes = 4096;

class StreamConnection implements Connection {
  readonly #socket: Socket;
  readonly #broken = new AbortController();
  #answer = '';
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setKeepAlive(true, 30_000);
    socket.on('error', (error) => {
      this.#broken.abort(error);
    });
    socket.on('close', () => {
      this.#broken.abort(new Error('the server closed the connection'));
      this.#wake();
    });
    socket.on('data', (bytes: Buffer) => {
      this.#answer = `${this.#answer}${bytes.toString('latin1')}`.slice(-keptAnswerBytes);
      this.#wake();
    });
  }

  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    this.broken.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(Buffer.concat(messages), (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  async answered(text: string): Promise<void> {
    for (;;) {
      const at = this.#answer.indexOf(text);
      if (at >= 0) {
        this.#answer = this.#answer.slice(at + text.length);
        return;
      }
      this.broken.throwIfAborted();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** A server that has read to the end closes its side as well. */
  async finish(): Promise<void> {
    if (this.broken.aborted) return;
    const closed = once(this.#socket, 'close');
    this.#socket.end();
    await Promise.race([closed, delay(finishMs, undefined, { ref: false })]);
    this.close();
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function openUdp(
  { host, port }: Extract<Address, { kind: 'udp' }>,
  signal: AbortSignal,
): Promise<Connection> {
  const isV6 = host.includes(':');
  const socket = createSocket(isV6 ? 'udp6' : 'udp4');
  const broken = new AbortController();
  const connected = once(socket, 'connect', { signal });
  try {
    socket.connect(port, host);
    await connected;
  } catch (error) {
    socket.close();
    throw error;
  }
  // Nobody listens, says the other host: the one thing that is ever heard back (udp(7)).
  socket.on('error', (error) => {
    broken.abort(error);
  });
  return datagrams({
    broken: broken.signal,
    sendOne: (message) =>
      new Promise((resolve, reject) => {
        socket.send(message, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      }),
    close: () => {
      socket.removeAllListeners('error');
      socket.on('error', () => undefined);
      if (!broken.signal.aborted) broken.abort(new Error('closed'));
      socket.close();
    },
  });
}

const fullQueueMs = 2;

function openUnixDatagram(path: string): Connection {
  const socket = connectUnixDatagram(path);
  const broken = new AbortController();
  return datagrams({
    broken: broken.signal,
    sendOne: async (message) => {
      // Unlike with UDP nothing is dropped: a receiver that is behind makes the sender wait (unix(7)).
      while (sendOrBreak(socket, message, broken) === 0) await delay(fullQueueMs);
    },
    close: () => {
      if (!broken.signal.aborted) broken.abort(new Error('closed'));
      closeFd(socket);
    },
  });
}

function sendOrBreak(
  socket: ReturnType<typeof connectUnixDatagram>,
  message: Buffer,
  broken: AbortController,
): number {
  broken.signal.throwIfAborted();
  try {
    return sendWithFds(socket, message);
  } catch (error) {
    broken.abort(error);
    throw error;
  }
}

const localPaths = ['/dev/log', '/var/run/syslog', '/var/run/log'];

async function openLocal(signal: AbortSignal): Promise<Connection> {
  for (const path of localPaths) {
    try {
      return openUnixDatagram(path);
    } catch (error) {
      // EPROTOTYPE: it is a stream socket (connect(2)).
      if (!isSyscallError(error, 'ENOENT', 'EPROTOTYPE', 'ECONNREFUSED')) throw error;
      if (error.errno === 'EPROTOTYPE') return await openStream({ kind: 'unix', path }, signal);
    }
  }
  throw new Error('no syslog server listens on this host');
}

function datagrams(socket: {
  readonly broken: AbortSignal;
  readonly sendOne: (message: Buffer) => Promise<void>;
  readonly close: () => void;
}): Connection {
  const { broken, sendOne, close } = socket;
  return {
    broken,
    close,
    send: async (messages) => {
      broken.throwIfAborted();
      for (const message of messages) await sendOne(message);
    },
    answered: () => Promise.reject(new TypeError('nothing answers a datagram')),
    // As long as an ICMP answer of this host takes.
    finish: async () => {
      await delay(20);
      if (!broken.aborted) close();
    },
  };
}
