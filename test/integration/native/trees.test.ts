import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  chownAt,
  closeFd,
  copyTreeAt,
  diskUsage,
  getXattrsAt,
  labelTree,
  makeDirectoryAt,
  makeLinkAt,
  makeNodeAt,
  makeSymlinkAt,
  mount,
  openAt,
  openRoot,
  O_DIRECTORY,
  O_RDONLY,
  readDirectory,
  readLinkAt,
  removeTreeAt,
  setTimesAt,
  setXattrAt,
  statAt,
  S_IFCHR,
  S_IFIFO,
  unmount,
  type Fd,
} from '../../../native/index.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { errnoOfAsync, newDescriptors, openDescriptors } from './support.ts';

/** One line per file below `dir`: everything that a copy must keep. */
function describeTree(dir: Fd, path = ''): string[] {
  const fd = openAt(dir, path, { flags: O_RDONLY | O_DIRECTORY });
  const names = readDirectory(fd)
    .map(({ name }) => name)
    .sort();
  closeFd(fd);
  return names.flatMap((name) => {
    const full = `${path}/${name}`;
    const { type, mode, uid, gid, size, links, major, minor, modifyNs } = statAt(dir, full);
    const xattrs = [...getXattrsAt(dir, full)].map(
      ([key, value]) => `${key}=${Buffer.from(value).toString('hex')}`,
    );
    const facts = [mode.toString(8), `${uid}:${gid}`, modifyNs, ...xattrs.sort()];
    if (type === 'symlink') facts.push(readLinkAt(dir, full));
    if (type === 'file') facts.push(`${size} bytes`, `${links} names`);
    if (type === 'char') facts.push(`${major}:${minor}`);
    return [
      `${full} ${type} ${facts.join(' ')}`,
      ...(type === 'directory' ? describeTree(dir, full) : []),
    ];
  });
}

/** A directory as deep as asked, made without ever naming a path longer than the kernel takes. */
function makeDeep(path: string, depth: number): void {
  let dir = openRoot(path);
  for (let level = 0; level < depth; level++) {
    makeDirectoryAt(dir, 'deep');
    const next = openAt(dir, 'deep', { flags: O_RDONLY | O_DIRECTORY });
    closeFd(dir);
    dir = next;
  }
  closeFd(dir);
}

