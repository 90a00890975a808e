import {
  mkdirSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  chmodAt,
  chownAt,
  closeFd,
  getXattrsAt,
  makeDirectoryAt,
  makeLinkAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
  openRoot,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  readDirectory,
  readLinkAt,
  renameAt,
  setTimesAt,
  setXattrAt,
  statAt,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  unlinkAt,
  type Fd,
} from '../../../native/index.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { errnoOf, newDescriptors, openDescriptors } from './support.ts';

/** A root with a neighbour that must never be touched: "secret" beside it, and what would be in it. */
interface Prison extends AsyncDisposable {
  readonly root: Fd;
  readonly path: string;
  readonly outside: string;
}

async function prison(): Promise<Prison> {
  const dir = await tempDir();
  const path = join(dir.path, 'root');
  const outside = join(dir.path, 'outside');
  mkdirSync(path);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'untouched', { mode: 0o600 });
  const root = openRoot(path);
  return {
    root,
    path,
    outside,
    [Symbol.asyncDispose]: async () => {
      closeFd(root);
      await dir[Symbol.asyncDispose]();
    },
  };
}

function read(dir: Fd, path: string): string {
  const fd = openAt(dir, path, { flags: O_RDONLY });
  const buffer = Buffer.alloc(1000);
  const length = readSync(fd, buffer);
  closeFd(fd);
  return buffer.toString('utf8', 0, length);
}

function write(dir: Fd, path: string, text: string): void {
  const fd = openAt(dir, path, { flags: O_WRONLY | O_CREAT });
  writeSync(fd, text);
  closeFd(fd);
}

describe('paths that try to leave the root', () => {
  /** Each is a link below the root, or just a path, that names the directory outside for anybody else. */
  const escapes: readonly (readonly [name: string, path: (prison: Prison) => string])[] = [
    ['..', () => '../outside'],
    ['many ..', () => '../../../../../../../../..'.concat('/outside')],
    ['an absolute path', ({ outside }) => outside],
    ['an absolute link', ({ path, outside }) => linkTo(path, outside)],
    ['a relative link', ({ path }) => linkTo(path, '../outside')],
    ['a link to /', ({ path, outside }) => `${linkTo(path, '/')}${outside}`],
    [
      'a chain of links',
      ({ path, outside }) => {
        symlinkSync(outside, join(path, 'first'));
        return linkTo(path, 'first');
      },
    ],
    ['a magic link', ({ path, outside }) => `${linkTo(path, '/proc/self/root')}${outside}`],
  ];

  function linkTo(path: string, target: string): string {
    symlinkSync(target, join(path, 'link'));
    return 'link';
  }

  test.each(escapes)(
    '%s must neither be read, written nor removed through',
    async (_name, make) => {
      await using cell = await prison();
      const { root, outside } = cell;
      const secret = `${make(cell)}/secret`;
      const attempts: Record<string, () => unknown> = {
        open: () => openAt(root, secret, { flags: O_RDONLY }),
        create: () => openAt(root, `${secret}2`, { flags: O_WRONLY | O_CREAT }),
        stat: () => statAt(root, secret),
        mkdir: () => {
          makeDirectoryAt(root, `${secret}2`);
        },
        symlink: () => {
          makeSymlinkAt(root, `${secret}2`, 'x');
        },
        node: () => {
          makeNodeAt(root, { path: `${secret}2`, mode: S_IFIFO | 0o600 });
        },
        link: () => {
          makeLinkAt(root, 'taken', secret);
        },
        unlink: () => {
          unlinkAt(root, secret);
        },
        rename: () => {
          renameAt(root, { from: secret, to: 'taken' });
        },
        chmod: () => {
          chmodAt(root, secret, 0o777);
        },
        chown: () => {
          chownAt(root, secret, { uid: 1, gid: 1 });
        },
        times: () => {
          setTimesAt(root, secret, { accessNs: 0n, modifyNs: 0n });
        },
        xattr: () => {
          setXattrAt(root, secret, { name: 'user.x', value: Buffer.from('x') });
        },
        xattrs: () => getXattrsAt(root, secret),
      };
      const outcomes = Object.entries(attempts).map(
        ([call, attempt]) => `${call} ${errnoOf(attempt)}`,
      );
      expect(outcomes.filter((outcome) => !/ENOENT|ELOOP|ENOTDIR$/.test(outcome))).toEqual([]);
      expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('untouched');
      expect(statSync(join(outside, 'secret')).mode & 0o777).toBe(0o600);
    },
  );

  test('the magic links of /proc must not be followed even where /proc is below the root', () => {
    const root = openRoot('/');
    expect(errnoOf(() => openAt(root, 'proc/self/root/etc', { flags: O_RDONLY }))).toBe('ELOOP');
    expect(errnoOf(() => openAt(root, 'proc/self/fd/0', { flags: O_RDONLY }))).toBe('ELOOP');
    closeFd(root);
  });

  test('a directory that is swapped for a link must not lead out while it is walked', async () => {
    await using cell = await prison();
    mkdirSync(join(cell.path, 'real'));
    symlinkSync(cell.outside, join(cell.path, 'evil'));
    const before = openDescriptors();
    // One swap between any two calls covers each point where another thread could have swapped.
    for (let i = 0; i < 500; i++) {
      renameAt(cell.root, { from: 'real', to: 'evil', existing: 'exchange' });
      const outcome = errnoOf(() => {
        write(cell.root, 'real/secret', 'changed');
      });
      expect(outcome).toMatch(i % 2 === 0 ? /ENOENT|ELOOP/ : /none/);
    }
    expect(readFileSync(join(cell.outside, 'secret'), 'utf8')).toBe('untouched');
    expect(newDescriptors(before)).toEqual([]);
  });

  test('a link in the last component must be acted on itself', async () => {
    await using cell = await prison();
    makeSymlinkAt(cell.root, 'link', join(cell.outside, 'secret'));
    expect(readLinkAt(cell.root, 'link')).toBe(join(cell.outside, 'secret'));
    expect(statAt(cell.root, 'link').type).toBe('symlink');
    expect(errnoOf(() => statAt(cell.root, 'link', { followLast: true }))).toBe('ENOENT');
    expect(errnoOf(() => openAt(cell.root, 'link', { flags: O_RDONLY | O_NOFOLLOW }))).toBe(
      'ELOOP',
    );
    chownAt(cell.root, 'link', { uid: 7, gid: 8 });
    setTimesAt(cell.root, 'link', { accessNs: 1n, modifyNs: 1_500_000_000n });
    expect(statAt(cell.root, 'link')).toMatchObject({
      uid: 7,
      gid: 8,
      accessNs: 1n,
      modifyNs: 1_500_000_000n,
    });
    expect(
      errnoOf(() => {
        chmodAt(cell.root, 'link', 0o777);
      }),
    ).toBe('EOPNOTSUPP');
    makeLinkAt(cell.root, 'hard', 'link');
    expect(statAt(cell.root, 'hard').type).toBe('symlink');
    unlinkAt(cell.root, 'link');
    expect(statSync(join(cell.outside, 'secret')).uid).toBe(process.getuid?.());
  });
});

