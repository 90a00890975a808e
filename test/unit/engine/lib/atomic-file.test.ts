import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { removeFile, writeFileAtomic } from '../../../../engine/lib/index.ts';
import type { Durability } from '../../../../engine/lib/index.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

describe.each<Durability>(['disk', 'boot'])('writeFileAtomic for %s', (durability) => {
  test('a file must hold the new content and nothing may lie beside it', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'record');
    await writeFileAtomic(path, 'old', { durability });
    await writeFileAtomic(path, new TextEncoder().encode('new'), { durability, mode: 0o640 });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await readdir(dir.path)).toEqual(['record']);
  });

  test('a file must be for its owner only unless told', async () => {
    await using dir = await tempDir();
    await writeFileAtomic(join(dir.path, 'record'), '', { durability });
    expect((await stat(join(dir.path, 'record'))).mode & 0o777).toBe(0o600);
  });

  test('a failure must leave the old content and no temporary file', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'directory');
    await mkdir(path);
    await writeFile(join(path, 'content'), 'old');
    await expect(writeFileAtomic(path, 'new', { durability })).rejects.toMatchObject({
      syscall: 'rename',
    });
    expect(await readdir(dir.path)).toEqual(['directory']);
    expect(await readFile(join(path, 'content'), 'utf8')).toBe('old');
  });

  test('fifty writers of one file must leave one whole content', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'record');
    const contents = Array.from({ length: 50 }, (_, index) => String(index).repeat(5000));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content, { durability })));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(dir.path)).toEqual(['record']);
  });

  test('removing twice must succeed', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'record');
    await writeFileAtomic(path, 'x', { durability });
    await removeFile(path, durability);
    await removeFile(path, durability);
    expect(await readdir(dir.path)).toEqual([]);
  });
});
