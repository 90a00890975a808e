import { connect as connectSocket, type Socket } from 'node:net';

import { EngineError } from '../api/index.ts';
import { formatAddress, type EngineAddress } from './address.ts';

/** Opens one connection; `signal` cancels only the opening. */
export type Transport = (signal: AbortSignal | undefined) => Promise<Socket>;

/** Throws EngineError `not-implemented` for an address that this client does not speak to. */
export function createTransport(address: EngineAddress): Transport {
  switch (address.kind) {
    case 'unix':
      return (signal) => open(address, () => connectSocket(address.path), signal);
    case 'tcp': {
      if (address.isTls) throw unserved(address, 'TLS connections');
      const { host, port } = address;
      if (!isLoopback(host)) {
        throw new EngineError(
          'not-implemented',
          `cannot use ${formatAddress(address)}: plain tcp:// is served on the loopback address only`,
          { hint: 'use ssh forwarding to a loopback port, or a unix:// socket' },
        );
      }
      return (signal) =>
        open(
          address,
          () => connectSocket({ host: unbracketed(host), port, noDelay: true }),
          signal,
        );
    }
    case 'ssh':
      throw unserved(address, 'ssh:// connections');
  }
}

function open(
  address: EngineAddress,
  connect: () => Socket,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect();
    const settle = (): void => {
      signal?.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      socket.removeListener('connect', onConnect);
    };
    const onConnect = (): void => {
      settle();
      resolve(socket);
    };
    const onError = (error: NodeJS.ErrnoException): void => {
      settle();
      reject(unreachable(address, error));
    };
    const onAbort = (): void => {
      settle();
      socket.destroy();
      reject(signal?.reason as Error);
    };
    socket.once('connect', onConnect);
    socket.once('error', onError);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'permission denied',
};

function unreachable(address: EngineAddress, error: NodeJS.ErrnoException): EngineError {
  const code = error.code ?? 'unknown';
  const message = `cannot connect to the engine at ${formatAddress(address)}: ${reasons[code] ?? error.message}`;
  return new EngineError('unavailable', message, { details: { errno: code }, cause: error });
}

function unserved(address: EngineAddress, what: string): EngineError {
  return new EngineError(
    'not-implemented',
    `cannot use ${formatAddress(address)}: ${what} are not served by this version`,
    { hint: 'use a unix:// socket, or forward one with `ssh -L`' },
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
