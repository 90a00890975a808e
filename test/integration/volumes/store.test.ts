import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { closeFd, openRoot } from '../../../native/index.ts';
import { VolumeStore, type VolumeRequest } from '../../../volumes/index.ts';
import { tempDir } from '../../lib/temp-dir.ts';

interface Fixture extends AsyncDisposable {
  readonly path: string;
  readonly root: string;
  readonly store: VolumeStore;
}

async function fixture(): Promise<Fixture> {
  const dir = await tempDir();
  const root = join(dir.path, 'volumes');
  const store = await VolumeStore.open({ root, now: () => new Date('2026-05-06T07:08:09Z') });
  return {
    path: dir.path,
    root,
    store,
    [Symbol.asyncDispose]: async () => {
      store.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** A tree as an image could have it at /data. */
function makeImage(path: string): string {
  const root = join(path, 'image');
  mkdirSync(join(root, 'data', 'sub'), { recursive: true });
  const script = `cd "$1/data" && printf one > one && ln one sub/hard && ln -s one soft && mkfifo pipe
    && setfattr -n user.k -v v one && touch .hidden && chown 7:8 one . && chmod 4711 one && chmod 2750 . && touch -d @99 one sub .`;
  execFileSync('sh', ['-c', script.replace(/\n\s+&&/g, ' &&'), 'sh', root]);
  return root;
}

async function copyUp(store: VolumeStore, image: string, path = '/data'): Promise<unknown> {
  const root = openRoot(image);
  try {
    return await store.copyUp('data', { root, path });
  } finally {
    closeFd(root);
  }
}

function describeTree(path: string): string {
  return execFileSync(
    'sh',
    ['-c', 'cd "$1" && find . -printf "%P %y %m %U:%G %n %s %T@ %l\\n" | sort', 'sh', path],
    { encoding: 'utf8' },
  );
}

describe('a volume', () => {
  test('must be a directory of its own with a record', async () => {
    await using f = await fixture();
    const volume = await f.store.create({ name: 'data', labels: { a: 'b' } });
    expect(volume).toEqual({
      name: 'data',
      driver: 'local',
      mountpoint: join(f.root, 'data', '_data'),
      labels: { a: 'b' },
      driverOptions: {},
      createdAt: '2026-05-06T07:08:09.000Z',
      isAnonymous: false,
    });
    expect(execFileSync('stat', ['-c', '%F %a', volume.mountpoint], { encoding: 'utf8' })).toBe(
      'directory 755\n',
    );
    expect(await f.store.create({ name: 'data', labels: { other: 'x' } })).toBe(volume);
    expect(f.store.list()).toEqual([volume]);
    expect(f.store.inspect('data')).toBe(volume);
    expect(await f.store.isEmpty('data')).toBe(true);
    writeFileSync(join(volume.mountpoint, 'x'), '12345');
    expect(await f.store.isEmpty('data')).toBe(false);
    expect(await f.store.sizeOf('data')).toMatchObject({ files: expect.any(Number) as number });
  });

  test('without a name must get one of 64 digits', async () => {
    await using f = await fixture();
    expect(await f.store.create()).toMatchObject({
      name: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      isAnonymous: true,
    });
  });

  test('asked for ten times at once must be made once', async () => {
    await using f = await fixture();
    const made = await Promise.all(
      Array.from({ length: 10 }, () => f.store.create({ name: 'data' })),
    );
    expect(new Set(made).size).toBe(1);
  });

  test.each<[string, VolumeRequest, string, string]>([
    ['one letter', { name: 'a' }, 'invalid-name', 'volume name "a" is invalid'],
    ['a path', { name: '../x' }, 'invalid-name', 'volume name "../x" is invalid'],
    ['a leading dot', { name: '.x' }, 'invalid-name', 'volume name ".x" is invalid'],
    ['too long', { name: 'x'.repeat(241) }, 'invalid-name', 'is longer than 240'],
    [
      'another driver',
      { name: 'xx', driver: 'nfs' },
      'unknown-driver',
      'create xx: error looking up volume plugin nfs: plugin "nfs" not found',
    ],
    [
      'options',
      { name: 'xx', driverOptions: { type: 'nfs' } },
      'invalid-option',
      'create xx: missing required option: "device"',
    ],
  ])('must be refused: %s', async (...[, request, code, message]) => {
    await using f = await fixture();
    await expect(f.store.create(request)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
    expect(readdirSync(f.root)).toEqual(['.records']);
    expect(readdirSync(join(f.root, '.records'))).toEqual([]);
  });

  test('must be removed with its content, but not while somebody uses it', async () => {
    await using f = await fixture();
    const { mountpoint } = await f.store.create({ name: 'data' });
    writeFileSync(join(mountpoint, 'x'), 'y');
    await expect(
      f.store.remove('data', { force: true, usersOf: () => ['c1', 'c2'] }),
    ).rejects.toMatchObject({
      code: 'in-use',
      message: 'remove data: volume is in use - [c1, c2]',
    });
    await f.store.remove('data', { usersOf: () => [] });
    expect(readdirSync(f.root)).toEqual(['.records']);
    expect(readdirSync(join(f.root, '.records'))).toEqual([]);
    await expect(f.store.remove('data')).rejects.toMatchObject({
      code: 'not-found',
      message: 'get data: no such volume',
    });
    await f.store.remove('data', { force: true });
    expect(() => f.store.inspect('data')).toThrow('get data: no such volume');
  });

  test('must be there again after a restart, even if its directory is not', async () => {
    await using f = await fixture();
    const volume = await f.store.create({ name: 'data', labels: { a: 'b' } });
    writeFileSync(join(volume.mountpoint, 'x'), 'kept');
    await f.store.create({ name: 'lost' });
    rmSync(join(f.root, 'lost', '_data'), { recursive: true });
    const next = await VolumeStore.open({ root: f.root });
    expect(next.get('data')).toEqual(volume);
    expect(readFileSync(join(volume.mountpoint, 'x'), 'utf8')).toBe('kept');
    expect(existsSync(next.inspect('lost').mountpoint)).toBe(true);
    next.close();
  });

  test('whose record is damaged must not be lost, and must not hinder the others', async () => {
    await using f = await fixture();
    await f.store.create({ name: 'good' });
    const { mountpoint } = await f.store.create({ name: 'bad' });
    writeFileSync(join(mountpoint, 'x'), 'kept');
    writeFileSync(join(f.root, '.records', 'bad.json'), '{');
    const next = await VolumeStore.open({ root: f.root });
    expect(next.list().map(({ name }) => name)).toEqual(['good']);
    await next.create({ name: 'bad' });
    expect(readFileSync(join(mountpoint, 'x'), 'utf8')).toBe('kept');
    next.close();
  });
});

describe('copy-up', () => {
  test('must give an empty volume everything the image has there, with owners, modes, times and links', async () => {
    await using f = await fixture();
    const image = makeImage(f.path);
    const { mountpoint } = await f.store.create({ name: 'data' });
    expect(await copyUp(f.store, image)).toMatchObject({ files: expect.any(Number) as number });
    expect(describeTree(mountpoint)).toBe(describeTree(join(image, 'data')));
    expect(execFileSync('stat', ['-c', '%a %u %g %Y', mountpoint], { encoding: 'utf8' })).toBe(
      '2750 7 8 99\n',
    );
    expect(readdirSync(join(f.root, 'data')).sort()).toEqual(['_data']);
  });

  test('C-65, CVE-2020-1726: two at once must leave the whole of one, and nothing of the other', async () => {
    for (let round = 0; round < 20; round += 1) {
      await using f = await fixture();
      await f.store.create({ name: 'data' });
      const images = ['one', 'two'].map((name) => {
        const root = join(f.path, name);
        mkdirSync(join(root, 'data'), { recursive: true });
        for (const file of ['a', 'b', 'c']) writeFileSync(join(root, 'data', file), name);
        return root;
      });
      const copied = await Promise.all(images.map((image) => copyUp(f.store, image)));
      expect(copied.filter((size) => size !== null)).toHaveLength(1);
      const content = join(f.root, 'data', '_data');
      const found = readdirSync(content).map((file) => readFileSync(join(content, file), 'utf8'));
      expect([found.length, new Set(found).size]).toEqual([3, 1]);
    }
  });

  test('must leave alone a volume that has something in it', async () => {
    await using f = await fixture();
    const image = makeImage(f.path);
    const { mountpoint } = await f.store.create({ name: 'data' });
    writeFileSync(join(mountpoint, 'mine'), 'x');
    expect(await copyUp(f.store, image)).toBeNull();
    expect(readdirSync(mountpoint)).toEqual(['mine']);
  });

  test.each(['/missing', '/data/one', '/data/soft', '/data/one/x'])(
    'must do nothing where the image has no directory: %s',
    async (path) => {
      await using f = await fixture();
      const image = makeImage(f.path);
      await f.store.create({ name: 'data' });
      expect(await copyUp(f.store, image, path)).toBeNull();
    },
  );

  test('must not follow a link of the image out of it', async () => {
    await using f = await fixture();
    const image = makeImage(f.path);
    const outside = join(f.path, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), 'x');
    execFileSync('ln', ['-s', outside, join(image, 'absolute')]);
    execFileSync('ln', ['-s', '../outside', join(image, 'relative')]);
    const { mountpoint } = await f.store.create({ name: 'data' });
    for (const path of ['/absolute', '/relative', '/../outside'])
      expect(await copyUp(f.store, image, path)).toBeNull();
    expect(readdirSync(mountpoint)).toEqual([]);
  });

  test('that was cut off must leave the volume empty, and begin anew', async () => {
    await using f = await fixture();
    const image = makeImage(f.path);
    const { mountpoint } = await f.store.create({ name: 'data' });
    mkdirSync(join(f.root, 'data', '_copy', 'half'), { recursive: true });
    const next = await VolumeStore.open({ root: f.root });
    expect(readdirSync(mountpoint)).toEqual([]);
    expect(readdirSync(join(f.root, 'data')).sort()).toEqual(['_data']);
    await copyUp(next, image);
    expect(describeTree(mountpoint)).toBe(describeTree(join(image, 'data')));
    next.close();
  });

  test('that was cut off when it was whole must be finished by the next start, at every point', async () => {
    await using f = await fixture();
    const image = makeImage(f.path);
    const whole = describeTree(join(image, 'data'));
    const { mountpoint } = await f.store.create({ name: 'data' });
    const entries = ['.hidden', 'one', 'pipe', 'soft', 'sub'];
    for (let moved = 0; moved <= entries.length; moved++) {
      rmSync(mountpoint, { recursive: true });
      mkdirSync(mountpoint);
      execFileSync('cp', ['-a', join(image, 'data'), join(f.root, 'data', '_new')]);
      for (const name of entries.slice(0, moved))
        renameSync(join(f.root, 'data', '_new', name), join(mountpoint, name));
      execFileSync('touch', ['-d', '@99', join(f.root, 'data', '_new')]);
      const next = await VolumeStore.open({ root: f.root });
      expect(describeTree(mountpoint)).toBe(whole);
      expect(readdirSync(join(f.root, 'data')).sort()).toEqual(['_data']);
      next.close();
    }
  });

  test('must reach a container that has the volume mounted already', async () => {
    await using f = await fixture();
    const image = makeImage(f.path);
    const { mountpoint } = await f.store.create({ name: 'data' });
    const mounted = openRoot(mountpoint);
    await copyUp(f.store, image);
    expect(readdirSync(`/proc/self/fd/${mounted}`).sort()).toEqual([
      '.hidden',
      'one',
      'pipe',
      'soft',
      'sub',
    ]);
    closeFd(mounted);
  });
});