describe('removeTreeAt', () => {
  test('a tree must be gone with all kinds of files, and nothing beside it', async () => {
    await using dir = await tempDir();
    const root = openRoot(dir.path);
    mkdirSync(join(dir.path, 'tree/a/b/c'), { recursive: true });
    mkdirSync(join(dir.path, 'kept'));
    writeFileSync(join(dir.path, 'kept/file'), 'x');
    writeFileSync(join(dir.path, 'tree/a/file'), 'x');
    symlinkSync(join(dir.path, 'kept'), join(dir.path, 'tree/a/link'));
    symlinkSync('..', join(dir.path, 'tree/a/b/up'));
    makeNodeAt(root, { path: 'tree/fifo', mode: S_IFIFO | 0o600 });
    await removeTreeAt(root, 'tree');
    await removeTreeAt(root, 'tree');
    await removeTreeAt(root, 'none/at/all');
    expect(readdirSync(dir.path)).toEqual(['kept']);
    await removeTreeAt(root, 'kept/file');
    expect(readdirSync(join(dir.path, 'kept'))).toEqual([]);
    closeFd(root);
  });

  test('a link in place of the tree must be removed, not what it names', async () => {
    await using dir = await tempDir();
    const root = openRoot(dir.path);
    mkdirSync(join(dir.path, 'kept/sub'), { recursive: true });
    symlinkSync('kept', join(dir.path, 'link'));
    await removeTreeAt(root, 'link');
    expect(readdirSync(join(dir.path, 'kept'))).toEqual(['sub']);
    closeFd(root);
  });

  test('a tree that is deeper than there are descriptors must be gone', async () => {
    await using dir = await tempDir();
    mkdirSync(join(dir.path, 'tree'));
    makeDeep(join(dir.path, 'tree'), 2000);
    const root = openRoot(dir.path);
    await removeTreeAt(root, 'tree');
    expect(readdirSync(dir.path)).toEqual([]);
    closeFd(root);
  });

  test('thousands of files must be gone, and no descriptor left', async () => {
    await using dir = await tempDir();
    const before = openDescriptors();
    const root = openRoot(dir.path);
    for (let i = 0; i < 50; i++) {
      mkdirSync(join(dir.path, `tree/${i}`), { recursive: true });
      for (let j = 0; j < 60; j++) writeFileSync(join(dir.path, `tree/${i}/${j}`), '');
    }
    await removeTreeAt(root, 'tree');
    expect(readdirSync(dir.path)).toEqual([]);
    closeFd(root);
    expect(newDescriptors(before)).toEqual([]);
  });

  test('directories that turn into links meanwhile must not lead out', async () => {
    await using dir = await tempDir();
    const outside = join(dir.path, 'outside');
    mkdirSync(outside);
    for (let i = 0; i < 50; i++) writeFileSync(join(outside, `file${i}`), 'untouched');
    const racer = new Worker(
      `const { renameSync, mkdirSync, symlinkSync, writeFileSync } = require('node:fs');
       const { tree, outside } = require('node:worker_threads').workerData;
       const ignore = (call) => { try { call(); } catch {} };
       ignore(() => symlinkSync(outside, tree + '-link'));
       for (let i = 0; ; i++) {
         ignore(() => mkdirSync(tree + '/a/b', { recursive: true }));
         ignore(() => writeFileSync(tree + '/a/b/f', ''));
         ignore(() => renameSync(tree + '/a', tree + '-aside' + (i % 3)));
         ignore(() => renameSync(tree + '-link', tree + '/a'));
         ignore(() => renameSync(tree + '/a', tree + '-link'));
         ignore(() => renameSync(tree + '-aside' + (i % 3), tree + '/a'));
       }`,
      { eval: true, workerData: { tree: join(dir.path, 'tree'), outside } },
    );
    const root = openRoot(dir.path);
    const outcomes = new Set<string>();
    try {
      for (let i = 0; i < 300; i++) {
        mkdirSync(join(dir.path, 'tree'), { recursive: true });
        outcomes.add(await errnoOfAsync(removeTreeAt(root, 'tree')));
      }
    } finally {
      await racer.terminate();
    }
    const allowed = ['none', 'ENOTEMPTY', 'ELOOP', 'ENOTDIR'];
    expect([...outcomes].filter((outcome) => !allowed.includes(outcome))).toEqual([]);
    expect(readdirSync(outside)).toHaveLength(50);
    closeFd(root);
  });

  test.skipIf(missing('root').length > 0)(
    'a mount point below must stop it, and stay whole',
    async () => {
      await using dir = await tempDir();
      const target = join(dir.path, 'tree/mounted');
      mkdirSync(target, { recursive: true });
      mount({ source: 'tmpfs', target, type: 'tmpfs' });
      writeFileSync(join(target, 'file'), 'kept');
      const root = openRoot(dir.path);
      expect(await errnoOfAsync(removeTreeAt(root, 'tree'))).toMatch(/EBUSY|EXDEV/);
      expect(readFileSync(join(target, 'file'), 'utf8')).toBe('kept');
      unmount(target);
      await removeTreeAt(root, 'tree');
      expect(readdirSync(dir.path)).toEqual([]);
      closeFd(root);
    },
  );
});