describe('operations below a root', () => {
  test('names that are no names must be refused', async () => {
    await using cell = await prison();
    for (const path of ['', '.', '..', '/', 'x/..', 'x/.']) {
      expect([
        path,
        errnoOf(() => {
          makeDirectoryAt(cell.root, path);
        }),
      ]).toEqual([path, 'EINVAL']);
    }
    expect(
      errnoOf(() => {
        makeDirectoryAt(cell.root, 'x'.repeat(256));
      }),
    ).toBe('ENAMETOOLONG');
    expect(() => {
      makeDirectoryAt(cell.root, 'a\0b');
    }).toThrow(TypeError);
  });

  test('"" and "/" must be the root itself', async () => {
    await using cell = await prison();
    makeDirectoryAt(cell.root, '/sub/');
    for (const path of ['', '/', '.', '..', 'sub/..']) {
      expect(statAt(cell.root, path).inode).toBe(statAt(cell.root, '').inode);
    }
    write(cell.root, '/sub/file', 'text');
    expect(read(cell.root, 'sub//file')).toBe('text');
  });

  test('modes must be exact, whatever the umask', async () => {
    await using cell = await prison();
    const mask = process.umask(0o077);
    makeDirectoryAt(cell.root, 'dir', 0o2777);
    makeNodeAt(cell.root, { path: 'fifo', mode: S_IFIFO | 0o666 });
    closeFd(openAt(cell.root, 'file', { flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o4755 }));
    process.umask(mask);
    const modes = ['dir', 'fifo', 'file'].map((name) =>
      (statAt(cell.root, name).mode & 0o7777).toString(8),
    );
    expect(modes).toEqual(['2777', '666', '4755']);
  });

  test('names that are not UTF-8 must be listed, opened and removed', async () => {
    await using cell = await prison();
    const raw = Buffer.from([0x66, 0xe9, 0x80]);
    makeDirectoryAt(cell.root, raw);
    const listing = openAt(cell.root, '', { flags: O_RDONLY | O_DIRECTORY });
    const [entry] = readDirectory(listing);
    expect(entry?.raw).toEqual(raw);
    unlinkAt(cell.root, entry?.raw ?? '', { isDirectory: true });
    expect(readDirectory(listing)).toEqual([]);
    closeFd(listing);
  });

  test('a large directory must be listed whole, again and again', async () => {
    await using cell = await prison();
    const names = Array.from({ length: 3000 }, (_, index) => `${'n'.repeat(60)}${index}`);
    for (const name of names) closeFd(openAt(cell.root, name, { flags: O_WRONLY | O_CREAT }));
    for (let round = 0; round < 2; round++) {
      expect(
        readDirectory(cell.root)
          .map(({ name }) => name)
          .sort(),
      ).toEqual([...names].sort());
    }
    expect(
      errnoOf(() => readDirectory(openAt(cell.root, names[0] ?? '', { flags: O_RDONLY }))),
    ).toBe('ENOTDIR');
  });

  test('a rename must replace, keep or exchange what is there', async () => {
    await using cell = await prison();
    write(cell.root, 'a', 'a');
    write(cell.root, 'b', 'b');
    expect(
      errnoOf(() => {
        renameAt(cell.root, { from: 'a', to: 'b', existing: 'keep' });
      }),
    ).toBe('EEXIST');
    renameAt(cell.root, { from: 'a', to: 'b', existing: 'exchange' });
    expect([read(cell.root, 'a'), read(cell.root, 'b')]).toEqual(['b', 'a']);
    renameAt(cell.root, { from: 'a', to: 'b' });
    expect([read(cell.root, 'b'), errnoOf(() => statAt(cell.root, 'a'))]).toEqual(['b', 'ENOENT']);
    const outside = openRoot(cell.outside);
    renameAt(cell.root, { from: 'b', to: 'moved', toDir: outside });
    expect(read(outside, 'moved')).toBe('b');
    closeFd(outside);
  });

  test('a directory must be removed as one only, and a file as a file only', async () => {
    await using cell = await prison();
    makeDirectoryAt(cell.root, 'dir');
    write(cell.root, 'file', '');
    expect(
      errnoOf(() => {
        unlinkAt(cell.root, 'dir');
      }),
    ).toBe('EISDIR');
    expect(
      errnoOf(() => {
        unlinkAt(cell.root, 'file', { isDirectory: true });
      }),
    ).toBe('ENOTDIR');
    unlinkAt(cell.root, 'dir', { isDirectory: true });
    unlinkAt(cell.root, 'file');
    expect(readDirectory(cell.root)).toEqual([]);
  });
});

