import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MS_BIND, mount, statAt } from '../../../native/index.ts';
import { Snapshots } from '../../../engine/images/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { dockerArchive } from '../../lib/image-archive.ts';
import { stream, testStore, type TestStore } from '../../lib/image-store.ts';
import { tar, type TarMember } from '../../lib/tar-builder.ts';

async function load(store: TestStore, ...layers: readonly (readonly TarMember[])[]) {
  const archive = dockerArchive({
    layers: layers.map((members) => tar(...members)),
    tags: ['demo:1'],
  });
  await store.images.load(stream(archive));
  return store.images.require('demo:1');
}

const dir = (name: string, rest: Partial<TarMember> = {}): TarMember => ({
  name,
  flag: '5',
  ...rest,
});

describe('a snapshot', () => {
  test('must keep what its container wrote when it is prepared again', async () => {
    await using store = await testStore();
    const image = await load(store, [{ name: 'f', data: 'x' }]);
    const first = await store.snapshots.prepare('c1', image);
    writeFileSync(join(first.mounts[0]?.upperDir ?? '', 'written'), 'kept');
    expect(await store.snapshots.prepare('c1', image)).toEqual(first);
    expect(readFileSync(join(first.mounts[0]?.upperDir ?? '', 'written'), 'utf8')).toBe('kept');
    await store.snapshots.remove('c1');
    await store.snapshots.remove('c1');
    await store.snapshots.prepare('c1', image);
    expect(readdirSync(first.mounts[0]?.upperDir ?? '')).toEqual([]);
  });

  test('must begin with the owner and mode of the image’s root', async () => {
    await using store = await testStore();
    const image = await load(store, [dir('./', { mode: 0o711, uid: 7, gid: 8 }), { name: 'f' }]);
    const { mounts } = await store.snapshots.prepare('c1', image);
    const stat = execFileSync('stat', ['-c', '%a %u %g', mounts[0]?.upperDir ?? ''], {
      encoding: 'utf8',
    });
    expect(stat).toBe('711 7 8\n');
  });

  test('of a container that is no more must go at the next sweep, with what was half made', async () => {
    await using store = await testStore();
    const image = await load(store, [{ name: 'f' }]);
    for (const id of ['c1', 'c2', 'c3']) await store.snapshots.prepare(id, image);
    mkdirSync(join(store.layout.snapshots, 'active', 'c4~', 'upper'), { recursive: true });
    expect((await store.snapshots.sweep(new Set(['c2', 'c4']))).toSorted()).toEqual([
      'c1',
      'c3',
      'c4~',
    ]);
    expect(readdirSync(join(store.layout.snapshots, 'active'))).toEqual(['c2']);
    await eventually(() => {
      expect(readdirSync(join(store.layout.temporary, 'snapshots'))).toEqual([]);
    });
  });

  test('must come from directories made before, once the engine was quiet', async () => {
    await using store = await testStore();
    const image = await load(store, [{ name: 'f' }]);
    store.snapshots.expect(image);
    const pool = join(store.layout.snapshots, 'pool');
    const [shelf = ''] = readdirSync(pool);
    await eventually(() => {
      expect(readdirSync(join(pool, shelf))).toHaveLength(64);
    });
    const { mounts } = await store.snapshots.prepare('c1', image);
    expect(readdirSync(join(pool, shelf)).length).toBeLessThan(64);
    expect(readdirSync(join(mounts[0]?.upperDir ?? '', '..')).sort()).toEqual(['upper', 'work']);
  });
});