async function makeSource(path: string): Promise<void> {
  const root = openRoot(path);
  makeDirectoryAt(root, 'dir', 0o1755);
  writeFileSync(join(path, 'dir/file'), 'content');
  writeFileSync(join(path, 'dir/secret'), 'x', { mode: 0o640 });
  writeFileSync(join(path, 'large'), Buffer.alloc(300_000, 'large'));
  makeLinkAt(root, 'dir/other-name', 'large');
  makeLinkAt(root, 'third-name', 'large');
  makeSymlinkAt(root, 'absolute', '/etc/passwd');
  makeSymlinkAt(root, 'dir/relative', '../large');
  makeSymlinkAt(root, 'dir/loop', 'loop');
  makeNodeAt(root, { path: 'fifo', mode: S_IFIFO | 0o622 });
  makeNodeAt(root, { path: 'null', mode: S_IFCHR | 0o666, major: 1, minor: 3 });
  setXattrAt(root, 'dir/file', { name: 'user.test', value: Buffer.from('value') });
  // security.capability is lost by a chown after it, and set-id bits as well.
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  setXattrAt(root, 'dir/secret', { name: 'security.capability', value: capability });
  chownAt(root, 'dir/file', { uid: 1000, gid: 1001 });
  execFileSync('chmod', ['6755', join(path, 'dir/file')]);
  for (const name of ['dir/file', 'absolute', 'fifo', 'dir', 'large']) {
    setTimesAt(root, name, { accessNs: 1n, modifyNs: 1_600_000_000_123_456_789n });
  }
  closeFd(root);
  await Promise.resolve();
}

describe.skipIf(missing('root').length > 0)('labelTree', () => {
  // Any attribute will do that the kernel takes for links as well; labels want SELinux.
  const name = 'trusted.label';
  const valueAt = (dir: Fd, path: string): string | undefined => {
    const value = getXattrsAt(dir, path).get(name);
    return value === undefined ? undefined : Buffer.from(value).toString();
  };

  test('all that is below must get the value, links themselves and not what they name', async () => {
    await using dir = await tempDir();
    mkdirSync(join(dir.path, 'top/deep/er'), { recursive: true });
    writeFileSync(join(dir.path, 'top/deep/er/file'), 'x');
    writeFileSync(join(dir.path, 'outside'), 'x');
    symlinkSync('../outside', join(dir.path, 'top/link'));
    const all = openRoot(dir.path);
    makeNodeAt(all, { path: 'top/fifo', mode: S_IFIFO | 0o600 });
    const top = openRoot(join(dir.path, 'top'));
    await labelTree(top, { name, value: 'one', trustsTop: true });
    for (const path of ['', 'deep', 'deep/er', 'deep/er/file', 'fifo', 'link'])
      expect([path, valueAt(top, path)]).toEqual([path, 'one']);
    expect(valueAt(all, 'outside')).toBe(undefined);
    closeFd(top);
    closeFd(all);
  });

  test('a top that has the value must be trusted or not, as is wished', async () => {
    await using dir = await tempDir();
    writeFileSync(join(dir.path, 'file'), 'x');
    const top = openRoot(dir.path);
    setXattrAt(top, 'file', { name, value: Buffer.from('other') });
    setXattrAt(top, '', { name, value: Buffer.from('one') });
    await labelTree(top, { name, value: 'one', trustsTop: true });
    expect(valueAt(top, 'file')).toBe('other');
    await labelTree(top, { name, value: 'two', trustsTop: true });
    expect([valueAt(top, ''), valueAt(top, 'file')]).toEqual(['two', 'two']);
    setXattrAt(top, 'file', { name, value: Buffer.from('other') });
    await labelTree(top, { name, value: 'two', trustsTop: false });
    expect(valueAt(top, 'file')).toBe('two');
    closeFd(top);
  });

  test('what has the value must not be written to', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'file');
    writeFileSync(file, 'x');
    const top = openRoot(dir.path);
    await labelTree(top, { name, value: 'one', trustsTop: false });
    const before = lstatSync(file, { bigint: true }).ctimeNs;
    await labelTree(top, { name, value: 'one', trustsTop: false });
    expect(lstatSync(file, { bigint: true }).ctimeNs).toBe(before);
    closeFd(top);
  });

  test('what another file system has must stay as it is', async () => {
    await using dir = await tempDir();
    const below = join(dir.path, 'below');
    mkdirSync(below);
    mount({ source: 'tmpfs', target: below, type: 'tmpfs' });
    try {
      writeFileSync(join(below, 'file'), 'x');
      const top = openRoot(dir.path);
      await labelTree(top, { name, value: 'one', trustsTop: false });
      expect(['', 'below', 'below/file'].map((path) => valueAt(top, path))).toEqual([
        'one',
        undefined,
        undefined,
      ]);
      closeFd(top);
    } finally {
      unmount(below);
    }
  });

  test('a file system without such attributes must be no error', async () => {
    const top = openRoot('/proc/self');
    const before = openDescriptors();
    await labelTree(top, { name, value: 'x', trustsTop: true });
    expect(newDescriptors(before)).toEqual([]);
    closeFd(top);
  });

  test('what cannot have it must be an error, and the top be without it', async () => {
    await using dir = await tempDir();
    const top = openRoot(dir.path);
    makeNodeAt(top, { path: 'fifo', mode: S_IFIFO | 0o600 });
    const before = openDescriptors();
    const labelling = labelTree(top, { name: 'user.label', value: 'x', trustsTop: true });
    expect(await errnoOfAsync(labelling)).toBe('EPERM');
    expect(getXattrsAt(top, '').has('user.label')).toBe(false);
    expect(newDescriptors(before)).toEqual([]);
    closeFd(top);
  });
});

