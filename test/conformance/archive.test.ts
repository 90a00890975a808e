/** Files in and out of containers by the real `docker` command: cp, diff, export. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { missing } from '../lib/requires.ts';
import { conditions, FilesFixture } from './files-fixture.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');
let fixture: FilesFixture;

beforeAll(async () => {
  if (absent.length === 0) fixture = await FilesFixture.open();
});
afterAll(async () => {
  if (absent.length === 0) await fixture[Symbol.asyncDispose]();
});
beforeEach(() => {
  if (absent.length === 0) fixture.reset();
});

describe.skipIf(absent.length > 0).each(conditions)('a container that is %s', (condition) => {
  test('must give out files and take them', async () => {
    await using container = await fixture.made(condition, '-v', '/data');
    const { id } = container;
    await fixture.docker.ok('cp', fixture.path('plain'), `${id}:/in-root`);
    await fixture.docker.ok('cp', fixture.path('tree'), `${id}:/data`);
    expect(await fixture.copiedOut(id, '/in-root')).toBe('plain\n');
    expect(await fixture.copiedOut(id, '/data/tree/inner/b')).toBe('b\n');
    expect(await fixture.docker.ok('inspect', '-f', '{{.State.Status}}', id)).toBe(condition);
  });

  test('must be told apart from its image', async () => {
    await using container = await fixture.made(condition, '-v', '/data');
    const { id } = container;
    await fixture.docker.ok('cp', fixture.path('plain'), `${id}:/dir/one`);
    await fixture.docker.ok('cp', fixture.path('plain'), `${id}:/etc/new`);
    await fixture.docker.ok('cp', fixture.path('plain'), `${id}:/data/new`);
    const written = condition === 'created' ? [] : ['A /written'];
    expect((await fixture.docker.ok('diff', id)).split('\n')).toEqual([
      ...['A /data', 'C /dir', 'C /dir/one', 'C /etc', 'A /etc/new'],
      ...written,
    ]);
  });

  test('must be exported whole, without what is mounted in it', async () => {
    await using container = await fixture.made(condition, '-v', '/data');
    const { id } = container;
    await fixture.docker.ok('cp', fixture.path('plain'), `${id}:/data/hidden`);
    await fixture.docker.ok('export', '-o', fixture.path('out.tar'), id);
    const names = execFileSync('tar', ['-tf', fixture.path('out.tar')], { encoding: 'utf8' });
    const listed = names.trimEnd().split('\n');
    const always = ['bin/', 'bin/busybox', 'dangling', 'data/', 'dir/', 'dir/one', 'dir/sub/'];
    expect(listed).toEqual(expect.arrayContaining([...always, 'dir/sub/two', 'file', 'link']));
    expect(listed).not.toContain('data/hidden');
    expect(listed.filter((name) => /^(proc|sys|dev)\/./.test(name))).toEqual([]);
  });
});

describe.skipIf(absent.length > 0)('what a copy means (docs: docker container cp)', () => {
  test.each([
    ['/file', 'new', 'new', 'content\n'],
    ['/file', '.', 'file', 'content\n'],
    ['/file', 'tree', 'tree/file', 'content\n'],
    ['/file', 'plain', 'plain', 'content\n'],
    ['/dir', 'new', 'new/sub/two', 'two\n'],
    ['/dir', 'tree', 'tree/dir/sub/two', 'two\n'],
    ['/dir/.', 'new', 'new/sub/two', 'two\n'],
    ['/dir/.', 'tree', 'tree/sub/two', 'two\n'],
    ['/dir/', 'tree', 'tree/dir/one', 'one\n'],
    ['dir/sub', 'new', 'new/two', 'two\n'],
    ['/link/', 'new', 'new/one', 'one\n'],
    ['/link/one', 'new', 'new', 'one\n'],
    ['/dir/../file', 'new', 'new', 'content\n'],
    ['/../../file', 'new', 'new', 'content\n'],
    ['/', 'new', 'new/dir/sub/two', 'two\n'],
  ])('out: %s to %s must make %s', async (from, to, result, content) => {
    await using container = await fixture.made('created');
    await fixture.docker.ok('cp', `${container.id}:${from}`, fixture.path(to));
    expect(fixture.read(result)).toBe(content);
  });

  test.each([
    ['plain', '/new', '/new', 'plain\n'],
    ['plain', '/dir', '/dir/plain', 'plain\n'],
    ['plain', '/dir/', '/dir/plain', 'plain\n'],
    ['plain', '/file', '/file', 'plain\n'],
    ['plain', '/link', '/dir/plain', 'plain\n'],
    ['tree', '/new', '/new/inner/b', 'b\n'],
    ['tree', '/dir', '/dir/tree/inner/b', 'b\n'],
    ['tree/.', '/new', '/new/inner/b', 'b\n'],
    ['tree/.', '/dir', '/dir/inner/b', 'b\n'],
    ['tree', 'dir/sub', '/dir/sub/tree/a', 'a\n'],
    ['tree/.', '/', '/inner/b', 'b\n'],
    ['tree/.', '/link', '/dir/inner/b', 'b\n'],
  ])('in: %s to %s must make %s', async (from, to, result, content) => {
    await using container = await fixture.made('created');
    await fixture.docker.ok('cp', `${fixture.place}/${from}`, `${container.id}:${to}`);
    expect(await fixture.copiedOut(container.id, result)).toBe(content);
  });

  test.each([
    ['out', '/missing', 'new', 'Could not find the file /missing in container'],
    ['out', '/file/', 'new', 'Could not find the file /file/ in container'],
    ['out', '/file/.', 'new', 'Could not find the file /file/. in container'],
    ['out', '/file', 'new/', 'no such directory'],
    ['out', '/file', 'none/new', 'does not exist'],
    ['out', '/dir', 'plain', 'cannot copy directory'],
    ['in', 'plain', '/none/new', 'Could not find the file /none in container'],
    ['in', 'plain', '/new/', 'no such directory'],
    ['in', 'tree', '/file', 'cannot copy directory'],
  ])('%s: %s to %s must fail: %s', async (direction, from, to, message) => {
    await using container = await fixture.made('created');
    const sides =
      direction === 'out'
        ? [`${container.id}:${from}`, `${fixture.place}/${to}`]
        : [`${fixture.place}/${from}`, `${container.id}:${to}`];
    const { code, stderr } = await fixture.docker.run('cp', ...sides);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  test('a link must be copied as one, and followed with -L', async () => {
    await using container = await fixture.made('created');
    const { id } = container;
    await fixture.docker.ok('cp', `${id}:/link`, fixture.path('link'));
    expect(readlinkSync(fixture.path('link'))).toBe('dir');
    await fixture.docker.ok('cp', '-L', `${id}:/link`, fixture.path('followed'));
    expect(fixture.read('followed/sub/two')).toBe('two\n');
    await fixture.docker.ok('cp', `${id}:/dangling`, fixture.path('dangling'));
    expect(readlinkSync(fixture.path('dangling'))).toBe('/nowhere');
    await fixture.docker.ok('cp', fixture.path('to-plain'), `${id}:/to-plain`);
    await fixture.docker.ok('cp', `${id}:/to-plain`, fixture.path('again'));
    expect(readlinkSync(fixture.path('again'))).toBe('plain');
  });

  test('a stream must be an archive in both directions', async () => {
    await using container = await fixture.made('created');
    const { id } = container;
    const archive = execFileSync('tar', ['-C', fixture.place, '-c', 'tree']);
    const { code } = await fixture.docker.runWithInput(archive, 'cp', '-', `${id}:/dir`);
    expect(code).toBe(0);
    writeFileSync(fixture.path('out.tar'), fixture.archive(id, '/dir/tree'));
    const names = execFileSync('tar', ['-tf', fixture.path('out.tar')], { encoding: 'utf8' });
    expect(names).toBe('tree/\ntree/a\ntree/inner/\ntree/inner/b\n');
  });

  test('a directory and a file must not take each other’s place', async () => {
    await using container = await fixture.made('created');
    mkdirSync(fixture.path('clash/file'), { recursive: true });
    const over = await fixture.docker.run('cp', `${fixture.place}/clash/.`, `${container.id}:/`);
    expect(over.stderr).toContain('cannot overwrite non-directory');
    mkdirSync(fixture.path('clash2'));
    writeFileSync(fixture.path('clash2/dir'), '');
    const under = await fixture.docker.run('cp', `${fixture.place}/clash2/.`, `${container.id}:/`);
    expect(under.stderr).toContain('cannot overwrite directory');
  });
});

test.skipIf(absent.length > 0)(
  'modes, times, owners, names, links and sizes must arrive as they left',
  async () => {
    await using container = await fixture.made('created');
    const { id } = container;
    const long = 'n'.repeat(200);
    mkdirSync(fixture.path('all/sticky'), { recursive: true });
    writeFileSync(fixture.path(`all/${long}`), 'x');
    writeFileSync(fixture.path('all/große Datei'), Buffer.alloc((1 << 20) + 3, 7));
    execFileSync(
      'sh',
      [
        '-c',
        'ln plain-2 hard; mkfifo fifo; chmod 1777 sticky; chown 12:34 plain-2; chmod 4751 plain-2; touch -d @1700000000.123456789 plain-2; printf x >"$(printf "\\377bad")"'.replace(
          /^/,
          'echo y >plain-2; ',
        ),
      ],
      { cwd: fixture.path('all') },
    );
    await fixture.docker.ok('cp', fixture.path('all'), `${id}:/`);
    writeFileSync(fixture.path('out.tar'), fixture.archive(id, '/all'));
    mkdirSync(fixture.path('unpacked'));
    execFileSync('tar', [
      '-xpf',
      fixture.path('out.tar'),
      '-C',
      fixture.path('unpacked'),
      '--numeric-owner',
    ]);
    const plain = lstatSync(fixture.path('unpacked/all/plain-2'));
    expect([plain.mode & 0o7777, plain.uid, plain.gid]).toEqual([0o4751, 12, 34]);
    expect(Math.trunc(plain.mtimeMs / 1000)).toBe(1_700_000_000);
    expect(lstatSync(fixture.path('unpacked/all/hard')).ino).toBe(plain.ino);
    expect(lstatSync(fixture.path('unpacked/all/sticky')).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(fixture.path('unpacked/all/fifo')).isFIFO()).toBe(true);
    expect(fixture.read(`unpacked/all/${long}`)).toBe('x');
    expect(
      readFileSync(fixture.path('unpacked/all/große Datei')).equals(Buffer.alloc((1 << 20) + 3, 7)),
    ).toBe(true);
    expect(
      existsSync(
        Buffer.concat([
          Buffer.from(fixture.path('unpacked/all/')),
          Buffer.from([255]),
          Buffer.from('bad'),
        ]),
      ),
    ).toBe(true);
  },
);

test.skipIf(absent.length > 0)(
  'with -a everything must become the container’s user’s',
  async () => {
    await using container = await fixture.made('running', '-u', 'web');
    await fixture.docker.ok('cp', '-a', fixture.path('tree'), `${container.id}:/owned`);
    const listed = await fixture.docker.ok(
      'exec',
      container.id,
      '/bin/busybox',
      'stat',
      '-c',
      '%u:%g',
      '/owned/a',
    );
    expect(listed).toBe('101:102');
  },
);

describe.skipIf(absent.length > 0)('what is read-only', () => {
  test.each(['created', 'running'] as const)('must be refused when %s', async (condition) => {
    await using container = await fixture.made(
      ...([condition, '--read-only', '-v', '/data', '-v', `${fixture.place}/tree:/ro:ro`] as const),
    );
    const { id } = container;
    const root = await fixture.docker.run('cp', fixture.path('plain'), `${id}:/dir`);
    expect(root.stderr).toContain('container rootfs is marked read-only');
    const volume = await fixture.docker.run('cp', fixture.path('plain'), `${id}:/ro`);
    expect(volume.stderr).toContain('mounted volume is marked read-only');
    await fixture.docker.ok('cp', fixture.path('plain'), `${id}:/data`);
    expect(await fixture.copiedOut(id, '/data/plain')).toBe('plain\n');
    expect(existsSync(fixture.path('tree/plain'))).toBe(false);
  });
});

test.skipIf(absent.length > 0)(
  'removed and replaced things must be in the difference',
  async () => {
    await using container = await fixture.made('running');
    const { id } = container;
    const script =
      'rm -r /dir/sub /file && rm -r /dir/one && mkdir /dir/one /file && touch /file/x';
    await fixture.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', script);
    expect((await fixture.docker.ok('diff', id)).split('\n').sort()).toEqual(
      ['A /file/x', 'A /written', 'C /dir', 'C /dir/one', 'C /file', 'D /dir/sub'].sort(),
    );
    await fixture.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', 'rm -r /dir && mkdir /dir');
    expect((await fixture.docker.ok('diff', id)).split('\n').sort()).toEqual(
      ['A /file/x', 'A /written', 'C /dir', 'C /file', 'D /dir/one', 'D /dir/sub'].sort(),
    );
  },
);
