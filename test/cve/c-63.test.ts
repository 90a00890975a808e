/** C-63, CVE-2025-9566: files that are given to a container, written through links that its image has in their place. */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { WrittenFile } from '../../engine/client/archives.ts';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { command } from '../lib/engine.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import { createQuick, outputOf, shell } from './containers.ts';
import { makeImage } from './image.ts';

const title = `C-63, CVE-2025-9566: what is given must stay inside (missing: ${absentForDocker.join() || 'nothing'})`;
const given = 'of the container, and of nobody else';

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    rmSync(canary(), { recursive: true, force: true });
    mkdirSync(canary());
    writeFileSync(join(canary(), 'token'), 'of the host');
  });

  function canary(): string {
    return join(dir.path, 'canary');
  }

  function expectNoDamage(): void {
    expect(readdirSync(canary())).toEqual(['token']);
    expect(readFileSync(join(canary(), 'token'), 'utf8')).toBe('of the host');
  }

  /** Of an image with a link at `place`, the file at `path`, and what a start of it prints. */
  async function start(
    { place, to, path }: { readonly place: string; readonly to: string; readonly path: string },
    more: Partial<WrittenFile> = {},
  ): Promise<{ readonly id: string; readonly output: string }> {
    const image = await makeImage(tools.docker, dir.path, (root) => {
      mkdirSync(join(root, dirname(place)), { recursive: true });
      symlinkSync(to, join(root, place));
    });
    const { client } = tools.engine;
    const script = `/bin/busybox cat ${path}; /bin/busybox stat -c ' %a %u:%g' ${path}`;
    const id = await createQuick(client, { Image: image, Cmd: shell(script) });
    const file = { path, content: given, uid: 0, gid: 0, mode: 0o444, keeping: 'memory', ...more };
    await client.archives.writeFiles(id, [file as WrittenFile]);
    const { exited } = await client.containers.watchExit(id, { condition: 'next-exit' });
    const started = client.containers.start(id).then(
      () => exited,
      (error: unknown) => {
        exited.catch(() => undefined);
        throw error;
      },
    );
    await started;
    return { id, output: await outputOf(client, id) };
  }

  type Link = readonly [string, place: string, path: string, to: (canary: string) => string];
  const links: readonly Link[] = ['token', 'new'].flatMap((name): readonly Link[] => [
    [`${name}, an absolute link`, '/etc/a', '/etc/a', (to) => `${to}/${name}`],
    [`${name}, a link above the root`, '/etc/a', '/etc/a', (to) => `../../../../..${to}/${name}`],
    [`${name} in an absolute link`, '/etc/a', `/etc/a/${name}`, (to) => to],
    [`${name} in a link above the root`, '/etc/a', `/etc/a/${name}`, (to) => `../../../..${to}`],
    [`${name}, through a process`, '/a', `/a/${name}`, (to) => `/proc/self/root${to}`],
    [`secret ${name}, an absolute link`, '/run/secrets', `/run/secrets/${name}`, (to) => to],
    [`secret ${name} below a link`, '/run', `/run/secrets/${name}`, (to) => to],
  ]);

  /** Secrets are a mount of their own. */
  function failure(path: string): string {
    const target = path.startsWith('/run/secrets/') ? '/run/secrets' : path;
    return `sandbox failed at mount "${target}"`;
  }

  test.each(links)('%s: nothing must be written to the host', async (_, place, path, toOf) => {
    const outcome = await start(
      { place, path, to: toOf(canary()) },
      { keeping: 'disk', uid: 7, gid: 8, mode: 0o640 },
    ).then(
      ({ output }) => output,
      (error: unknown) => String(error),
    );
    expectNoDamage();
    // Either where the link leads in the container, or an error that names the place.
    const expected = outcome.startsWith(given) ? `${given} 640 7:8\n` : failure(path);
    expect(outcome).toContain(expected);
  });

  test.each(['../token', '/etc/../../token', 'a/./b', 'a//b'])(
    'a name like %s must be refused',
    async (path) => {
      const { client } = tools.engine;
      const id = await createQuick(client, { Cmd: shell('true') });
      const file: WrittenFile = {
        ...{ path, content: given, uid: 0, gid: 0, mode: 0o444, keeping: 'memory' },
      };
      await expect(client.archives.writeFiles(id, [file])).rejects.toThrow('is no plain path');
    },
  );

  test('it must be no part of an export, of an image, nor of the disk', async () => {
    const { id } = await start({ place: '/etc/link', to: 'x', path: '/etc/token' });
    const { client } = tools.engine;
    const exported: Buffer[] = [];
    for await (const chunk of await client.archives.export(id)) exported.push(Buffer.from(chunk));
    expect(Buffer.concat(exported).includes(given)).toBe(false);
    expect(Buffer.concat(exported).includes('etc/token')).toBe(true);
    await client.archives.commit(id, { reference: 'of-a-container' });
    // Its log has it, as it has printed it.
    const grep = await command('grep', ['-rl', '--exclude=log', given, tools.engine.stateRoot]);
    expect([grep.code, grep.stdout, grep.stderr]).toEqual([1, '', '']);
  });
});
