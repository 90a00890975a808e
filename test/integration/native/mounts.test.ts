import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  closeFd,
  MNT_DETACH,
  mount,
  mountOverlayView,
  openAt,
  openOverlayView,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  O_CREAT,
  readDirectory,
  statAt,
  unmount,
} from '../../../native/index.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { errnoOf } from './support.ts';

const mountsBelow = (path: string): number =>
  readFileSync('/proc/self/mountinfo', 'utf8').split(path).length - 1;

/** Layers with one file "same" in each, naming it, and one of its own. */
function makeLayers(root: string, names: readonly string[]): string[] {
  return names.map((name) => {
    const layer = join(root, name);
    mkdirSync(layer);
    writeFileSync(join(layer, 'same'), name);
    writeFileSync(join(layer, `only-${name.length > 20 ? name.slice(0, 5) : name}`), '');
    return layer;
  });
}

describe.skipIf(missing('root', 'overlayfs').length > 0)('overlay views', () => {
  test('the topmost layer must win, and nothing be writable', async () => {
    await using dir = await tempDir();
    const lowerDirs = makeLayers(dir.path, ['top', 'middle', 'bottom']);
    const target = join(dir.path, 'view');
    mkdirSync(target);
    mountOverlayView({ lowerDirs, target });
    expect(readFileSync(join(target, 'same'), 'utf8')).toBe('top');
    expect(readdirSync(target).sort()).toEqual(['only-bottom', 'only-middle', 'only-top', 'same']);
    expect(() => {
      writeFileSync(join(target, 'new'), '');
    }).toThrow('EROFS');
    unmount(target, MNT_DETACH);
    expect(mountsBelow(dir.path)).toBe(0);
  });

  test('one layer alone must be a view as well', async () => {
    await using dir = await tempDir();
    const lowerDirs = makeLayers(dir.path, ['single']);
    const target = join(dir.path, 'view');
    mkdirSync(target);
    mountOverlayView({ lowerDirs, target });
    expect(readdirSync(target).sort()).toEqual(['only-single', 'same']);
    expect(() => {
      writeFileSync(join(target, 'new'), '');
    }).toThrow('EROFS');
    unmount(target);
  });

  test('more layers than a page of options holds must all be seen', async () => {
    await using dir = await tempDir();
    const names = Array.from(
      { length: 100 },
      (_, index) => `${String(index).padStart(5, '0')}${'x'.repeat(80)}:,`,
    );
    const lowerDirs = makeLayers(dir.path, names);
    const view = openOverlayView(lowerDirs);
    const root = openAt(view, '', { flags: O_RDONLY | O_DIRECTORY });
    expect(readDirectory(root)).toHaveLength(101);
    [root, view].forEach(closeFd);
  });

  test('a detached view must be seen by nobody else and end with its descriptor', async () => {
    await using dir = await tempDir();
    const view = openOverlayView(makeLayers(dir.path, ['top', 'bottom']));
    expect(mountsBelow(dir.path)).toBe(0);
    expect(statAt(view, 'same').size).toBe(3);
    expect(statAt(view, '../../../same').size).toBe(3);
    expect(errnoOf(() => openAt(view, 'new', { flags: O_RDWR | O_CREAT }))).toBe('EROFS');
    closeFd(view);
  });

  test('a layer that is missing must be an error and leave nothing', async () => {
    await using dir = await tempDir();
    const target = join(dir.path, 'view');
    mkdirSync(target);
    const lowerDirs = [...makeLayers(dir.path, ['top']), join(dir.path, 'none')];
    expect(
      errnoOf(() => {
        mountOverlayView({ lowerDirs, target });
      }),
    ).toBe('ENOENT');
    expect(
      errnoOf(() => {
        mountOverlayView({ lowerDirs: [], target });
      }),
    ).toBe('EINVAL');
    expect(mountsBelow(dir.path)).toBe(0);
  });
});

describe.skipIf(missing('root').length > 0)('mount', () => {
  test('options longer than a page must be refused, not cut off', async () => {
    await using dir = await tempDir();
    const request = {
      source: 'tmpfs',
      target: dir.path,
      type: 'tmpfs',
      data: `size=1m,${'x'.repeat(4096)}`,
    };
    expect(
      errnoOf(() => {
        mount(request);
      }),
    ).toBe('E2BIG');
    mount({ ...request, data: 'size=1m,mode=700' });
    expect(mountsBelow(dir.path)).toBe(1);
    unmount(dir.path);
    expect(mountsBelow(dir.path)).toBe(0);
  });
});
