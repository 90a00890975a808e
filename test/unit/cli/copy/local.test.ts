/** What comes out of a container is the container's word: an archive that means harm, extracted here. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { extractLocal, packLocal } from '../../../../cli/copy/local.ts';
import { encodeTarHeader, paddingOf, tarEnd } from '../../../../engine/lib/index.ts';
import type { TarHeader } from '../../../../engine/lib/index.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

const plain = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n } as const;
type Entry = Partial<TarHeader> & Pick<TarHeader, 'name' | 'type'>;

async function* archiveOf(...entries: readonly Entry[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (const entry of entries) {
    const content = Buffer.from(entry.type === 'file' ? 'planted' : '');
    yield encodeTarHeader({ ...plain, ...entry, sizeBytes: content.length });
    yield Buffer.concat([content, Buffer.alloc(paddingOf(content.length))]);
  }
  yield tarEnd;
}

async function extract(base: string, ...entries: readonly Entry[]): Promise<string> {
  mkdirSync(join(base, 'to'), { recursive: true });
  mkdirSync(join(base, 'outside'), { recursive: true });
  writeFileSync(join(base, 'outside/secret'), 'secret');
  const request = {
    target: { directory: join(base, 'to'), name: null },
    sourceName: 'x',
    warn: () => undefined,
  };
  return await extractLocal(archiveOf(...entries), request).then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  );
}

describe('an archive that means harm', () => {
  test.each<[string, readonly Entry[]]>([
    ['".."', [{ name: '../outside/planted', type: 'file' }]],
    ['".." within', [{ name: 'a/../../outside/planted', type: 'file' }]],
    [
      'a link and a file below it',
      [
        { name: 'link', type: 'symlink', linkName: '../outside' },
        { name: 'link/planted', type: 'file' },
      ],
    ],
    [
      'a link, a directory below it',
      [
        { name: 'a', type: 'directory' },
        { name: 'a/link', type: 'symlink', linkName: '../../outside' },
        { name: 'a/link/planted', type: 'directory' },
      ],
    ],
    [
      'a hard link through a link',
      [
        { name: 'link', type: 'symlink', linkName: '../outside' },
        { name: 'hard', type: 'link', linkName: 'link/secret' },
      ],
    ],
    ['a hard link to the outside', [{ name: 'hard', type: 'link', linkName: '../outside/secret' }]],
  ])('with %s must be refused', async (_, entries) => {
    await using dir = await tempDir();
    expect(await extract(dir.path, ...entries)).toMatch(/leads out of|is no directory/);
    expect(readdirSync(join(dir.path, 'outside'))).toEqual(['secret']);
    expect(existsSync(join(dir.path, 'to/hard'))).toBe(false);
  });

  test('must not write through a link that it has put in the place of a file', async () => {
    await using dir = await tempDir();
    const result = await extract(
      dir.path,
      ...([
        { name: 'file', type: 'symlink', linkName: '../outside/secret' },
        { name: 'file', type: 'file' },
      ] as const),
    );
    expect(result).toBe('done');
    expect(readFileSync(join(dir.path, 'outside/secret'), 'utf8')).toBe('secret');
    expect(readFileSync(join(dir.path, 'to/file'), 'utf8')).toBe('planted');
  });

  test('must give nobody another identity', async () => {
    await using dir = await tempDir();
    await extract(
      dir.path,
      ...([
        { name: 'set-id', type: 'file', mode: 0o6755 },
        { name: 'directory', type: 'directory', mode: 0o2755 },
      ] as const),
    );
    expect(lstatSync(join(dir.path, 'to/set-id')).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(dir.path, 'to/directory')).mode & 0o7777).toBe(0o755);
  });

  test('must not take a directory’s place', async () => {
    await using dir = await tempDir();
    mkdirSync(join(dir.path, 'to/kept'), { recursive: true });
    expect(await extract(dir.path, { name: 'kept', type: 'file' })).toContain('cannot overwrite');
    expect(lstatSync(join(dir.path, 'to/kept')).isDirectory()).toBe(true);
  });
});

test('what is packed here must be the same when it is extracted', async () => {
  await using dir = await tempDir();
  mkdirSync(join(dir.path, 'from/inner'), { recursive: true });
  mkdirSync(join(dir.path, 'to'));
  writeFileSync(join(dir.path, 'from/inner/file'), 'x'.repeat(700_001), { mode: 0o751 });
  symlinkSync('inner', join(dir.path, 'from/link'));
  await extractLocal(packLocal(join(dir.path, 'from'), 'from'), {
    target: { directory: join(dir.path, 'to'), name: 'renamed' },
    sourceName: 'from',
    warn: () => undefined,
  });
  const made = join(dir.path, 'to/renamed');
  expect(readFileSync(join(made, 'link/file'), 'utf8').length).toBe(700_001);
  expect(lstatSync(join(made, 'inner/file')).mode & 0o777).toBe(0o751);
});
