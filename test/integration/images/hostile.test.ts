/**
 * Archives that want out, or want more than their share (reliability-security.md §3.6). Each one is imported; what is
 * refused leaves nothing, what is accepted stays inside, and a tree beside the store is the same afterwards.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { dockerArchive } from '../../lib/image-archive.ts';
import { stream, testStore, type TestStore } from '../../lib/image-store.ts';
import {
  chunks,
  endMark,
  paxRecord,
  tar,
  tarMember,
  type TarMember,
} from '../../lib/tar-builder.ts';

/** Deep enough to leave every directory the store extracts in. */
const up = '../'.repeat(40);

function plantCanary(path: string): void {
  mkdirSync(join(path, 'canary', 'directory'), { recursive: true });
  writeFileSync(join(path, 'canary', 'file'), 'untouched');
}

/** Every name, type, mode, owner, link, size and content below a directory. */
function fingerprint(path: string): string {
  const list = ['-printf', '%P %y %m %U:%G %n %s %l %T@\n'];
  const names = execFileSync('find', [path, ...list], { encoding: 'utf8' });
  const content = execFileSync('sh', ['-c', `find ${path} -type f -exec sha256sum {} +`], {
    encoding: 'utf8',
  });
  return names.split('\n').sort().join('\n') + content;
}

function listTree(store: TestStore, chainId: `sha256:${string}`): string[] {
  const root = store.images.layers.pathOf(chainId);
  return execFileSync('find', [root, '-mindepth', '1', '-printf', '%P %y %l\n'], {
    encoding: 'utf8',
  })
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .sort();
}

function expectNothing(store: TestStore): void {
  expect(store.images.list()).toEqual([]);
  expect(readdirSync(join(store.layout.snapshots, 'layers'))).toEqual([]);
  expect(readdirSync(join(store.layout.images, 'blobs', 'sha256'))).toEqual([]);
  for (const place of ['layers', 'blobs'])
    expect(readdirSync(join(store.layout.temporary, place))).toEqual([]);
}

const link = (name: string, linkName: string): TarMember => ({ name, flag: '2', linkName });
const hard = (name: string, linkName: string): TarMember => ({ name, flag: '1', linkName });
const dir = (name: string): TarMember => ({ name, flag: '5' });
const file = (name: string, data = 'evil'): TarMember => ({ name, data });
const named = (path: string): TarMember => ({ name: 'short', data: 'evil', pax: { path } });

