import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makePath } from '../../../../engine/lib/index.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

describe('makePath', () => {
  test('makes every missing level and accepts what is there', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'a/b/c');
    await makePath(path, 0o700);
    await makePath(path);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  test.each(['/proc/nope', '/proc/nope/deeper', '/proc/self/status/below'])(
    'fails for %s instead of trying for ever',
    async (path) => {
      await expect(makePath(path)).rejects.toThrow(/ENOENT|ENOTDIR/);
    },
  );
});
