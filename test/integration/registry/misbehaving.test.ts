/** What a registry, or what is on the way to it, may do to us: every failure is typed, timely, and says what to do. */
import { describe, expect, test } from 'vitest';
import { parseReference } from '../../../engine/api/index.ts';
import { RegistryError } from '../../../engine/registry/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { fakeRegistry, impatientClient, sendJson } from './fake-registry.ts';
import {
  blob,
  cases,
  content,
  getBlob,
  getManifest,
  manifest,
  manifestDigest,
  manifestHeaders,
} from './misbehaviours.ts';

describe('a registry that misbehaves', () => {
  test.each(cases)(
    'must be refused: $name',
    async ({ operation, handler, code, message, requests }) => {
      await using registry = await fakeRegistry(handler);
      using client = impatientClient();
      const start = performance.now();
      const thrown = await operation(client, registry.domain).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(RegistryError);
      expect(thrown).toMatchObject({ code });
      expect((thrown as Error).message).toMatch(message);
      expect((thrown as Error).message).not.toContain('\u001b');
      expect(performance.now() - start).toBeLessThan(3000);
      if (requests !== undefined) expect(registry.requests).toHaveLength(requests);
    },
  );

  test('for a while must be asked again', async () => {
    let failures = 0;
    await using registry = await fakeRegistry((request, response) => {
      failures += 1;
      if (failures === 1) response.writeHead(503).end();
      else if (failures === 2) request.socket.destroy();
      else sendJson(response, manifest, manifestHeaders);
    });
    using client = impatientClient();
    expect(await getManifest(client, registry.domain)).toMatchObject({ digest: manifestDigest });
  });

  test('by cutting a blob must be asked for the rest only', async () => {
    await using registry = await fakeRegistry((request, response) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const part = content.subarray(from, from + 40_000);
      const headers = {
        'Content-Range': `bytes ${from}-99999/100000`,
        'Content-Length': String(content.length - from),
      };
      response.writeHead(from === 0 ? 200 : 206, headers);
      response.write(part, () => {
        if (from + part.length < content.length) response.socket?.destroy();
        else response.end();
      });
    });
    using client = impatientClient();
    expect(content.equals((await getBlob(client, registry.domain)) as Buffer)).toBe(true);
    const ranges = registry.requests.map(({ range }) => range);
    expect(ranges).toHaveLength(3);
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
  });

  test('by ignoring ranges must be read from the start again', async () => {
    let count = 0;
    await using registry = await fakeRegistry((_, response) => {
      count += 1;
      response.writeHead(200, { 'Content-Length': String(content.length) });
      if (count === 1)
        response.write(content.subarray(0, 30_000), () => response.socket?.destroy());
      else response.end(content);
    });
    using client = impatientClient();
    expect(content.equals((await getBlob(client, registry.domain)) as Buffer)).toBe(true);
  });

  test('must be left at once when nobody wants the answer any more', async () => {
    await using registry = await fakeRegistry((_, response) => {
      response.writeHead(200).write('x');
    });
    using client = impatientClient({ timeouts: { headMs: 60_000, idleMs: 60_000 } });
    const controller = new AbortController();
    const reading = client.readBlob(parseReference(`${registry.domain}/a`), blob, {
      limitBytes: 1e6,
      signal: controller.signal,
    });
    reading.catch(() => undefined);
    await eventually(() => {
      expect(registry.requests).toHaveLength(1);
    });
    const reason = new Error('interrupted');
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });
});
