/** The files of a container as a tree of their own, in a mount namespace that no process is in. */
import { mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  closeLater,
  isReadonlyAt,
  makeDirectoryAt,
  makeNodeAt,
  O_CREAT,
  O_RDONLY,
  O_WRONLY,
  closeFd,
  openAt,
  openContainerRoot,
  openTrusted,
  S_IFCHR,
  statAt,
  type ContainerRoot,
  type Fd,
  type RootPart,
} from '../../../native/index.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { errnoOf, openDescriptors } from './support.ts';

const absent = missing('root', 'overlayfs');

function makeOverlay(base: string): Extract<RootPart, { kind: 'overlay' }> {
  for (const name of ['lower', 'upper', 'work', 'volume']) mkdirSync(join(base, name));
  mkdirSync(join(base, 'lower/etc'));
  writeFileSync(join(base, 'lower/etc/name'), 'lower');
  writeFileSync(join(base, 'volume/content'), 'volume');
  return {
    kind: 'overlay',
    target: '/',
    upperDir: join(base, 'upper'),
    workDir: join(base, 'work'),
    lowerDirs: [join(base, 'lower')],
    options: [['index', 'off']],
    isReadonly: false,
  };
}

function volumeOf(base: string, target: string): Extract<RootPart, { kind: 'bind' }> {
  return {
    kind: 'bind',
    target,
    source: join(base, 'volume'),
    isReadonly: false,
    isRecursive: false,
    create: 'directory',
  };
}

function read(root: Fd, path: string): string {
  const fd = openAt(root, path, { flags: O_RDONLY });
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeFd(fd);
  }
}

async function withRoot(
  parts: readonly RootPart[],
  use: (root: Fd, all: ContainerRoot) => void | Promise<void>,
  from: Fd | null = null,
): Promise<void> {
  const opened = await openContainerRoot(parts, from);
  try {
    await use(opened.root, opened);
  } finally {
    await closeLater([opened.namespace, opened.root]);
  }
}

describe.skipIf(absent.length > 0)(`roots (missing: ${absent.join() || 'nothing'})`, () => {
  test('layers, changes and volumes must be one tree, and nothing of it the host’s', async () => {
    await withBase(async (base) => {
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
      const descriptors = openDescriptors().length;
      await withRoot([makeOverlay(base), volumeOf(base, '/data/inner')], (root, { namespace }) => {
        expect(read(root, 'etc/name')).toBe('lower');
        expect(read(root, '/data/inner/content')).toBe('volume');
        makeDirectoryAt(root, 'made');
        expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
        expect(readlinkSync(`/proc/self/fd/${namespace}`)).not.toBe(
          readlinkSync('/proc/self/ns/mnt'),
        );
      });
      expect(openDescriptors().length).toBe(descriptors);
      expect(statAt(openTrusted(join(base, 'upper'), O_RDONLY), 'made').type).toBe('directory');
    });
  });

  test('a second root must take over what the first one has mounted', async () => {
    await withBase(async (base) => {
      await withRoot([makeOverlay(base)], async (first, { namespace }) => {
        makeDirectoryAt(first, 'made');
        const parts = [
          { kind: 'inherited', target: '/', isReadonly: false } as const,
          volumeOf(base, '/made'),
        ];
        await withRoot(
          parts,
          (second) => {
            expect(read(second, 'made/content')).toBe('volume');
            expect(errnoOf(() => statAt(first, 'made/content'))).toBe('ENOENT');
          },
          namespace,
        );
      });
    });
  });

  test('a device in it must not be opened, and a read-only root must say so', async () => {
    await withBase(async (base) => {
      const overlay = makeOverlay(base);
      await withRoot([{ ...overlay, isReadonly: true }, volumeOf(base, '/data')], (root) => {
        expect(isReadonlyAt(root)).toBe(true);
        const data = openAt(root, 'data', { flags: O_RDONLY });
        expect(isReadonlyAt(data)).toBe(false);
        closeFd(data);
        makeNodeAt(root, { path: 'data/null', mode: S_IFCHR | 0o666, major: 1, minor: 3 });
        expect(errnoOf(() => openAt(root, 'data/null', { flags: O_RDONLY }))).toBe('EACCES');
        expect(errnoOf(() => openAt(root, 'x', { flags: O_WRONLY | O_CREAT }))).toBe('EROFS');
      });
    });
  });

  test.each([
    ['/link/inner', '/etc/../../../../canary'],
    ['/link', '../../../canary'],
  ])('a target %s through a link to %s must stay below the root', async (target, leads) => {
    await withBase(async (base) => {
      const overlay = makeOverlay(base);
      symlinkSync(leads, join(base, 'lower/link'));
      mkdirSync(join(base, 'lower/canary'));
      await withRoot([overlay, volumeOf(base, target)], (root) => {
        const place = target === '/link' ? 'canary' : 'canary/inner';
        expect(read(root, `${place}/content`)).toBe('volume');
      });
    });
  });
});

async function withBase(use: (base: string) => Promise<void>): Promise<void> {
  await using directory = await tempDir();
  await use(directory.path);
}
