/** A connection to an https registry through an HTTP proxy (`CONNECT`, RFC 9110 §9.3.6). */
import { once } from 'node:events';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { RegistryError } from './errors.ts';
import {
  describe,
  proxyAuthorization,
  timeout,
  tlsOptions,
  type Timeouts,
  type TlsSettings,
} from './exchange.ts';

export interface TunnelRequest {
  readonly proxy: URL;
  readonly target: URL;
  readonly tls: TlsSettings;
  readonly timeouts: Timeouts;
  readonly signal?: AbortSignal | undefined;
}

export async function openTunnel(request: TunnelRequest): Promise<TLSSocket> {
  const { target, tls, timeouts, signal } = request;
  const raw = await connectProxy(request);
  const host = target.hostname.replace(/^\[|\]$/g, '');
  // An address is no server name (RFC 6066 §3), but the certificate must be for it all the same.
  const name = isIP(host) === 0 ? { servername: host } : { host };
  const socket = connect({ socket: raw, ...name, ...tlsOptions(tls) });
  const onAbort = (): void => {
    socket.destroy(signal?.reason as Error);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const deadline = setTimeout(() => {
    socket.destroy(timeout(target, 'no TLS handshake through the proxy'));
  }, timeouts.headMs);
  try {
    await once(socket, 'secureConnect');
    return socket;
  } catch (error) {
    signal?.throwIfAborted();
    throw describe(error, target);
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
  }
}

async function connectProxy({ proxy, target, timeouts, signal }: TunnelRequest): Promise<Duplex> {
  const authority = `${target.hostname}:${target.port === '' ? '443' : target.port}`;
  const send = proxy.protocol === 'https:' ? requestHttps : requestHttp;
  const request = send({
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : Number(proxy.port),
    method: 'CONNECT',
    path: authority,
    headers: { Host: authority, ...proxyAuthorization(proxy) },
    agent: false,
    ...(signal !== undefined && { signal }),
  });
  request.setTimeout(timeouts.headMs, () => {
    request.destroy(timeout(proxy, 'the proxy does not answer'));
  });
  try {
    return await new Promise<Duplex>((resolve, reject) => {
      request.on('error', reject);
      request.on('connect', (response, socket, head) => {
        // The registry speaks second in TLS, so bytes behind the head are not its.
        if (response.statusCode === 200 && head.length === 0) {
          resolve(socket);
          return;
        }
        socket.destroy();
        reject(refusal(proxy, target, response.statusCode));
      });
      request.end();
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw describe(error, proxy);
  }
}

function refusal(proxy: URL, target: URL, status = 0): RegistryError {
  const hint =
    status === 407
      ? 'put user and password of the proxy into HTTPS_PROXY'
      : `check HTTPS_PROXY, or list ${target.hostname} in NO_PROXY`;
  return new RegistryError(
    'unreachable',
    `the proxy ${proxy.host} refuses to connect to ${target.host} (status ${status})`,
    { status, hint },
  );
}