describe('a view', () => {
  test('must show the merged tree and leave no mount', async () => {
    await using store = await testStore();
    const image = await load(
      store,
      [dir('d'), { name: 'd/a', data: '1' }, { name: 'd/b', data: '1' }],
      [{ name: 'd/.wh.a' }, { name: 'd/c', data: '22' }],
    );
    await store.snapshots.view(image, (root) => {
      expect(() => statAt(root, 'd/a')).toThrow('ENOENT');
      expect(statAt(root, 'd/b').size).toBe(1);
      expect(statAt(root, 'd/c').size).toBe(2);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(store.path);
    });
    expect(readdirSync(join(store.layout.temporary, 'views'))).toEqual([]);
  });

  test('must go when its use fails', async () => {
    await using store = await testStore();
    const image = await store.images.ensureHostImage({ nodePath: process.execPath });
    await expect(
      store.snapshots.view(image, () => {
        throw new Error('mine');
      }),
    ).rejects.toThrow('mine');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(store.path);
    expect(readdirSync(join(store.layout.temporary, 'views'))).toEqual([]);
  });

  test('that a killed engine left mounted must be gone after the next start', async () => {
    await using store = await testStore();
    const left = join(store.layout.temporary, 'views', 'left over');
    mkdirSync(left);
    mount({ source: '/usr', target: left, flags: MS_BIND });
    const next = await Snapshots.open({ layout: store.layout, layers: store.images.layers });
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(store.path);
    expect(existsSync(left)).toBe(false);
    expect(existsSync('/usr/bin')).toBe(true);
    await next.close();
  });

  test('must give small files as text, and nothing for what is none', async () => {
    await using store = await testStore();
    const image = await load(store, [
      { name: 'etc/passwd', data: 'root:x:0:0\n' },
      { name: 'fifo', flag: '6' },
      { name: 'device', flag: '3', major: 1, minor: 5 },
      { name: 'link', flag: '2', linkName: '../../../etc/passwd' },
      { name: 'loop', flag: '2', linkName: 'loop' },
      { name: 'large', data: 'x'.repeat((1 << 20) + 1) },
    ]);
    const read = (path: string) => store.snapshots.readFile(image, path);
    expect(await read('/etc/passwd')).toBe('root:x:0:0\n');
    expect(await read('/link')).toBe('root:x:0:0\n');
    for (const path of ['/fifo', '/device', '/loop', '/etc', '/missing', '/etc/passwd/x'])
      expect([path, await read(path)]).toEqual([path, null]);
    await expect(read('/large')).rejects.toThrow('has more than 1048576 bytes');
  });
});

describe('a layer', () => {
  test('without entries for its directories must take them over from the layers below', async () => {
    await using store = await testStore();
    const image = await load(
      store,
      [
        dir('tmp', { mode: 0o1777, uid: 3, gid: 4, mtime: 99 }),
        dir('a', { mode: 0o700 }),
        dir('a/b', { mode: 0o711 }),
        dir('o', { mode: 0o700 }),
      ],
      [{ name: '.wh.a' }, { name: 'o/.wh..wh..opq' }],
      [{ name: 'tmp/f' }, { name: 'a/b/f' }, { name: 'o/p/f' }],
    );
    const top = store.images.layers.pathOf(image.chain[2] ?? 'sha256:');
    const stat = execFileSync('stat', ['-c', '%n %a %u %g %Y', 'tmp', 'a', 'a/b', 'o'], {
      cwd: top,
      encoding: 'utf8',
    });
    expect(stat).toBe('tmp 1777 3 4 99\na 755 0 0 0\na/b 755 0 0 0\no 700 0 0 0\n');
  });

  test('whose whiteout comes before or after its own entry must hide only what is below', async () => {
    await using store = await testStore();
    const image = await load(
      store,
      [
        dir('before'),
        { name: 'before/old' },
        dir('after'),
        { name: 'after/old' },
        { name: 'file' },
      ],
      [
        { name: '.wh.before' },
        dir('before'),
        { name: 'before/new' },
        dir('after'),
        { name: 'after/new' },
        { name: '.wh.after' },
        { name: 'file', data: 'new' },
        { name: '.wh.file' },
      ],
    );
    await store.snapshots.view(image, (root) => {
      for (const name of ['before', 'after']) {
        expect(() => statAt(root, `${name}/old`)).toThrow('ENOENT');
        expect(statAt(root, `${name}/new`).type).toBe('file');
      }
      expect(statAt(root, 'file').size).toBe(3);
    });
  });

  test('that hides everything below must be the lowest one mounted', async () => {
    await using store = await testStore();
    const image = await load(
      store,
      [{ name: 'old' }],
      [{ name: '.wh..wh..opq' }, { name: 'new' }],
      [{ name: 'newer' }],
    );
    const { mounts } = await store.snapshots.prepare('c1', image);
    expect(mounts[0]?.lowerDirs).toHaveLength(2);
    await store.snapshots.view(image, (root) => {
      expect(() => statAt(root, 'old')).toThrow('ENOENT');
      expect(statAt(root, 'new').type).toBe('file');
    });
  });
});
