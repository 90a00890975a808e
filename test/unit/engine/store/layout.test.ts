import { mkdir, readdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  checkRoots,
  createLayout,
  defaultRunRoot,
  defaultStateRoot,
  longestRunRoot,
  prepareLayout,
} from '../../../../engine/store/index.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

const id = 'a'.repeat(64);

describe('createLayout', () => {
  test('the default roots must have the plain instance name', () => {
    expect(createLayout({ stateRoot: defaultStateRoot, runRoot: defaultRunRoot }).instance).toBe(
      'tscompose',
    );
  });

  test('other roots must have an instance name of their own', () => {
    const one = createLayout({ stateRoot: '/a', runRoot: '/run/a' }).instance;
    const two = createLayout({ stateRoot: '/b', runRoot: '/run/b' }).instance;
    expect([one, two].every((name) => /^tscompose-[0-9a-f]{6}$/.test(name))).toBe(true);
    expect(one).not.toBe(two);
  });

  test('a container must have these paths', () => {
    const layout = createLayout({ stateRoot: '/state', runRoot: '/run/t' });
    expect(layout.container(id)).toEqual({
      directory: `/state/containers/${id}`,
      givenFiles: `/state/containers/${id}/files`,
      log: `/state/containers/${id}/log`,
      shipping: `/state/containers/${id}/shipping.json`,
      exit: `/state/containers/${id}/exit`,
      health: `/state/containers/${id}/health`,
      hosts: `/state/containers/${id}/hosts`,
      hostname: `/state/containers/${id}/hostname`,
      resolvConf: `/state/containers/${id}/resolv.conf`,
    });
    expect(layout.sandbox(id)).toEqual({
      shimSocket: `/run/t/s/${id.slice(0, 32)}`,
      networkNamespace: `/run/t/netns/${id}`,
      bundle: `/run/t/b/${id.slice(0, 32)}`,
    });
  });

  test('a socket below the longest run root must fit sun_path with its NUL', () => {
    const runRoot = `/${'r'.repeat(longestRunRoot - 1)}`;
    const { bundle } = createLayout({ stateRoot: '/state', runRoot }).sandbox(id);
    expect(Buffer.byteLength(`${bundle}/tty`)).toBe(107);
  });
});

describe('checkRoots', () => {
  const long = `/${'r'.repeat(80)}`;

  test.each([
    {
      roots: { stateRoot: 'state', runRoot: '/run/t' },
      message: 'state root "state" is not an absolute path',
    },
    {
      roots: { stateRoot: '/a:b', runRoot: '/run/t' },
      message: 'state root "/a:b" contains a comma, colon, backslash, line break or NUL',
    },
    {
      roots: { stateRoot: '/a', runRoot: long },
      message: `run root "${long}" has 81 bytes, the sockets below it allow 68`,
    },
  ])('$message', ({ roots, message }) => {
    expect(() => {
      checkRoots(roots);
    }).toThrow(message);
  });

  test('the defaults must be accepted', () => {
    checkRoots({ stateRoot: defaultStateRoot, runRoot: defaultRunRoot });
  });
});

describe('prepareLayout', () => {
  test('every directory must be for the engine only, also one that was there before', async () => {
    await using dir = await tempDir();
    const layout = createLayout({
      stateRoot: join(dir.path, 'state'),
      runRoot: join(dir.path, 'run'),
    });
    await mkdir(layout.stateRoot, { mode: 0o755 });
    await prepareLayout(layout);
    await prepareLayout(layout);
    const names = await readdir(dir.path, { recursive: true });
    const modes = await Promise.all(
      names.map(async (name) => (await stat(join(dir.path, name))).mode & 0o777),
    );
    expect(names.length).toBeGreaterThan(12);
    expect([...new Set(modes)]).toEqual([0o700]);
  });

  test('a root that is a link must be refused', async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, 'elsewhere'));
    await symlink(join(dir.path, 'elsewhere'), join(dir.path, 'state'));
    const layout = createLayout({
      stateRoot: join(dir.path, 'state'),
      runRoot: join(dir.path, 'run'),
    });
    await expect(prepareLayout(layout)).rejects.toThrow('is not a directory');
  });
});