const refused: readonly (readonly [what: string, archive: Buffer, message: string])[] = [
  ['a parent path', tar(file('../x')), 'entry "../x" contains ".."'],
  [
    'a parent path in the middle',
    tar(dir('a'), file('a/../../x')),
    'entry "a/../../x" contains ".."',
  ],
  ['a parent path at the end', tar(dir('a/..')), 'entry "a/.." contains ".."'],
  [
    'a path far up',
    tar(file(`${up.slice(0, 60)}canary/file`)),
    `entry "${up.slice(0, 60)}canary/file" contains ".."`,
  ],
  ['a parent path behind a slash', tar(file('/../../x')), 'entry "/../../x" contains ".."'],
  ['a name with NUL', tar(named('a\0b')), 'entry "a\uFFFDb" contains a NUL byte'],
  ['an empty name', tar(file('')), 'an entry has an empty name'],
  ['a file in place of the root', tar(file('.')), 'entry "." would replace the root'],
  ['a link in place of the root', tar(link('./', '/tmp')), 'entry "./" would replace the root'],
  [
    'a path of 5000 bytes',
    tar(named('d/'.repeat(2500))),
    expect.stringMatching(/has 5000 bytes, a path may have 4095$/) as string,
  ],
  [
    '300 directories deep',
    tar(named('d/'.repeat(300))),
    expect.stringMatching(/is deeper than 256 directories$/) as string,
  ],
  [
    'a component of 256 bytes',
    tar(named('c'.repeat(256))),
    expect.stringMatching(/has a component of 256 bytes, 255 are possible$/) as string,
  ],
  [
    'a file through a link to a parent',
    tar(link('l', '../../../canary'), file('l/x')),
    'entry "l" is a link to no directory of the layer, but another entry lies below it',
  ],
  [
    'a file through an absolute link',
    tar(link('l', '/canary'), file('l/file')),
    'entry "l" is a link to no directory of the layer, but another entry lies below it',
  ],
  [
    'a file through a link to itself',
    tar(link('l', 'l'), file('l/x')),
    expect.stringMatching(/^entry "l(\/x)?" (is a link to no directory|cannot be made)/) as string,
  ],
  [
    'a file below a file',
    tar(file('f'), file('f/x')),
    'entry "f" is not a directory, but another entry lies below it',
  ],
  [
    'a directory below a file',
    tar(file('f'), dir('f/x')),
    'entry "f" is not a directory, but another entry lies below it',
  ],
  [
    'a hard link out',
    tar(hard('h', '../../canary/file')),
    'entry "../../canary/file" contains ".."',
  ],
  [
    'a hard link to an absolute path',
    tar(hard('h', '/etc/passwd')),
    'entry "h" is a link to a file that the layer does not have',
  ],
  [
    'a hard link through a link',
    tar(link('l', `/${up.slice(0, 40)}canary`), hard('h', 'l/file')),
    'entry "h" is a link to a file that the layer does not have',
  ],
  [
    'a hard link to nothing',
    tar(hard('h', 'missing')),
    'entry "h" is a link to a file that the layer does not have',
  ],
  [
    'a hard link to a directory',
    tar(dir('d'), hard('h', 'd')),
    'entry "h" is a link to a directory',
  ],
  ['a hard link to itself', tar(file('f'), hard('./f', 'f')), 'entry "./f" is a link to itself'],
  [
    'a hard link to a whiteout',
    tar(file('.wh.f'), hard('h', '.wh.f')),
    'entry "h" is a link to a whiteout',
  ],
  [
    'a hard link to what a whiteout made',
    tar(file('.wh.f'), hard('h', 'f')),
    'entry "h" is a link to a file that the layer does not have',
  ],
  [
    'a symbolic link to nothing',
    tar(link('l', '')),
    'entry "l" is a symbolic link with a target that no link can have',
  ],
  [
    'a symbolic link with NUL',
    tar({ name: 'l', flag: '2', pax: { linkpath: 'a\0b' } }),
    'entry "l" is a symbolic link with a target that no link can have',
  ],
  [
    'a device that is a whiteout',
    tar({ name: 'd', flag: '3', major: 0, minor: 0 }),
    'entry "d" is the device 0:0, which is a whiteout to overlayfs',
  ],
  ['a whiteout of no name', tar(file('.wh.')), 'entry ".wh." is a whiteout of no name'],
  ['a whiteout of the directory', tar(file('d/.wh..')), 'entry "d/.wh.." is a whiteout of no name'],
  ['a whiteout of the parent', tar(file('.wh...')), 'entry ".wh..." is a whiteout of no name'],
  ['an entry below a whiteout', tar(file('.wh.d/x')), 'entry ".wh.d/x" lies below a whiteout'],
  ['an unknown type', tar({ name: 'q', flag: 'Q' }), '"q" has the unknown entry type "Q"'],
  ['a negative size', tar({ name: 'n', size: -1 }), 'a header has a negative size'],
  [
    '10 GB declared, none there',
    tar({ name: 'n', size: 10 * 2 ** 30 }),
    'entry "n" makes the layer larger than 67108864 bytes',
  ],
  [
    'a sparse file of 8 EB',
    tar({
      name: 's',
      data: 'x',
      pax: { 'GNU.sparse.size': '9007199254740991', 'GNU.sparse.map': '0,1' },
    }),
    'entry "s" makes the layer larger than 67108864 bytes',
  ],
  [
    'many sparse files that are large together',
    tar(
      ...Array.from({ length: 9 }, (_, index) => ({
        name: `s${index}`,
        pax: { 'GNU.sparse.size': '8388608', 'GNU.sparse.map': '0,0' },
      })),
    ),
    'entry "s8" makes the layer larger than 67108864 bytes',
  ],
  [
    'too many entries',
    tar(...Array.from({ length: 1001 }, (_, index) => file(`f${index}`, ''))),
    'the layer has more than 1000 entries',
  ],
  [
    'an extended header of 10 GB',
    tar({ name: 'x', flag: 'x', size: 10 * 2 ** 30 }),
    'an extended header of 10737418240 bytes is longer than 1048576',
  ],
  [
    'a gzip bomb',
    gzipSync(Buffer.concat([tarMember({ name: 'z', data: Buffer.alloc(60 << 20) }), endMark])),
    'the archive unpacks to more than 200 times its size',
  ],
  [
    'a bomb of bombs',
    gzipSync(gzipSync(Buffer.alloc(60 << 20))),
    'a header has a wrong checksum: not a tar archive, or a damaged one',
  ],
  [
    'an end in the middle',
    tar(file('f', 'x'.repeat(5000))).subarray(0, 2000),
    'the archive ends in the middle of "f"',
  ],
  [
    'nothing that is an archive',
    Buffer.from('#!/bin/sh\n'.repeat(100)),
    'a header has a wrong checksum: not a tar archive, or a damaged one',
  ],
  [
    'bytes behind a zero block',
    Buffer.concat([Buffer.alloc(512), tar(file('x'))]),
    'a block of zeros is followed by more: a damaged archive',
  ],
  [
    'an attribute with a bad name',
    tar({ name: 'f', pax: { 'SCHILY.xattr.nonsense': 'x' } }),
    expect.stringMatching(/^entry "f" cannot be made: .*xattr.*EOPNOTSUPP$/) as string,
  ],
];

