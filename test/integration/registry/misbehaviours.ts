/** Ways in which a registry, or what is on the way to it, goes wrong. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseReference } from '../../../engine/api/index.ts';
import { mediaTypes, type RegistryClient } from '../../../engine/registry/index.ts';
import { type Handler, sendJson } from './fake-registry.ts';

export const content: Buffer = Buffer.alloc(100_000, 'layer ');
const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
export const blob = { digest, size: content.length };
export const manifest: Buffer = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: 'text/x', ...blob },
    layers: [],
  }),
);
export const manifestDigest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
export const manifestHeaders = { 'Content-Type': mediaTypes.ociManifest };

type Operation = (client: RegistryClient, domain: string) => Promise<unknown>;

export const getManifest: Operation = (client, domain) =>
  client.manifest(parseReference(`${domain}/a:1`));
const getPinned: Operation = (client, domain) =>
  client.manifest(parseReference(`${domain}/a@${manifestDigest}`));
const head: Operation = (client, domain) => client.resolve(parseReference(`${domain}/a:1`));
export const getBlob: Operation = (client, domain) =>
  client.readBlob(parseReference(`${domain}/a`), blob, { limitBytes: 1e6 });

const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Handler =>
  (_, response) =>
    response.writeHead(code, headers).end(body);

const redirect = (to: string): Handler => status(307, { Location: to });

function host(request: IncomingMessage): string {
  return `http://${request.headers.host ?? ''}`;
}

/** A token server at /token that does as told, and a registry that always wants a token of it. */
const tokenServer =
  (token: Handler): Handler =>
  (request, response) => {
    if (request.url?.startsWith('/token') === true) token(request, response);
    else {
      status(401, { 'WWW-Authenticate': `Bearer realm="${host(request)}/token",service="s"` })(
        request,
        response,
      );
    }
  };

function cut(response: ServerResponse, headers: Record<string, string>, bytes: Buffer): void {
  response.writeHead(200, headers);
  response.write(bytes, () => response.socket?.destroy());
}

export interface Case {
  readonly name: string;
  readonly operation: Operation;
  readonly handler: Handler;
  readonly code: string;
  readonly message: RegExp;
  readonly requests?: number;
}

