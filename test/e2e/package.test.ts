import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command } from '../lib/engine.ts';
import { tempDir } from '../lib/temp-dir.ts';

const repository = new URL('../..', import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  version: string;
};

describe('the packed tarball', () => {
  test('installs as a global command that works from any folder', async () => {
    await using dir = await tempDir();
    // The build of this checkout is what is packed; building it anew is what `npm ci` was for.
    const packed = await command(
      'npm',
      ['pack', '--ignore-scripts', '--pack-destination', dir.path],
      {
        cwd: repository,
      },
    );
    expect(packed.code, packed.stderr).toBe(0);
    const tarball = join(dir.path, `tscompose-${version}.tgz`);
    const prefix = join(dir.path, 'prefix');
    const installed = await command('npm', ['install', '--global', '--prefix', prefix, tarball], {
      cwd: dir.path,
    });
    expect(installed.code, installed.stdout + installed.stderr).toBe(0);
    const shown = await command(join(prefix, 'bin/tscompose'), ['--version'], { cwd: '/' });
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toContain(version);
    const shim = await command(
      join(prefix, 'lib/node_modules/tscompose/native/build/tscompose-shim'),
      [],
    );
    expect(shim.code, 'the shim was compiled where it was installed').not.toBe(127);
  });
});
