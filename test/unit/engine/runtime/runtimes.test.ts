import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../../../engine/daemon/settings.ts';
import { Runtimes } from '../../../../engine/runtime/index.ts';
import { tempDir } from '../../../lib/temp-dir.ts';
import type { TempDir } from '../../../lib/temp-dir.ts';

async function directoryWith(...names: readonly string[]): Promise<TempDir> {
  const directory = await tempDir();
  for (const name of names) {
    writeFileSync(join(directory.path, name), '');
    chmodSync(join(directory.path, name), 0o755);
  }
  return directory;
}

describe('runtimes', () => {
  test('the first directory that has one must win, and only known names are looked for', async () => {
    await using first = await directoryWith('crun', 'bash');
    await using second = await directoryWith('crun', 'runc');
    expect(new Runtimes({}, [first.path, second.path]).list()).toEqual([
      { name: 'crun', path: join(first.path, 'crun'), args: [] },
      { name: 'runc', path: join(second.path, 'runc'), args: [] },
    ]);
  });

  test('what is no program must not be one', async () => {
    await using directory = await directoryWith();
    mkdirSync(join(directory.path, 'crun'));
    symlinkSync('/nowhere', join(directory.path, 'runc'));
    expect(new Runtimes({}, [directory.path]).list()).toEqual([]);
  });

  test.each([undefined, '', 'tscompose', 'io.containerd.runc.v2', 'runc'])(
    '%s must be ours where there is no other',
    (name) => {
      expect(new Runtimes({}, []).find(name)).toBeNull();
    },
  );

  test('the configuration must go before what is found', async () => {
    await using directory = await directoryWith('crun');
    const runtimes = new Runtimes({ crun: { path: '/opt/crun', runtimeArgs: ['-x'] } }, [
      directory.path,
    ]);
    expect(runtimes.find('crun')).toEqual({ name: 'crun', path: '/opt/crun', args: ['-x'] });
  });

  test.each(['crun', 'kata', '/usr/bin/crun', '../crun', 'bash'])('%s must be refused', (name) => {
    expect(() => new Runtimes({}, []).find(name)).toThrow(
      `unknown or invalid runtime name: ${name}`,
    );
  });

  test.each([
    ['tscompose', '/usr/bin/crun'],
    ['', '/usr/bin/crun'],
    ['a b', '/usr/bin/crun'],
    ['mine', 'crun'],
    ['mine', '/usr/../crun'],
  ])('the name "%s" with the path %s must be refused', (name, path) => {
    expect(() => new Runtimes({ [name]: { path } })).toThrow(/reserved or invalid|not absolute/);
  });
});

describe('settings', () => {
  test('runtimes must be read as they are', () => {
    const runtimes = { mine: { path: '/x', runtimeArgs: ['-a'] } };
    expect(parseSettings(JSON.stringify({ runtimes }), '/e')).toEqual({ runtimes });
    expect(parseSettings('{}', '/e')).toEqual({ runtimes: {} });
  });

  test.each([
    ['{', '"/e": this is no JSON'],
    ['[]', '"/e": an object is expected'],
    ['{"runtime": {}}', '"/e": unknown setting "runtime"'],
    ['{"runtimes": []}', '"/e": "runtimes" is no object'],
    ['{"runtimes": {"a": {}}}', '"/e": runtime "a" needs a "path"'],
    ['{"runtimes": {"a": {"path": "/x", "runtimeArgs": "-a"}}}', 'runtime "a" needs a "path"'],
    ['{"runtimes": {"a": {"path": "/x", "other": 1}}}', 'runtime "a" needs a "path"'],
  ])('%s must be refused', (text, message) => {
    expect(() => parseSettings(text, '/e')).toThrow(message);
  });
});