describe.skipIf(missing('root').length > 0)('what only root may do', () => {
  test('nodes must have their numbers', async () => {
    await using cell = await prison();
    makeNodeAt(cell.root, { path: 'whiteout', mode: S_IFCHR });
    makeNodeAt(cell.root, { path: 'null', mode: S_IFCHR | 0o666, major: 1, minor: 3 });
    makeNodeAt(cell.root, { path: 'disk', mode: S_IFBLK | 0o600, major: 259, minor: 70_000 });
    const facts = ['whiteout', 'null', 'disk'].map((name) => {
      const { type, major, minor } = statAt(cell.root, name);
      return [type, major, minor];
    });
    expect(facts).toEqual([
      ['char', 0, 0],
      ['char', 1, 3],
      ['block', 259, 70_000],
    ]);
  });

  test('owners up to 32 bits must be kept, and -1 change nothing', async () => {
    await using cell = await prison();
    write(cell.root, 'file', '');
    chownAt(cell.root, 'file', { uid: 4_294_967_294, gid: 1 });
    chownAt(cell.root, 'file', { uid: -1, gid: 2 });
    expect(statAt(cell.root, 'file')).toMatchObject({ uid: 4_294_967_294, gid: 2 });
  });

  test('times before 1970 and after 2038 must be kept to the nanosecond', async () => {
    await using cell = await prison();
    write(cell.root, 'file', '');
    const times = { accessNs: -1n, modifyNs: 4_102_444_800_123_456_789n };
    setTimesAt(cell.root, 'file', times);
    expect(statAt(cell.root, 'file')).toMatchObject(times);
  });

  test('extended attributes of files and of links must come back', async () => {
    await using cell = await prison();
    write(cell.root, 'file', '');
    makeSymlinkAt(cell.root, 'link', 'file');
    const value = Uint8Array.of(0, 1, 255);
    setXattrAt(cell.root, 'file', { name: 'trusted.tscompose', value });
    setXattrAt(cell.root, 'file', { name: 'user.empty', value: new Uint8Array() });
    setXattrAt(cell.root, 'link', { name: 'trusted.link', value });
    const listed = (path: string): unknown =>
      [...getXattrsAt(cell.root, path)].map(([name, bytes]) => [name, [...bytes]]).sort();
    expect(listed('file')).toEqual([
      ['trusted.tscompose', [0, 1, 255]],
      ['user.empty', []],
    ]);
    expect(listed('link')).toEqual([['trusted.link', [0, 1, 255]]]);
  });
});
