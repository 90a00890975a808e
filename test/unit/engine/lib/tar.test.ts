import { pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { readTar, TarError, type TarEntry } from '../../../../engine/lib/index.ts';
import { chunks, endMark, pad, paxRecord, tar, tarMember } from '../../../lib/tar-builder.ts';

interface Read extends Omit<TarEntry, 'content'> {
  readonly content: string;
}

async function read(bytes: Buffer, chunkBytes = 4096): Promise<Read[]> {
  const found: Read[] = [];
  for await (const entry of readTar(chunks(bytes, chunkBytes))) {
    const content = Buffer.alloc(entry.type === 'file' ? entry.sizeBytes : 0);
    for await (const piece of entry.content()) piece.bytes.copy(content, piece.offset);
    found.push({ ...entry, content: content.toString('latin1') });
  }
  return found;
}

async function failure(bytes: Buffer): Promise<string> {
  const error = await read(bytes).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TarError);
  return (error as Error).message;
}

describe('a tar archive', () => {
  const plain = {
    type: 'file',
    linkName: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtimeNs: 0n,
    major: 0,
    minor: 0,
    xattrs: new Map(),
  };

  test('must give names, types, owners, modes and times of every entry', async () => {
    const bytes = tar(
      { name: 'd/', flag: '5', mode: 0o1777, uid: 3, gid: 4, mtime: 7 },
      { name: 'd/f', data: 'hello', mode: 0o4755 },
      { name: 'd/l', flag: '2', linkName: '../f' },
      { name: 'd/h', flag: '1', linkName: 'd/f' },
      { name: 'd/c', flag: '3', major: 1, minor: 300 },
    );
    expect(await read(bytes)).toMatchObject([
      {
        ...plain,
        name: 'd/',
        type: 'directory',
        mode: 0o1777,
        uid: 3,
        gid: 4,
        mtimeNs: 7_000_000_000n,
      },
      { ...plain, name: 'd/f', mode: 0o4755, sizeBytes: 5, content: 'hello' },
      { ...plain, name: 'd/l', type: 'symlink', linkName: '../f' },
      { ...plain, name: 'd/h', type: 'link', linkName: 'd/f' },
      { ...plain, name: 'd/c', type: 'char', major: 1, minor: 300 },
    ]);
  });

  test.each([1, 7, 511, 512, 513, 100_000])(
    'must read the same in chunks of %d bytes',
    async (size) => {
      const bytes = tar(
        { name: 'a', data: 'x'.repeat(1500), pax: { path: 'a'.repeat(300) } },
        { name: 'b', data: 'y' },
      );
      expect(
        (await read(bytes, size)).map(({ name, content }) => [name.length, content.length]),
      ).toEqual([
        [300, 1500],
        [1, 1],
      ]);
    },
  );

  test('must skip content that nobody reads', async () => {
    const names: string[] = [];
    for await (const { name } of readTar(
      chunks(tar({ name: 'a', data: 'z'.repeat(9000) }, { name: 'b' }), 100),
    ))
      names.push(name);
    expect(names).toEqual(['a', 'b']);
  });

  test('must keep bytes of attributes that are not text', async () => {
    const value = Buffer.from([1, 0, 0, 2, 0x80, 0xff, 0, 0]);
    const [entry] = await read(
      tar({ name: 'a', pax: { 'SCHILY.xattr.security.capability': value } }),
    );
    expect(entry?.xattrs.get('security.capability')).toEqual(value);
  });

  test('must take large owners, exact and early times from the extended header', async () => {
    const pax = { uid: '4294967294', mtime: '-1.250000001', size: '3' };
    const [entry] = await read(tar({ name: 'a', data: 'abc', size: 0, pax }));
    expect(entry).toMatchObject({ uid: 4_294_967_294, mtimeNs: -1_250_000_001n, content: 'abc' });
  });

  test('must take binary numbers, long names of GNU and prefixes of ustar', async () => {
    const long = tarMember({ name: '././@LongLink', flag: 'L', data: `${'n'.repeat(200)}\0` });
    const prefixed = { name: 'x', patch: (header: Buffer) => void header.write('p/q', 345) };
    const found = await read(tar(long, { name: 'n', uid: 2 ** 31 }, prefixed));
    expect(found.map(({ name, uid }) => [name, uid])).toEqual([
      ['n'.repeat(200), 2 ** 31],
      ['p/q/x', 0],
    ]);
  });

  test('must pass over a global header, which speaks for all entries', async () => {
    const global = tarMember({ name: 'g', flag: 'g', data: paxRecord('path', '../../evil') });
    expect((await read(tar(global, { name: 'a' }))).map(({ name }) => name)).toEqual(['a']);
  });

  test('must write an old GNU sparse file with its holes', async () => {
    const entry = {
      name: 's',
      flag: 'S',
      data: 'AABB',
      patch: (header: Buffer) => {
        header.write('ustar  \0', 257, 'latin1');
        header.write('00000000002\0', 386, 'latin1');
        header.write('00000000002\0', 398, 'latin1');
        header.write('00000000010\0', 410, 'latin1');
        header.write('00000000002\0', 422, 'latin1');
        header.write('00000000014\0', 483, 'latin1');
      },
    };
    expect((await read(tar(entry)))[0]?.content).toBe('\0\0AA\0\0\0\0BB\0\0');
  });

  test.each([
    ['0.1', { 'GNU.sparse.size': '8', 'GNU.sparse.map': '1,2,6,1' }, 'abc'],
    [
      '1.0',
      { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '8' },
      Buffer.concat([pad(Buffer.from('2\n1\n2\n6\n1\n')), Buffer.from('abc')]),
    ],
  ])('must write a sparse file of the format %s with its holes', async (_, pax, data) => {
    const [entry] = await read(
      tar({ name: 'x', data, pax: { ...pax, 'GNU.sparse.name': 'real' } }),
    );
    expect(entry).toMatchObject({ name: 'real', sizeBytes: 8, content: '\0ab\0\0\0c\0' });
  });

  test('must agree with another writer', async () => {
    const archive = pack();
    archive.entry({ name: 'ä'.repeat(90), pax: { comment: 'x' } }, 'content');
    archive.entry({ name: 'd', type: 'directory' });
    archive.finalize();
    const parts: Buffer[] = [];
    for await (const part of archive as AsyncIterable<Buffer>) parts.push(part);
    const found = await read(Buffer.concat(parts));
    expect(found.map(({ name, type }) => [Buffer.from(name, 'latin1').toString(), type])).toEqual([
      ['ä'.repeat(90), 'file'],
      ['d', 'directory'],
    ]);
  });

  test('must end at its end mark and leave alone what follows', async () => {
    const bytes = Buffer.concat([tar({ name: 'a' }), tar({ name: 'b' }), Buffer.from('rubbish')]);
    expect((await read(bytes)).map(({ name }) => name)).toEqual(['a']);
  });

  test('must be read without an end mark', async () => {
    expect((await read(tarMember({ name: 'a', data: 'x' }))).map(({ name }) => name)).toEqual([
      'a',
    ]);
  });
});

