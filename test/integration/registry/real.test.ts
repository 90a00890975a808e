/** The registry that others run: Debian's docker-registry, plain, with passwords, and with TLS. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request as requestHttps } from 'node:https';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseReference } from '../../../engine/api/index.ts';
import {
  mediaTypes,
  RegistryClient,
  type RegistryClientOptions,
  resolveDigest,
} from '../../../engine/registry/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';

const run = promisify(execFile);
const without = missing('registry');
/** bcrypt of "secret", cost 4. */
const htpasswd = 'me:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW';
const digestOf = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface Real extends AsyncDisposable {
  readonly domain: string;
  readonly ca: string;
  readonly put: (path: string, body: Buffer, type: string) => Promise<void>;
}

interface Setup {
  readonly hasPassword: boolean;
  readonly hasTls: boolean;
}

async function realRegistry({ hasPassword, hasTls }: Setup): Promise<Real> {
  const directory = await tempDir();
  const at = (name: string): string => join(directory.path, name);
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  if (hasTls) {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', at('key')];
    await run('openssl', [
      'req',
      '-x509',
      '-nodes',
      '-days',
      '2',
      ...key,
      '-out',
      at('crt'),
      ...subject,
    ]);
  }
  await writeFile(at('htpasswd'), `${htpasswd}\n`);
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: at('data') } },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(hasTls && { tls: { certificate: at('crt'), key: at('key') } }),
    },
    ...(hasPassword && { auth: { htpasswd: { realm: 'r', path: at('htpasswd') } } }),
  };
  await writeFile(at('config.yml'), JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', at('config.yml')], { stdio: 'ignore' });
  const ended = once(child, 'close');
  await eventually(async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  });
  const domain = `localhost:${port}`;
  const ca = hasTls ? await readFile(at('crt'), 'utf8') : '';
  return {
    domain,
    ca,
    put: async (path, body, type) => {
      const send = hasTls ? requestHttps : requestHttp;
      const headers = {
        'Content-Type': type,
        ...(hasPassword && { Authorization: `Basic ${btoa('me:secret')}` }),
      };
      const ask = async (method: string, url: URL, content?: Buffer): Promise<[number, URL]> => {
        const request = send(url, { method, headers, ...(hasTls && { ca }) });
        request.end(content);
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        response.resume();
        return [response.statusCode ?? 0, new URL(response.headers.location ?? '/', url)];
      };
      const root = `${hasTls ? 'https' : 'http'}://${domain}/v2/`;
      if (path.includes('/manifests/')) {
        expect(await ask('PUT', new URL(path, root), body)).toMatchObject([201, expect.anything()]);
        return;
      }
      const [, upload] = await ask('POST', new URL(path, root));
      upload.searchParams.set('digest', digestOf(body));
      expect((await ask('PUT', upload, body))[0]).toBe(201);
    },
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(without.length > 0)(`docker-registry (${without.join(', ')})`, () => {
  const credentials = () =>
    Promise.resolve({ kind: 'password', username: 'me', password: 'secret' } as const);

  test.each<[string, Setup]>([
    ['plain', { hasPassword: false, hasTls: false }],
    ['with a password', { hasPassword: true, hasTls: false }],
    ['with TLS and a password', { hasPassword: true, hasTls: true }],
  ])('must be read from: %s', async (_, setup) => {
    await using registry = await realRegistry(setup);
    const content = Buffer.alloc(3_000_000, 'bytes of a layer ');
    const blob = {
      mediaType: 'application/x-layer',
      digest: digestOf(content),
      size: content.length,
    };
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: blob,
        layers: [blob],
      }),
    );
    await registry.put('org/app/blobs/uploads/', content, 'application/octet-stream');
    await registry.put('org/app/manifests/1', manifest, mediaTypes.ociManifest);
    const options: RegistryClientOptions = {
      ...(setup.hasPassword && { credentials }),
      // On loopback certificates are not insisted on; here they are, to see that authorities count.
      ...(setup.hasTls && { tls: () => ({ ca: [registry.ca], rejectUnauthorized: true }) }),
    };
    using client = new RegistryClient(options);
    const name = `${registry.domain}/org/app:1`;
    expect(await resolveDigest(name, { client })).toBe(digestOf(manifest));
    const read = await client.manifest(parseReference(name));
    expect(read).toMatchObject({ digest: digestOf(manifest), bytes: manifest });
    const reference = parseReference(`${registry.domain}/org/app`);
    const bytes = await client.readBlob(reference, blob, { limitBytes: 1e7 });
    expect(bytes.equals(content)).toBe(true);
    await expect(client.resolve(parseReference(`${name}x`))).rejects.toMatchObject({
      code: 'not-found',
    });
    if (setup.hasPassword) {
      using stranger = new RegistryClient({ ...options, credentials: () => Promise.resolve(null) });
      await expect(stranger.resolve(parseReference(name))).rejects.toMatchObject({
        code: 'unauthorized',
        hint: expect.stringContaining(`docker login ${registry.domain}`) as string,
      });
    }
    if (setup.hasTls) {
      using careful = new RegistryClient({
        credentials,
        tls: () => ({ rejectUnauthorized: true }),
      });
      await expect(careful.resolve(parseReference(name))).rejects.toThrow();
    }
  });
});
