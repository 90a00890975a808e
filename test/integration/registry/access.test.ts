/** Who is shown credentials, and how registries with TLS, passwords, tokens and proxies are reached. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { parseReference } from '../../../engine/api/index.ts';
import { mediaTypes } from '../../../engine/registry/index.ts';
import { fakeRegistry, type Handler, impatientClient, sendJson } from './fake-registry.ts';

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { mediaType: 'text/x', digest: `sha256:${'a'.repeat(64)}`, size: 1 },
  layers: [],
});
const good: Handler = (_, response) => {
  sendJson(response, manifest, { 'Content-Type': mediaTypes.ociManifest });
};
const credentials = () =>
  Promise.resolve({ kind: 'password', username: 'me', password: 'secret' } as const);
const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;

describe('credentials', () => {
  test('must not follow a redirect to another host (CVE-2018-1000007 and its kin)', async () => {
    await using storage = await fakeRegistry(good);
    await using registry = await fakeRegistry((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="r"' }).end();
      } else response.writeHead(307, { Location: `http://${storage.domain}/b` }).end();
    });
    using client = impatientClient({ credentials });
    await client.manifest(parseReference(`${registry.domain}/a:1`));
    expect(registry.requests.map(({ authorization }) => authorization)).toEqual([undefined, basic]);
    expect(storage.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test('must not be shown to a storage service that asks for them (CVE-2020-15157)', async () => {
    await using storage = await fakeRegistry((_, response) => {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="give"' }).end();
    });
    await using registry = await fakeRegistry((_, response) => {
      response.writeHead(307, { Location: `http://${storage.domain}/b` }).end();
    });
    using client = impatientClient({ credentials });
    await expect(client.manifest(parseReference(`${registry.domain}/a:1`))).rejects.toMatchObject({
      code: 'denied',
    });
    expect(storage.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test('must not be sent before they are asked for', async () => {
    await using registry = await fakeRegistry(good);
    using client = impatientClient({ credentials });
    await client.manifest(parseReference(`${registry.domain}/a:1`));
    expect(registry.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test('must be exchanged for one token, however many ask at once', async () => {
    const tokens: string[] = [];
    await using registry = await fakeRegistry((request, response) => {
      const url = request.url ?? '';
      if (url.startsWith('/token')) {
        tokens.push(url);
        sendJson(response, { access_token: 'T', expires_in: 300 });
      } else if (request.headers.authorization === 'Bearer T') good(request, response);
      else {
        const realm = `http://${request.headers.host ?? ''}/token`;
        const challenge = `Bearer realm="${realm}",service="s",scope="repository:a:pull"`;
        response.writeHead(401, { 'WWW-Authenticate': challenge }).end();
      }
    });
    using client = impatientClient({ credentials });
    const read = (): Promise<unknown> => client.manifest(parseReference(`${registry.domain}/a:1`));
    await Promise.all([read(), read(), read()]);
    await read();
    expect(tokens).toEqual(['/token?service=s&scope=repository%3Aa%3Apull&account=me']);
    const shown = registry.requests.filter(({ line }) => line.includes('/token'));
    expect(shown.map(({ authorization }) => authorization)).toEqual([basic]);
  });

  test('that are an identity token must be posted, never put into an address', async () => {
    let body = '';
    await using registry = await fakeRegistry((request, response) => {
      if (request.method === 'POST') {
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          sendJson(response, { access_token: 'T' });
        });
      } else if (request.headers.authorization === 'Bearer T') good(request, response);
      else {
        const realm = `http://${request.headers.host ?? ''}/token`;
        response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${realm}"` }).end();
      }
    });
    using client = impatientClient({
      credentials: () => Promise.resolve({ kind: 'identity-token', token: 'id&secret' }),
    });
    await client.manifest(parseReference(`${registry.domain}/a:1`));
    expect(new URLSearchParams(body).get('refresh_token')).toBe('id&secret');
    expect(registry.requests.some(({ line }) => line.includes('secret'))).toBe(false);
  });

  test('must be asked for again when a token has stopped working', async () => {
    let given = 0;
    await using registry = await fakeRegistry((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        given += 1;
        sendJson(response, { token: `T${given}` });
      } else if (request.headers.authorization === `Bearer T${given}` && given !== 1) {
        good(request, response);
      } else {
        if (given === 1 && request.headers.authorization === 'Bearer T1') given = 1;
        const realm = `http://${request.headers.host ?? ''}/token`;
        response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${realm}"` }).end();
      }
    });
    using client = impatientClient({ credentials });
    const read = (): Promise<unknown> => client.manifest(parseReference(`${registry.domain}/a:1`));
    await expect(read()).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(read()).resolves.toBeDefined();
  });
});

describe('a proxy', () => {
  test('must be asked to connect for https, with its password, and be named when it refuses', async () => {
    const asked: (string | undefined)[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket) => {
      asked.push(request.url, request.headers['proxy-authorization']);
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    using client = impatientClient({ env: { HTTPS_PROXY: `http://u:p%40@127.0.0.1:${port}` } });
    const reading = client.manifest(parseReference('registry.example/a:1'));
    await expect(reading).rejects.toThrow(
      `the proxy 127.0.0.1:${port} refuses to connect to registry.example (status 407)`,
    );
    expect(asked.slice(0, 2)).toEqual([
      'registry.example:443',
      `Basic ${Buffer.from('u:p@').toString('base64')}`,
    ]);
    proxy.close();
  });

  test('must be used for plain addresses as well', async () => {
    await using registry = await fakeRegistry(good);
    const [, port = ''] = registry.domain.split(':');
    const targets: (string | undefined)[] = [];
    // The name exists nowhere: only the proxy knows where it leads.
    const proxy = createServer((request, response) => {
      targets.push(request.url);
      const upstream = connect(Number(port), '127.0.0.1');
      const path = new URL(request.url ?? '').pathname;
      upstream.end(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      if (response.socket !== null) upstream.pipe(response.socket);
    });
    proxy.on('connect', (_, socket) => socket.destroy());
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    using client = impatientClient({
      insecure: ['r.invalid:80'],
      env: { HTTP_PROXY: address, HTTPS_PROXY: address },
    });
    await client.manifest(parseReference('r.invalid:80/a:1'));
    expect(targets).toEqual(['http://r.invalid/v2/a/manifests/1']);
    proxy.close();
  });
});
