/** Clients of copies that are slow or gone. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { encodeTarHeader } from '../../../engine/lib/index.ts';
import { FilesFixture } from '../../conformance/files-fixture.ts';
import { eventually } from '../../lib/eventually.ts';
import { missing } from '../../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

describe.skipIf(absent.length > 0)(`copies (missing: ${absent.join() || 'nothing'})`, () => {
  let fixture: FilesFixture;

  beforeAll(async () => {
    fixture = await FilesFixture.open();
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    fixture.reset();
  });

  /** The beginning of an archive with one file, and then nothing until `gone`. */
  async function* half(name: string, gone: AbortSignal): AsyncGenerator<Uint8Array> {
    const owner = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n };
    yield encodeTarHeader({ ...owner, name, type: 'file', sizeBytes: 1 << 20 });
    yield Buffer.alloc(1000, 1);
    await new Promise((resolve) => {
      gone.addEventListener('abort', resolve, { once: true });
    });
  }

  test.each(['created', 'running'] as const)(
    'a client that leaves in the middle of a file must leave nothing of it when %s',
    async (condition) => {
      await using container = await fixture.made(condition);
      const { id } = container;
      const { archives } = fixture.engine.client;
      const leave = new AbortController();
      const done = archives.write(id, '/', {
        archive: half('half', leave.signal),
        signal: leave.signal,
      });
      await eventually(async () => {
        expect((await archives.stat(id, '/half')).name).toBe('half');
      });
      leave.abort();
      await expect(done).rejects.toThrow();
      await eventually(async () => {
        expect((await fixture.docker.run('cp', `${id}:/half`, '-')).code).toBe(1);
      });
    },
  );

  test('a start must wait for a copy, and no longer than its patience', async () => {
    await using container = await fixture.made('created');
    const { id } = container;
    const { archives } = fixture.engine.client;
    const stay = new AbortController();
    const slow = archives.write(id, '/', { archive: half('slow', stay.signal) });
    const refused = expect(slow).rejects.toThrow();
    await eventually(async () => {
      expect((await archives.stat(id, '/slow')).name).toBe('slow');
    });
    const begun = performance.now();
    await fixture.docker.ok('start', id);
    expect(performance.now() - begun).toBeGreaterThan(9_000);
    stay.abort();
    await refused;
    expect((await fixture.docker.run('cp', `${id}:/slow`, '-')).code).toBe(1);
  });

  test('an engine that is killed in the middle of a copy must leave nothing mounted', async () => {
    await using container = await fixture.made('created');
    const { id } = container;
    const { archives } = fixture.engine.client;
    const leave = new AbortController();
    const cut = archives.write(id, '/', { archive: half('cut', leave.signal) });
    const refused = expect(cut).rejects.toThrow();
    await eventually(async () => {
      expect((await archives.stat(id, '/cut')).name).toBe('cut');
    });
    await fixture.engine.kill();
    leave.abort();
    await refused;
    await fixture.engine.start();
    await fixture.docker.ok('start', id);
    expect(await fixture.docker.ok('inspect', '-f', '{{.State.Status}}', id)).toBe('running');
  });
});