describe.skipIf(missing('root').length > 0)('copyTreeAt', () => {
  test('owner, mode, times, attributes, links, nodes and hard links must be kept', async () => {
    await using dir = await tempDir();
    mkdirSync(join(dir.path, 'from'), { mode: 0o711 });
    mkdirSync(join(dir.path, 'to'));
    await makeSource(join(dir.path, 'from'));
    const [from, to] = [openRoot(join(dir.path, 'from')), openRoot(join(dir.path, 'to'))];
    expect(await copyTreeAt({ from, to })).toEqual({ bytes: 300_008, files: 9 });
    expect(describeTree(to)).toEqual(describeTree(from));
    expect(statAt(to, 'large').inode).toBe(statAt(to, 'third-name').inode);
    expect(statAt(to, '').mode).toBe(statAt(from, '').mode);
    expect(statAt(to, '').modifyNs).toBe(statAt(from, '').modifyNs);
    expect(readFileSync(join(dir.path, 'to/large'))).toEqual(Buffer.alloc(300_000, 'large'));
    [from, to].forEach(closeFd);
  });

  test('a hole must stay a hole', async () => {
    await using dir = await tempDir();
    mkdirSync(join(dir.path, 'from'));
    mkdirSync(join(dir.path, 'to'));
    writeFileSync(join(dir.path, 'from/sparse'), 'start');
    truncateSync(join(dir.path, 'from/sparse'), 1_000_000_000);
    const [from, to] = [openRoot(join(dir.path, 'from')), openRoot(join(dir.path, 'to'))];
    await copyTreeAt({ from, to });
    expect(statAt(to, 'sparse')).toMatchObject({ size: 1_000_000_000 });
    expect(statAt(to, 'sparse').allocated).toBeLessThan(100_000);
    [from, to].forEach(closeFd);
  });

  test('between two file systems it must be the same', async () => {
    await using dir = await tempDir();
    for (const name of ['from', 'to']) mkdirSync(join(dir.path, name));
    mount({ source: 'tmpfs', target: join(dir.path, 'to'), type: 'tmpfs', data: 'size=8m' });
    writeFileSync(join(dir.path, 'from/file'), Buffer.alloc(1_000_000, 'x'));
    const [from, to] = [openRoot(join(dir.path, 'from')), openRoot(join(dir.path, 'to'))];
    await copyTreeAt({ from, to });
    expect(readFileSync(join(dir.path, 'to/file'))).toEqual(Buffer.alloc(1_000_000, 'x'));
    writeFileSync(join(dir.path, 'from/too-large'), Buffer.alloc(8_000_000, 'x'));
    closeFd(to);
    unmount(join(dir.path, 'to'));
    mount({ source: 'tmpfs', target: join(dir.path, 'to'), type: 'tmpfs', data: 'size=4m' });
    const small = openRoot(join(dir.path, 'to'));
    expect(await errnoOfAsync(copyTreeAt({ from, to: small }))).toBe('ENOSPC');
    [from, small].forEach(closeFd);
    unmount(join(dir.path, 'to'));
  });

  test('what is mounted below the source must not be copied', async () => {
    await using dir = await tempDir();
    mkdirSync(join(dir.path, 'from/mounted'), { recursive: true });
    mkdirSync(join(dir.path, 'to'));
    mount({ source: 'tmpfs', target: join(dir.path, 'from/mounted'), type: 'tmpfs' });
    writeFileSync(join(dir.path, 'from/mounted/file'), 'x');
    const [from, to] = [openRoot(join(dir.path, 'from')), openRoot(join(dir.path, 'to'))];
    await copyTreeAt({ from, to });
    expect(readdirSync(join(dir.path, 'to/mounted'))).toEqual([]);
    [from, to].forEach(closeFd);
    unmount(join(dir.path, 'from/mounted'));
  });

  test('a name that is there must be an error, and a link in its place not be written through', async () => {
    await using dir = await tempDir();
    for (const name of ['from', 'to', 'outside']) mkdirSync(join(dir.path, name));
    writeFileSync(join(dir.path, 'from/file'), 'x');
    symlinkSync(join(dir.path, 'outside/file'), join(dir.path, 'to/file'));
    const [from, to] = [openRoot(join(dir.path, 'from')), openRoot(join(dir.path, 'to'))];
    expect(await errnoOfAsync(copyTreeAt({ from, to }))).toBe('EEXIST');
    expect(readdirSync(join(dir.path, 'outside'))).toEqual([]);
    [from, to].forEach(closeFd);
  });

  test('a source that is too deep must be an error and leave no descriptor', async () => {
    await using dir = await tempDir();
    for (const name of ['from', 'to']) mkdirSync(join(dir.path, name));
    makeDeep(join(dir.path, 'from'), 1100);
    const before = openDescriptors();
    const [from, to] = [openRoot(join(dir.path, 'from')), openRoot(join(dir.path, 'to'))];
    expect(await errnoOfAsync(copyTreeAt({ from, to }))).toBe('ENAMETOOLONG');
    [from, to].forEach(closeFd);
    expect(newDescriptors(before)).toEqual([]);
    const root = openRoot(dir.path);
    await Promise.all([removeTreeAt(root, 'from'), removeTreeAt(root, 'to')]);
    closeFd(root);
  });
});

describe('diskUsage', () => {
  test('a file with several names must count once', async () => {
    await using dir = await tempDir();
    writeFileSync(join(dir.path, 'file'), Buffer.alloc(1_000_000, 'x'));
    const root = openRoot(dir.path);
    const one = await diskUsage(root);
    makeLinkAt(root, 'again', 'file');
    const two = await diskUsage(root);
    expect(one).toEqual({ bytes: 1_000_000, files: 1 });
    expect(two).toEqual(one);
    closeFd(root);
  });

  test('links must count by what they name and directories not at all', async () => {
    await using dir = await tempDir();
    mkdirSync(join(dir.path, 'below'));
    writeFileSync(join(dir.path, 'below/file'), 'hi\n');
    symlinkSync('somewhere', join(dir.path, 'link'));
    const root = openRoot(dir.path);
    expect(await diskUsage(root)).toEqual({ bytes: 3 + 'somewhere'.length, files: 3 });
    closeFd(root);
  });
});