export const cases: readonly Case[] = [
  {
    name: '401 without saying what it wants',
    operation: getManifest,
    handler: status(401),
    code: 'unauthorized',
    message: /does not let us read manifest "1"/,
    requests: 1,
  },
  {
    name: '401 again with a fresh token',
    operation: getManifest,
    handler: tokenServer((_, response) => {
      sendJson(response, { token: 't' });
    }),
    code: 'unauthorized',
    message: /does not let us read/,
    requests: 3,
  },
  {
    name: 'a kind of authentication that nobody knows',
    operation: getManifest,
    handler: status(401, { 'WWW-Authenticate': 'Negotiate' }),
    code: 'unsupported',
    message: /authentication that is not known/,
  },
  ...[
    ['no address', '/token', /where to get a token/] as const,
    ['a file', 'file:///etc/passwd', /where to get a token/] as const,
    ['an address with a password', 'http://a:b@127.0.0.1/', /a password in it/] as const,
  ].map(([what, realm, message]) => ({
    name: `a token server that is ${what}`,
    operation: getManifest,
    handler: status(401, { 'WWW-Authenticate': `Bearer realm="${realm}"` }),
    code: 'malformed',
    message,
  })),
  {
    name: 'a token server that refuses',
    operation: getManifest,
    handler: tokenServer(status(401)),
    code: 'unauthorized',
    message: /nobody in without credentials/,
  },
  {
    name: 'a token server that breaks',
    operation: getManifest,
    handler: tokenServer(status(500)),
    code: 'server',
    message: /token server .* status 500/,
  },
  {
    name: 'a token answer that is no JSON',
    operation: getManifest,
    handler: tokenServer((_, response) => {
      sendJson(response, '<html>');
    }),
    code: 'malformed',
    message: /gives no token/,
  },
  {
    name: 'a token that would split a header',
    operation: getManifest,
    handler: tokenServer((_, response) => {
      sendJson(response, { token: 'a\r\nX: y' });
    }),
    code: 'malformed',
    message: /gives no token/,
  },
  {
    name: 'an endless token',
    operation: getManifest,
    handler: tokenServer((_, response) => {
      sendJson(response, { token: 'x'.repeat(300_000) });
    }),
    code: 'too-large',
    message: /larger than/,
  },
  {
    name: '403',
    operation: getManifest,
    handler: status(
      403,
      {},
      JSON.stringify({ errors: [{ message: 'requested access\u001b[2J denied' }] }),
    ),
    code: 'denied',
    message: /denies access to .*: requested access \[2J denied/,
    requests: 1,
  },
  {
    name: '404',
    operation: getManifest,
    handler: status(404),
    code: 'not-found',
    message: /has no manifest "1" of/,
    requests: 1,
  },
  {
    name: '429 for ever',
    operation: getManifest,
    handler: status(429, { 'Retry-After': '1', 'RateLimit-Limit': '100;w=21600' }),
    code: 'rate-limited',
    message: /refuses more requests for now \(100 requests in 6 hours\)/,
    requests: 3,
  },
  {
    name: '429 for an hour',
    operation: getManifest,
    handler: status(429, { 'Retry-After': '3600' }),
    code: 'rate-limited',
    message: /refuses more requests/,
    requests: 1,
  },
  {
    name: '500 for ever',
    operation: getManifest,
    handler: status(500),
    code: 'server',
    message: /status 500/,
    requests: 3,
  },
  {
    name: '200 where nothing was asked for',
    operation: getManifest,
    handler: status(204),
    code: 'malformed',
    message: /unexpected status 204/,
  },
  {
    name: 'no answer',
    operation: getManifest,
    handler: () => undefined,
    code: 'timeout',
    message: /no answer within|nothing was received/,
  },
  {
    name: 'a connection that is cut',
    operation: getManifest,
    handler: (request) => request.socket.destroy(),
    code: 'unreachable',
    message: /connection was cut|socket hang up/,
    requests: 3,
  },
  {
    name: 'something that is not HTTP',
    operation: getManifest,
    handler: (request) => request.socket.end('SSH-2.0-OpenSSH\r\n'),
    code: 'malformed',
    message: /not HTTP/,
  },
  {
    name: 'endless headers',
    operation: getManifest,
    handler: (request) => request.socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n`),
    code: 'malformed',
    message: /not HTTP/,
  },
  {
    name: 'a manifest that is cut',
    operation: getManifest,
    handler: (_, response) => {
      cut(response, { ...manifestHeaders, 'Content-Length': '5000' }, manifest);
    },
    code: 'truncated',
    message: /ended its answer in the middle/,
    requests: 3,
  },
  {
    name: 'a manifest in chunks that is cut',
    operation: getManifest,
    handler: (_, response) => {
      cut(response, manifestHeaders, manifest);
    },
    code: 'truncated',
    message: /ended its answer/,
  },
  {
    name: 'a manifest that says it is huge',
    operation: getManifest,
    handler: (_, response) => {
      response
        .writeHead(200, { ...manifestHeaders, 'Content-Length': '99999999999' })
        .flushHeaders();
    },
    code: 'too-large',
    message: /larger than 4194304 bytes/,
  },
  {
    name: 'a manifest that does not end',
    operation: getManifest,
    handler: (_, response) => {
      response.writeHead(200, manifestHeaders);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 32)));
        response.once('drain', more);
      };
      more();
    },
    code: 'too-large',
    message: /larger than/,
  },
  {
    name: 'a manifest that drips and stops',
    operation: getManifest,
    handler: (_, response) => {
      response.writeHead(200, manifestHeaders).write('{');
    },
    code: 'timeout',
    message: /nothing was received/,
  },
  {
    name: 'a manifest that is not JSON',
    operation: getManifest,
    handler: (_, response) => {
      sendJson(response, '{', manifestHeaders);
    },
    code: 'malformed',
    message: /not JSON/,
  },
  {
    name: 'a manifest of a wrong type',
    operation: getManifest,
    handler: (_, response) => {
      sendJson(response, '<html>', { 'Content-Type': 'text/html' });
    },
    code: 'malformed',
    message: /cannot be used/,
  },
  {
    name: 'a manifest with another digest than asked for',
    operation: getPinned,
    handler: (_, response) => {
      sendJson(response, `${manifest.toString()} `, manifestHeaders);
    },
    code: 'digest-mismatch',
    message: /other content than its digest says/,
  },
  {
    name: 'a manifest with another digest than its header',
    operation: getManifest,
    handler: (_, response) => {
      sendJson(response, manifest, { ...manifestHeaders, 'Docker-Content-Digest': digest });
    },
    code: 'digest-mismatch',
    message: /other content/,
  },
  {
    name: 'a digest header that is none',
    operation: head,
    handler: status(200, { 'Docker-Content-Digest': 'sha256:../../etc' }),
    code: 'malformed',
    message: /is no digest/,
  },
  {
    name: 'a redirect to nowhere',
    operation: getManifest,
    handler: status(302),
    code: 'redirect',
    message: /to nowhere/,
  },
  {
    name: 'a redirect to a file',
    operation: getManifest,
    handler: redirect('file:///etc/passwd'),
    code: 'redirect',
    message: /to file:/,
  },
  {
    name: 'a redirect to itself',
    operation: getManifest,
    handler: (request, response) => redirect(request.url ?? '')(request, response),
    code: 'redirect',
    message: /in a circle/,
    requests: 1,
  },
  {
    name: 'redirects without end',
    operation: getManifest,
    handler: (request, response) => redirect(`${request.url ?? ''}x`)(request, response),
    code: 'redirect',
    message: /more than 5 times/,
    requests: 6,
  },
  {
    name: 'a redirect with a password',
    operation: getManifest,
    handler: redirect('http://a:b@127.0.0.1/'),
    code: 'redirect',
    message: /with a password/,
  },
  {
    name: 'a blob with other bytes',
    operation: getBlob,
    handler: status(200, {}, 'x'.repeat(content.length)),
    code: 'digest-mismatch',
    message: /other content than its digest says/,
  },
  {
    name: 'a blob that is longer',
    operation: getBlob,
    handler: (_, response) => response.end(Buffer.concat([content, content])),
    code: 'too-large',
    message: /longer than/,
  },
  {
    name: 'a blob that is shorter, each time',
    operation: getBlob,
    handler: (request, response) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      response
        .writeHead(from === 0 ? 200 : 206, { 'Content-Range': `bytes ${from}-99999/100000` })
        .end(from === 0 ? content.subarray(0, 9) : '');
    },
    code: 'truncated',
    message: /shorter than/,
  },
  {
    name: 'another part of a blob than asked for',
    operation: getBlob,
    handler: (request, response) => {
      if (request.headers.range === undefined) response.end(content.subarray(0, 9));
      else response.writeHead(206, { 'Content-Range': 'bytes 5-99/100' }).end('x');
    },
    code: 'malformed',
    message: /another part than asked for/,
  },
  {
    name: 'a blob that stops',
    operation: getBlob,
    handler: (_, response) => {
      response.writeHead(200, { 'Content-Length': String(content.length) }).flushHeaders();
    },
    code: 'timeout',
    message: /nothing was received/,
  },
];
