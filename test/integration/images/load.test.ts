import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { getXattrsAt, statAt } from '../../../native/index.ts';
import { dockerArchive, ociArchive, sha256 } from '../../lib/image-archive.ts';
import { openStore, runInRoot, stream, testStore, type TestStore } from '../../lib/image-store.ts';
import { tar } from '../../lib/tar-builder.ts';

const busybox = readFileSync('/bin/busybox');
const passwd = 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/sh\n';

const base = tar(
  { name: 'bin/', flag: '5' },
  { name: 'bin/busybox', data: busybox, mode: 0o755 },
  ...['sh', 'ls', 'cat', 'stat', 'id', 'find'].map((name) => ({
    name: `bin/${name}`,
    flag: '1',
    linkName: 'bin/busybox',
  })),
  { name: 'etc/', flag: '5' },
  { name: 'etc/passwd', data: passwd },
  { name: 'data/', flag: '5', mode: 0o2770, uid: 33, gid: 34 },
  { name: 'data/a', data: 'a1' },
  { name: 'data/b', data: 'b1' },
  { name: 'gone/', flag: '5' },
  { name: 'gone/file', data: 'x' },
  { name: 'hidden/', flag: '5' },
  { name: 'hidden/old', data: 'x' },
);
const second = tar(
  { name: 'data/.wh.a' },
  { name: '.wh.gone' },
  { name: 'hidden/.wh..wh..opq' },
  { name: 'hidden/new', data: 'y' },
  { name: 'data/c', data: 'c2', pax: { 'SCHILY.xattr.user.note': 'hi' } },
);
const third = tar(
  { name: 'gone/', flag: '5' },
  { name: 'gone/again', data: 'z' },
  { name: '.wh.never-there' },
  {
    name: 'tool',
    data: busybox,
    mode: 0o4755,
    pax: { 'SCHILY.xattr.security.capability': capability() },
  },
);

/** cap_setuid+ep: byte 4 is 0x80, which is no UTF-8. */
function capability(): Buffer {
  return Buffer.from('0100000280000000000000000000000000000000', 'hex');
}

/** By the program of this name. */
function packed(program: string, bytes: Buffer, ...options: readonly string[]): Buffer {
  return execFileSync(program, ['-c', '-q', ...options], { input: bytes, maxBuffer: 64 << 20 });
}

const packings = ['xz', 'bzip2', 'zstd'] as const;

const image = {
  layers: [base, second, third],
  tags: ['demo:1', 'registry.example:5000/team/demo:2'],
  config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'], Labels: { __proto__x: '1' }, User: 'web' },
};

function blobsOf({ layout }: Pick<TestStore, 'layout'>): string[] {
  return readdirSync(join(layout.images, 'blobs', 'sha256')).sort();
}

