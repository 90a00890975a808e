/**
 * One HTTP request and its answer, on node:http rather than fetch: what ships with Node as fetch takes neither a
 * certificate authority, nor a client certificate, nor a proxy per call, reads bodies without a bound on silence, and
 * follows redirects by itself, where each step here decides anew what it may send.
 */
import { type IncomingHttpHeaders, request as requestHttp, type ClientRequest } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { IncomingMessage, RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { RegistryError, shownUrl } from './errors.ts';

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface TlsSettings {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  /** False for a registry that is listed as insecure. */
  readonly rejectUnauthorized?: boolean;
}

export interface Timeouts {
  /** Until the head of the answer is there, connecting included. */
  readonly headMs: number;
  /** Silence on an open connection. */
  readonly idleMs: number;
}

export interface Channel {
  readonly tls: TlsSettings;
  readonly timeouts: Timeouts;
  /** Set where the request goes through the proxy's plain forwarding: the whole address is then the request target. */
  readonly forward?: URL | undefined;
  /** A connection through a proxy, already encrypted. */
  readonly tunnel?: Duplex | undefined;
  readonly agent?: RequestOptions['agent'];
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read to its end or discarded. */
  readonly body: IncomingMessage;
  readonly url: URL;
}

export async function exchange(call: Exchange, channel: Channel): Promise<Answer> {
  call.signal?.throwIfAborted();
  const request = open(call, channel);
  let response: IncomingMessage | undefined;
  const fail = (error: Error): void => {
    (response ?? request).destroy(error);
  };
  const deadline = setTimeout(() => {
    fail(timeout(call.url, `no answer within ${channel.timeouts.headMs / 1000} s`));
  }, channel.timeouts.headMs);
  const onAbort = (): void => {
    fail(call.signal?.reason as Error);
  };
  call.signal?.addEventListener('abort', onAbort, { once: true });
  request.setTimeout(channel.timeouts.idleMs, () => {
    fail(timeout(call.url, `nothing was received for ${channel.timeouts.idleMs / 1000} s`));
  });
  try {
    response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
      request.end(call.body);
    });
    // Until the body has ended, an abort ends it.
    response.once('close', () => call.signal?.removeEventListener('abort', onAbort));
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: response,
      url: call.url,
    };
  } catch (error) {
    call.signal?.removeEventListener('abort', onAbort);
    call.signal?.throwIfAborted();
    throw describe(error, call.url);
  } finally {
    clearTimeout(deadline);
  }
}

function open(call: Exchange, channel: Channel): ClientRequest {
  const { url, method } = call;
  const { tls, forward, tunnel, agent } = channel;
  const headers = {
    'User-Agent': 'tscompose',
    ...call.headers,
    ...(call.body !== undefined && { 'Content-Length': String(Buffer.byteLength(call.body)) }),
  };
  // A registry that sends kilobytes of headers is no registry.
  const shared = {
    method,
    headers,
    maxHeaderSize: 64 * 1024,
    ...(agent !== undefined && { agent }),
  };
  if (tunnel !== undefined) {
    return requestHttp(url.href.replace(/^https:/, 'http:'), {
      ...shared,
      headers: { ...headers, Host: url.host },
      createConnection: () => tunnel,
    });
  }
  if (forward !== undefined) {
    return (forward.protocol === 'https:' ? requestHttps : requestHttp)(forward, {
      ...shared,
      path: url.href,
      headers: { ...headers, Host: url.host, ...proxyAuthorization(forward) },
    });
  }
  if (url.protocol === 'http:') return requestHttp(url, shared);
  return requestHttps(url, { ...shared, ...tlsOptions(tls) });
}

export function tlsOptions(tls: TlsSettings): {
  ca?: string[];
  cert?: string;
  key?: string;
  rejectUnauthorized?: boolean;
} {
  const { ca, cert, key, rejectUnauthorized } = tls;
  return {
    ...(ca !== undefined && { ca: [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

export function timeout(url: URL, what: string): RegistryError {
  return new RegistryError('timeout', `${url.host}: ${what}`, {
    hint: 'check the connection to the registry, or try again later',
  });
}

const certificateCodes =
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/;

/** What the connection did, as an error of ours. */
export function describe(error: unknown, url: URL): unknown {
  if (!(error instanceof Error) || error instanceof RegistryError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const { host } = url;
  if (certificateCodes.test(code)) {
    return new RegistryError('tls', `the certificate of ${host} is not trusted: ${error.message}`, {
      cause: error,
      hint: `put the authority that signed it into /etc/docker/certs.d/${host}/ca.crt`,
    });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return new RegistryError('tls', `${host} does not speak TLS as expected`, {
      cause: error,
      hint: 'a registry without TLS must be on this machine or be listed as insecure',
    });
  }
  if (code.startsWith('HPE_')) {
    return new RegistryError('malformed', `${host} answers with something that is not HTTP`, {
      cause: error,
    });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new RegistryError('unreachable', `the name "${url.hostname}" does not resolve`, {
      cause: error,
      hint: 'check the spelling of the registry, and the connection to the network',
    });
  }
  return new RegistryError(
    'unreachable',
    `cannot reach ${shownUrl(new URL('/', url))}: ${reasonOf(code, error)}`,
    {
      cause: error,
    },
  );
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'the connection timed out',
};

function reasonOf(code: string, error: Error): string {
  return reasons[code] ?? (error.message === '' ? code : error.message);
}

/** The whole body, if it is no longer than `limitBytes`. */
export async function readBody(answer: Answer, limitBytes: number): Promise<Buffer> {
  const declared = Number(answer.headers['content-length'] ?? 0);
  if (declared > limitBytes) {
    answer.body.destroy();
    throw tooLarge(answer.url, limitBytes);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunksOf(answer)) {
    size += chunk.length;
    if (size > limitBytes) {
      answer.body.destroy();
      throw tooLarge(answer.url, limitBytes);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The body as it arrives. A connection that ends before what it announced is RegistryError `truncated`. */
export async function* chunksOf(answer: Answer, signal?: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer.body) yield chunk as Buffer;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof RegistryError) throw error;
    throw truncated(answer.url, error);
  }
  if (!answer.body.complete) throw truncated(answer.url);
}

export function truncated(url: URL, cause?: unknown): RegistryError {
  return new RegistryError('truncated', `${url.host} ended its answer in the middle`, { cause });
}

function tooLarge(url: URL, limitBytes: number): RegistryError {
  return new RegistryError(
    'too-large',
    `the answer of ${url.host} is larger than ${limitBytes} bytes`,
  );
}

/** Reads away what nobody wants, so that the connection can be used again; a long rest is cut off instead. */
export function discard({ body, headers }: Answer): void {
  if (Number(headers['content-length'] ?? Infinity) <= 64 * 1024) {
    body.on('error', () => undefined).resume();
  } else {
    body.on('error', () => undefined).destroy();
  }
}