const accepted: readonly (readonly [what: string, archive: Buffer, tree: readonly string[]])[] = [
  ['an absolute path', tar(file('/canary/file')), ['canary d', 'canary/file f']],
  ['two slashes', tar(file('//a//b')), ['a d', 'a/b f']],
  ['dots', tar(file('./././a/./b')), ['a d', 'a/b f']],
  [
    'a link out that nothing follows',
    tar(link('l', '/etc/passwd'), link('m', '../../../canary/file')),
    ['l l /etc/passwd', 'm l ../../../canary/file'],
  ],
  ['a file that takes the place of a link out', tar(link('l', '/canary/file'), file('l')), ['l f']],
  [
    'a directory, then a link in its place, then a file through it',
    tar(dir('d'), file('d/old'), link('d', 'real'), dir('real'), file('d/x')),
    ['d l real', 'real d', 'real/x f'],
  ],
  [
    'an absolute link that stays inside, and a file through it',
    tar(dir('canary'), link('l', '/canary'), file('l/file')),
    ['canary d', 'canary/file f', 'l l /canary'],
  ],
  [
    'a chain of links',
    tar(
      dir('d'),
      ...Array.from({ length: 30 }, (_, index) =>
        link(`l${index}`, index === 0 ? 'd' : `l${index - 1}`),
      ),
      file('l29/x'),
    ),
    expect.arrayContaining(['d/x f']) as string[],
  ],
  [
    'a hard link to a link out',
    tar(link('l', '/canary/file'), hard('h', 'l')),
    ['h l /canary/file', 'l l /canary/file'],
  ],
  [
    'a file in place of a directory with content',
    tar(dir('d'), file('d/a'), file('d/b/c'), file('d')),
    ['d f'],
  ],
  [
    'one name ten times',
    tar(...Array.from({ length: 10 }, (_, index) => file('f', String(index)))),
    ['f f'],
  ],
  [
    'twins in case and in Unicode',
    tar(file('A'), file('a'), named('é'), named('e\u0301')),
    ['A f', 'a f', 'e\u0301 f', 'é f'],
  ],
  [
    'a name that is not UTF-8',
    tar({ name: Buffer.from([0x66, 0xff]), data: 'x' }),
    expect.arrayContaining([expect.stringMatching(/^f/)]) as string[],
  ],
  [
    'a fifo and devices',
    tar(
      { name: 'p', flag: '6' },
      { name: 'c', flag: '3', major: 1, minor: 3 },
      { name: 'b', flag: '4', major: 8, minor: 0 },
    ),
    ['b b', 'c c', 'p p'],
  ],
  ['book-keeping of aufs', tar(file('.wh..wh.plnk/x'), file('.wh..wh.aufs')), []],
  [
    'attributes that are overlayfs’s own',
    tar({
      name: 'd',
      flag: '5',
      pax: {
        'SCHILY.xattr.trusted.overlay.redirect': '/../../canary',
        'SCHILY.xattr.trusted.overlay.opaque': 'y',
      },
    }),
    ['d d'],
  ],
  [
    'a global header that renames everything',
    tar(
      tarMember({ name: 'g', flag: 'g', data: paxRecord('path', '../../canary/file') }),
      file('f'),
    ),
    ['f f'],
  ],
  [
    'owners, modes and times at their limits',
    tar(
      { name: 'f', mode: 0o7777, uid: 2 ** 31, gid: 2 ** 32 - 2, mtime: -1 },
      { name: 'g', mtime: 2 ** 33 },
    ),
    ['f f', 'g f'],
  ],
  [
    'another archive behind its end',
    Buffer.concat([tar(file('a')), tar(file('../../canary/file'))]),
    ['a f'],
  ],
  [
    'several members of gzip',
    Buffer.concat([gzipSync(tarMember(file('a'))), gzipSync(tar(file('b')))]),
    ['a f', 'b f'],
  ],
];