function leftovers({ layout }: Pick<TestStore, 'layout'>): string[] {
  return execFileSync('find', [layout.temporary, '-mindepth', '2'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

const packedImages = (packing: string): [string, Buffer][] => [
  [`of docker save, packed by ${packing}`, packed(packing, dockerArchive(image))],
  [
    `with layers packed by ${packing}`,
    ociArchive({ ...image, pack: (layer) => packed(packing, layer) }),
  ],
];

describe('an image archive', () => {
  test.each([
    ['of docker save', dockerArchive(image)],
    ['of docker save, packed as a whole', gzipSync(dockerArchive(image))],
    ...packings.flatMap(packedImages),
    ['with packed layers', dockerArchive({ ...image, pack: (layer) => gzipSync(layer) })],
    ['in the OCI layout', ociArchive(image)],
    [
      'in the OCI layout with packed layers',
      ociArchive({ ...image, pack: (layer) => gzipSync(layer) }),
    ],
  ])('%s must become an image whose merged tree a program can run in', async (_, archive) => {
    await using store = await testStore();
    const [loaded] = await store.images.load(stream(archive));
    expect(loaded?.names).toEqual([
      'docker.io/library/demo:1',
      'registry.example:5000/team/demo:2',
    ]);
    const { mounts } = await store.snapshots.prepare('c1', store.images.require('demo:1'));
    const root = join(store.path, 'root');
    mkdirSync(root);
    const script =
      'cd /; find data gone hidden | sort -r; cat data/c gone/again; stat -c "%a %u %g" data tool bin';
    expect(runInRoot(mounts, root, ['/bin/sh', '-c', script]).split('\n')).toEqual([
      'hidden/new',
      'hidden',
      'gone/again',
      'gone',
      'data/c',
      'data/b',
      'data',
      'c2z2770 33 34',
      '4755 0 0',
      '755 0 0',
      '',
    ]);
    expect(leftovers(store)).toEqual([]);
  });

  test('must be described as Docker describes it', async () => {
    await using store = await testStore();
    await store.images.load(stream(dockerArchive(image)));
    const inspect = store.images.inspect('registry.example:5000/team/demo:2');
    expect(inspect).toMatchObject({
      Id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      RepoTags: ['demo:1', 'registry.example:5000/team/demo:2'],
      Created: '2026-01-02T03:04:05.678Z',
      Architecture: 'amd64',
      Os: 'linux',
      RootFS: { Type: 'layers', Layers: image.layers.map(sha256) },
      Config: image.config,
    });
    const small = [passwd, 'a1', 'b1', 'x', 'x', 'y', 'c2', 'z'].join('').length;
    expect(inspect.Size).toBe(busybox.length * 2 + small);
    expect(store.images.summaries()).toMatchObject([
      { Id: inspect.Id, RepoTags: inspect.RepoTags, Created: 1_767_323_045 },
    ]);
    const short = inspect.Id.slice(7, 19);
    for (const ref of [
      inspect.Id,
      inspect.Id.slice(7),
      short,
      `sha256:${short}`,
      'docker.io/library/demo:1',
    ])
      expect(store.images.resolve(ref)?.id).toBe(inspect.Id);
    expect(store.images.resolve('demo')).toBeNull();
    expect(() => store.images.inspect('nothing:1')).toThrow('No such image: nothing:1');
  });

  test('must keep hard links, binary attributes and whiteouts in the form overlayfs reads', async () => {
    await using store = await testStore();
    await store.images.load(stream(dockerArchive(image)));
    const loaded = store.images.require('demo:1');
    await store.snapshots.view(loaded, (root) => {
      expect(statAt(root, 'bin/sh').inode).toBe(statAt(root, 'bin/busybox').inode);
      expect(statAt(root, 'bin/sh').links).toBe(7);
      expect(getXattrsAt(root, 'tool').get('security.capability')).toEqual(capability());
      expect(Buffer.from(getXattrsAt(root, 'data/c').get('user.note') ?? []).toString()).toBe('hi');
      expect(() => statAt(root, 'data/a')).toThrow('ENOENT');
    });
    const middle = store.images.layers.pathOf(loaded.chain[1] ?? 'sha256:');
    const stat = execFileSync('stat', ['-c', '%F %t:%T', `${middle}/gone`, `${middle}/data/a`], {
      encoding: 'utf8',
    });
    expect(stat).toBe('character special file 0:0\ncharacter special file 0:0\n');
    expect(execFileSync('stat', ['-c', '%a %u %g', `${middle}/data`], { encoding: 'utf8' })).toBe(
      '2770 33 34\n',
    );
  });

  test('must be found again by the next engine, with nothing unpacked twice', async () => {
    await using store = await testStore();
    await store.images.load(stream(dockerArchive(image)));
    const before = store.images.list();
    const next = await openStore(store.path);
    expect(next.images.list()).toEqual(before);
    expect(next.images.problems).toEqual([]);
    expect(await next.snapshots.readFile(next.images.require('demo:1'), '/etc/passwd')).toMatch(
      /^root:x:0/,
    );
    await next.snapshots.close();
  });

  test('must share what another image has already', async () => {
    await using store = await testStore();
    await store.images.load(stream(dockerArchive(image)));
    const layers = store.images.layers.list().length;
    await store.images.load(
      stream(dockerArchive({ layers: [base, second], tags: ['demo:small'] })),
    );
    expect(store.images.layers.list().length).toBe(layers);
    const blobs = blobsOf(store).length;
    await store.images.remove('demo:small', { usersOf: () => [] });
    expect(store.images.layers.list().length).toBe(layers);
    expect(blobsOf(store).length).toBe(blobs - 2);
  });

  test('must take over a name, and say whose it was', async () => {
    await using store = await testStore();
    const [first] = await store.images.load(
      stream(dockerArchive({ layers: [base], tags: ['demo:1'] })),
    );
    const [second] = await store.images.load(stream(dockerArchive(image)));
    expect(second?.replaced).toEqual([
      { name: 'docker.io/library/demo:1', previousId: first?.image.id },
    ]);
    expect(store.images.resolve('demo:1')?.id).toBe(second?.image.id);
    expect(store.images.resolve(first?.image.id ?? '')?.names).toEqual([]);
  });

  const wrong = `sha256:${'0'.repeat(64)}`;
  test.each([
    [
      'without manifest or index',
      tar({ name: 'x', data: 'y' }),
      'it has neither manifest.json nor index.json: not an image archive (the tar of a root file system is imported, not loaded)',
    ],
    [
      'whose layer is another than its config says',
      dockerArchive({ layers: [base], tags: ['a:1'], diffIds: [wrong] }),
      `layer 1 of "a:1": its content has the digest ${sha256(base)}, its config says ${wrong}`,
    ],
    [
      'with fewer layers than its config says',
      dockerArchive({ layers: [base], tags: ['a:1'], diffIds: [wrong, wrong] }),
      '"a:1" has 1 layers, its config says 2',
    ],
    [
      'for another system',
      dockerArchive({ layers: [base], tags: ['a:1'], os: 'windows' }),
      '"a:1" is an image for "windows", not for linux',
    ],
    [
      'with a name of the engine',
      dockerArchive({ layers: [base], tags: ['tscompose.local/host:latest'] }),
      'manifest.json names an image badly: "tscompose.local/host:latest" is a name of the engine itself',
    ],
    [
      'with a bad name',
      dockerArchive({ layers: [base], tags: ['UPPER:1'] }),
      'manifest.json names an image badly: invalid reference "UPPER:1": the repository name must be lower case',
    ],
    [
      'with a manifest that is no JSON',
      tar({ name: 'manifest.json', data: '{' }),
      expect.stringMatching(/^manifest.json is not JSON: /),
    ],
    [
      'with an empty manifest',
      tar({ name: 'manifest.json', data: '[]' }),
      'manifest.json names no image',
    ],
    [
      'that names a member it lacks',
      tar({
        name: 'manifest.json',
        data: '[{"Config":"../../etc/passwd","Layers":[],"RepoTags":[]}]',
      }),
      'it has no member "../../etc/passwd"',
    ],
    [
      'with a damaged blob',
      ociArchive({ layers: [base], tags: ['a:1'] }, (blob) =>
        blob === base ? Buffer.from('x') : blob,
      ),
      expect.stringMatching(/^its blob sha256:[0-9a-f]+ is damaged: the bytes are /),
    ],
    [
      'with a digest that is a path',
      tar({
        name: 'index.json',
        data: '{"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}',
      }),
      'entry 0 of index.json has no digest "sha256:" with 64 digits',
    ],
    [
      'with a device among its members',
      tar({ name: 'x', flag: '3', major: 1, minor: 3 }),
      'its member "x" is a char, which no image archive has',
    ],
    [
      'that ends early',
      dockerArchive(image).subarray(0, 5000),
      'the archive ends in the middle of "0-0/layer.tar"',
    ],
    ...packings.map((packing): [string, Buffer, unknown] => [
      `packed badly with ${packing}`,
      packed(packing, dockerArchive(image)).subarray(0, 500),
      expect.stringMatching(`^damaged ${packing} data: .`),
    ]),
    ...packings.map((packing): [string, Buffer, unknown] => [
      `packed with ${packing} that unpacks to a bomb`,
      packed(packing, tar({ name: 'x', data: Buffer.alloc(64 << 20) })),
      'the archive unpacks to more than 200 times its size',
    ]),
    [
      'packed with zstd that needs too much memory',
      packed('zstd', dockerArchive(image), '--ultra', '--long=31', '-1'),
      expect.stringMatching(/^damaged zstd data: /),
    ],
    [
      'packed badly',
      Buffer.concat([gzipSync(dockerArchive(image)).subarray(0, 3000), Buffer.alloc(500)]),
      expect.stringMatching(/^damaged gzip data: /),
    ],
    [
      'that unpacks to a bomb',
      gzipSync(tar({ name: 'x', data: Buffer.alloc(64 << 20) })),
      'the archive unpacks to more than 200 times its size',
    ],
  ])('%s must be refused and leave nothing', async (_, archive, message) => {
    await using store = await testStore({ limits: { ratioFloorBytes: 8 << 20 } });
    const error = await store.images.load(stream(archive)).catch((reason: unknown) => reason);
    const found = (error as Error).message.replace('cannot load the archive: ', '');
    expect(found).toEqual(message);
    expect(store.images.list()).toEqual([]);
    expect(blobsOf(store)).toEqual([]);
    expect(store.images.layers.list()).toEqual([]);
    expect(leftovers(store)).toEqual([]);
  });

  test('must stop at once when its sender gives up', async () => {
    await using store = await testStore();
    const abort = new AbortController();
    async function* source(): AsyncGenerator<Buffer> {
      yield dockerArchive(image).subarray(0, 200_000);
      abort.abort(new Error('gone'));
      await Promise.resolve();
      throw new Error('gone');
    }
    await expect(store.images.load(source(), { signal: abort.signal })).rejects.toThrow('gone');
    expect(leftovers(store)).toEqual([]);
  });
});

describe('removing an image', () => {
  test('must take names first, then the image with what only it needs', async () => {
    await using store = await testStore();
    await store.images.load(stream(dockerArchive(image)));
    const { id, chain } = store.images.require('demo:1');
    const usersOf = (): string[] => [];
    expect(await store.images.remove('demo:1', { usersOf })).toEqual([{ Untagged: 'demo:1' }]);
    expect(await store.images.remove('registry.example:5000/team/demo:2', { usersOf })).toEqual([
      { Untagged: 'registry.example:5000/team/demo:2' },
      { Deleted: id },
      ...[...chain].reverse().map((Deleted) => ({ Deleted })),
    ]);
    expect(blobsOf(store)).toEqual([]);
    expect(readdirSync(join(store.layout.snapshots, 'layers'))).toEqual([]);
    expect(JSON.parse(readFileSync(join(store.layout.images, 'index.json'), 'utf8'))).toMatchObject(
      { manifests: [] },
    );
  });

  test('must be refused while a container uses it', async () => {
    await using store = await testStore();
    await store.images.load(stream(dockerArchive({ ...image, tags: ['demo:1'] })));
    const { id } = store.images.require('demo:1');
    const short = id.slice(7, 19);
    const usersOf = (): string[] => ['c'.repeat(64)];
    await expect(store.images.remove('demo:1', { usersOf })).rejects.toThrow(
      `conflict: unable to remove repository reference "demo:1" (must force) - container cccccccccccc is using its referenced image ${short}`,
    );
    await expect(store.images.remove(id, { usersOf, force: true })).rejects.toThrow(
      `conflict: unable to delete ${short} (cannot be forced) - image is being used by container cccccccccccc`,
    );
    expect(await store.images.remove('demo:1', { usersOf, force: true })).toEqual([
      { Untagged: 'demo:1' },
    ]);
    expect(store.images.resolve(id)?.names).toEqual([]);
    expect(store.images.layers.list()).toHaveLength(3);
  });

  test('by an id with several repositories must be forced', async () => {
    await using store = await testStore();
    await store.images.load(stream(dockerArchive(image)));
    const { id } = store.images.require('demo:1');
    const usersOf = (): string[] => [];
    await expect(store.images.remove(id, { usersOf })).rejects.toThrow(
      '(must be forced) - image is referenced in multiple repositories',
    );
    const deleted = await store.images.remove(id, { usersOf, force: true });
    expect(deleted.map((entry) => Object.keys(entry)[0])).toEqual([
      'Untagged',
      'Untagged',
      'Deleted',
      'Deleted',
      'Deleted',
      'Deleted',
    ]);
  });
});