describe('a damaged tar archive', () => {
  const cut = tar({ name: 'cut', data: 'x'.repeat(2000) }).subarray(0, 1024);
  test.each([
    [
      'a wrong checksum',
      tar({ name: 'a', keepChecksum: true }),
      'a header has a wrong checksum: not a tar archive, or a damaged one',
    ],
    [
      'no archive',
      Buffer.from('PK'.padEnd(600, 'x')),
      'a header has a wrong checksum: not a tar archive, or a damaged one',
    ],
    ['an end in the content', cut, 'the archive ends in the middle of "cut"'],
    ['an end in a header', cut.subarray(0, 100), 'the archive ends in the middle of a header'],
    [
      'an end in the padding',
      tarMember({ name: 'a', data: 'x' }).subarray(0, 600),
      'the archive ends in the middle of "a"',
    ],
    [
      'an end behind an extended header',
      tarMember({ name: 'x', flag: 'x', data: paxRecord('path', 'y') }),
      'the archive ends behind an extended header',
    ],
    [
      'zeros followed by more',
      Buffer.concat([Buffer.alloc(512), tar({ name: 'a' })]),
      'a block of zeros is followed by more: a damaged archive',
    ],
    ['a negative size', tar({ name: 'a', size: -5 }), 'a header has a negative size'],
    [
      'a size beyond 2^53',
      tar({
        name: 'a',
        size: Buffer.from([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
      }),
      'a header has a size beyond 2^53',
    ],
    [
      'a size that is no number',
      tar({ name: 'a', size: Buffer.from('0000000008x\0') }),
      'a header has a size that is not a number',
    ],
    ['an unknown type', tar({ name: 'a', flag: 'Q' }), '"a" has the unknown entry type "Q"'],
    [
      'a huge extended header',
      tar({ name: 'a', flag: 'x', size: 10 * 2 ** 30 }),
      'an extended header of 10737418240 bytes is longer than 1048576',
    ],
    [
      'a huge long name',
      tar({ name: 'a', flag: 'L', size: 10 * 2 ** 30 }),
      'an extended header of 10737418240 bytes is longer than 1048576',
    ],
    [
      'a record of a wrong length',
      tar(tarMember({ name: 'x', flag: 'x', data: '99 path=a\n' })),
      'an extended header has a record with a wrong length',
    ],
    [
      'a record without a value',
      tar(tarMember({ name: 'x', flag: 'x', data: '7 path\n' })),
      'an extended header has a record that is not "keyword=value"',
    ],
    [
      'an extended size that is no number',
      tar({ name: 'a', pax: { size: '1e9' } }),
      'an extended header has "size" = "1e9", not a number',
    ],
    [
      'an extended time that is no time',
      tar({ name: 'a', pax: { mtime: 'now' } }),
      'an extended header has "mtime" = "now", not a time',
    ],
    [
      'overlapping sparse parts',
      tar({
        name: 'a',
        data: 'abcd',
        pax: { 'GNU.sparse.size': '8', 'GNU.sparse.map': '0,2,1,2' },
      }),
      'a sparse file has parts that overlap or leave the file',
    ],
    [
      'a sparse part outside',
      tar({ name: 'a', data: 'ab', pax: { 'GNU.sparse.size': '8', 'GNU.sparse.map': '7,2' } }),
      'a sparse file has parts that overlap or leave the file',
    ],
    [
      'a sparse map of another size',
      tar({ name: 'a', data: 'ab', pax: { 'GNU.sparse.size': '8', 'GNU.sparse.map': '0,1' } }),
      'a sparse file has 2 bytes where its map says 1',
    ],
    [
      'a sparse map that never ends',
      tar({
        name: 'a',
        data: '9'.repeat(2048),
        pax: { 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '8' },
      }),
      'a sparse file has a damaged map',
    ],
  ])('must be refused for %s', async (_, bytes, message) => {
    expect(await failure(bytes)).toBe(message);
  });

  test('must never make the reader throw anything untyped, however it is damaged', async () => {
    const good = tar(
      { name: 'd/', flag: '5' },
      { name: 'd/f', data: 'hello', pax: { path: 'x'.repeat(200), mtime: '1.5' } },
      { name: 's', flag: '2', linkName: 'd' },
    );
    let state = 42;
    const random = (limit: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state % limit;
    };
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(
        good.subarray(0, random(3) === 0 ? random(good.length) : good.length),
      );
      for (let flips = random(6); flips >= 0 && bytes.length > 0; flips--)
        bytes[random(bytes.length)] = random(256);
      const result = await read(bytes).catch((error: unknown) => error);
      if (!Array.isArray(result)) expect(result).toBeInstanceOf(TarError);
    }
  });

  test('that is nothing but its end mark must be over at once', async () => {
    expect(await read(endMark)).toEqual([]);
  });
});