const limits = { layerBytes: 64 << 20, entries: 1000, ratioFloorBytes: 8 << 20 };

describe('a hostile archive', () => {
  test.each(refused)('with %s must be refused whole', async (_, archive, message) => {
    await using store = await testStore({ limits });
    plantCanary(store.path);
    const before = fingerprint(join(store.path, 'canary'));
    const error = await store.images
      .import(stream(archive), { reference: 'x:1' })
      .catch((reason: unknown) => reason);
    expect((error as Error).message.replace(/^cannot import: the root file system: /, '')).toEqual(
      message,
    );
    expect(fingerprint(join(store.path, 'canary'))).toBe(before);
    expectNothing(store);
  });

  test.each(accepted)('with %s must stay inside', async (_, archive, tree) => {
    await using store = await testStore({ limits });
    plantCanary(store.path);
    const before = fingerprint(join(store.path, 'canary'));
    const image = await store.images.import(stream(archive), { reference: 'x:1' });
    expect(listTree(store, image.chain[0] ?? 'sha256:')).toEqual(tree);
    expect(fingerprint(join(store.path, 'canary'))).toBe(before);
  });

  test('must not keep what overlayfs would act upon', async () => {
    await using store = await testStore();
    const pax = {
      'SCHILY.xattr.trusted.overlay.redirect': '/../../canary',
      'SCHILY.xattr.user.overlay.opaque': 'y',
      'SCHILY.xattr.user.mine': 'kept',
    };
    const image = await store.images.import(stream(tar({ name: 'd', flag: '5', pax })), {
      reference: null,
    });
    const place = join(store.images.layers.pathOf(image.chain[0] ?? 'sha256:'), 'd');
    const names = execFileSync(
      'python3',
      ['-c', `import os; print(sorted(os.listxattr(${JSON.stringify(place)})))`],
      { encoding: 'utf8' },
    );
    expect(names).toBe("['user.mine']\n");
  });

  test('of many layers that is bad in the last one must leave none of them', async () => {
    await using store = await testStore();
    const layers = [tar(file('a')), tar(file('b')), tar(file('../x'))];
    await expect(
      store.images.load(stream(dockerArchive({ layers, tags: ['x:1'] }))),
    ).rejects.toThrow('cannot load the archive: layer 3 of "x:1": entry "../x" contains ".."');
    expectNothing(store);
  });

  test('of gigabytes in kilobytes must not take memory', async () => {
    await using store = await testStore({ limits: { ...limits, layerBytes: 2 ** 40 } });
    const zeros = gzipSync(Buffer.alloc(64 << 20));
    const bomb = Buffer.concat([
      gzipSync(tarMember({ name: 'z', size: 2 ** 38 })),
      ...Array.from({ length: 64 }, () => zeros),
    ]);
    const before = process.memoryUsage().rss;
    await expect(store.images.import(chunks(bomb, 1 << 16), { reference: null })).rejects.toThrow(
      'more than 200 times its size',
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
    expectNothing(store);
  });
});
