/** Files in and out of containers by the real `docker` command: cp, export, diff, commit. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { dockerCli, type DockerCli } from '../lib/docker-cli.ts';
import { TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

/** How the container is when files are copied. */
const conditions = ['created', 'running', 'paused', 'exited'] as const;
type Condition = (typeof conditions)[number];

describe.skipIf(absent.length > 0)(`files (missing: ${absent.join() || 'nothing'})`, () => {
  let engine: TestEngine;
  let docker: DockerCli;
  let before: Audit;
  let place: string;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await engine.start();
    docker = dockerCli({
      address: `unix://${engine.socket}`,
      configDirectory: join(engine.root, 'docker'),
    });
    const tree = join(engine.root, 'tree');
    mkdirSync(join(tree, 'bin'), { recursive: true });
    mkdirSync(join(tree, 'etc'));
    mkdirSync(join(tree, 'dir/sub'), { recursive: true });
    writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nweb:x:101:102::/:/bin/sh\n');
    writeFileSync(join(tree, 'file'), 'content\n');
    writeFileSync(join(tree, 'dir/one'), 'one\n');
    writeFileSync(join(tree, 'dir/sub/two'), 'two\n');
    symlinkSync('dir', join(tree, 'link'));
    symlinkSync('/nowhere', join(tree, 'dangling'));
    const options = { maxBuffer: 64 << 20 };
    const archive = execFileSync(
      'sh',
      ['-c', `cp /bin/busybox bin/ && tar -c --owner=0 --group=0 .`],
      {
        ...options,
        cwd: tree,
      },
    );
    await docker.runWithInput(
      archive,
      ...['import', '--change', 'ENTRYPOINT ["/bin/busybox"]', '-', 'app'],
    );
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await expectNoLeaks(before, engine.scope);
  });
  beforeEach(() => {
    place = join(engine.root, 'place');
    rmSync(place, { recursive: true, force: true });
    mkdirSync(join(place, 'tree/inner'), { recursive: true });
    writeFileSync(join(place, 'tree/a'), 'a\n');
    writeFileSync(join(place, 'tree/inner/b'), 'b\n');
    writeFileSync(join(place, 'plain'), 'plain\n');
    symlinkSync('plain', join(place, 'to-plain'));
  });

  type TestContainer = AsyncDisposable & { readonly id: string };

  async function made(condition: Condition, ...options: readonly string[]): Promise<TestContainer> {
    const script = 'trap "exit 0" TERM; echo changed >/written; while :; do sleep 0.05; done';
    const id = await docker.ok('create', ...options, 'app', 'sh', '-c', script);
    if (condition !== 'created') await docker.ok('start', id);
    if (condition === 'paused') await docker.ok('pause', id);
    if (condition === 'exited') await docker.ok('stop', id);
    return {
      id,
      [Symbol.asyncDispose]: async () => {
        await docker.run('rm', '-fv', id);
      },
    };
  }

  function path(name: string): string {
    return join(place, name);
  }

  function read(name: string): string {
    return readFileSync(path(name), 'utf8');
  }

  async function copiedOut(id: string, from: string): Promise<string> {
    rmSync(path('back'), { recursive: true, force: true });
    await docker.ok('cp', `${id}:${from}`, path('back'));
    return read('back');
  }

  describe.each(conditions)('a container that is %s', (condition) => {
    test('must give out files and take them', async () => {
      await using container = await made(condition, '-v', '/data');
      const { id } = container;
      await docker.ok('cp', path('plain'), `${id}:/in-root`);
      await docker.ok('cp', path('tree'), `${id}:/data`);
      expect(await copiedOut(id, '/in-root')).toBe('plain\n');
      expect(await copiedOut(id, '/data/tree/inner/b')).toBe('b\n');
      expect(await docker.ok('inspect', '-f', '{{.State.Status}}', id)).toBe(condition);
    });

    test('must be told apart from its image', async () => {
      await using container = await made(condition, '-v', '/data');
      const { id } = container;
      await docker.ok('cp', path('plain'), `${id}:/dir/one`);
      await docker.ok('cp', path('plain'), `${id}:/etc/new`);
      await docker.ok('cp', path('plain'), `${id}:/data/new`);
      const written = condition === 'created' ? [] : ['A /written'];
      expect((await docker.ok('diff', id)).split('\n')).toEqual([
        ...['A /data', 'C /dir', 'C /dir/one', 'C /etc', 'A /etc/new'],
        ...written,
      ]);
    });

    test('must be exported whole, without what is mounted in it', async () => {
      await using container = await made(condition, '-v', '/data');
      const { id } = container;
      await docker.ok('cp', path('plain'), `${id}:/data/hidden`);
      await docker.ok('export', '-o', path('out.tar'), id);
      const names = execFileSync('tar', ['-tf', path('out.tar')], { encoding: 'utf8' });
      const listed = names.trimEnd().split('\n');
      const always = ['bin/', 'bin/busybox', 'dangling', 'data/', 'dir/', 'dir/one', 'dir/sub/'];
      expect(listed).toEqual(expect.arrayContaining([...always, 'dir/sub/two', 'file', 'link']));
      expect(listed).not.toContain('data/hidden');
      expect(listed.filter((name) => /^(proc|sys|dev)\/./.test(name))).toEqual([]);
    });
  });

  describe('what a copy means (docs: docker container cp)', () => {
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
      await using container = await made('created');
      await docker.ok('cp', `${container.id}:${from}`, path(to));
      expect(read(result)).toBe(content);
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
      await using container = await made('created');
      await docker.ok('cp', `${place}/${from}`, `${container.id}:${to}`);
      expect(await copiedOut(container.id, result)).toBe(content);
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
      await using container = await made('created');
      const sides =
        direction === 'out'
          ? [`${container.id}:${from}`, `${place}/${to}`]
          : [`${place}/${from}`, `${container.id}:${to}`];
      const { code, stderr } = await docker.run('cp', ...sides);
      expect(code).toBe(1);
      expect(stderr).toContain(message);
    });

    test('a link must be copied as one, and followed with -L', async () => {
      await using container = await made('created');
      const { id } = container;
      await docker.ok('cp', `${id}:/link`, path('link'));
      expect(readlinkSync(path('link'))).toBe('dir');
      await docker.ok('cp', '-L', `${id}:/link`, path('followed'));
      expect(read('followed/sub/two')).toBe('two\n');
      await docker.ok('cp', `${id}:/dangling`, path('dangling'));
      expect(readlinkSync(path('dangling'))).toBe('/nowhere');
      await docker.ok('cp', path('to-plain'), `${id}:/to-plain`);
      await docker.ok('cp', `${id}:/to-plain`, path('again'));
      expect(readlinkSync(path('again'))).toBe('plain');
    });

    test('a stream must be an archive in both directions', async () => {
      await using container = await made('created');
      const { id } = container;
      const archive = execFileSync('tar', ['-C', place, '-c', 'tree']);
      const { code } = await docker.runWithInput(archive, 'cp', '-', `${id}:/dir`);
      expect(code).toBe(0);
      writeFileSync(
        path('out.tar'),
        execFileSync('docker', ['cp', `${id}:/dir/tree`, '-'], {
          env: { ...process.env, DOCKER_HOST: `unix://${engine.socket}` },
        }),
      );
      const names = execFileSync('tar', ['-tf', path('out.tar')], { encoding: 'utf8' });
      expect(names).toBe('tree/\ntree/a\ntree/inner/\ntree/inner/b\n');
    });

    test('a directory and a file must not take each other’s place', async () => {
      await using container = await made('created');
      mkdirSync(path('clash/file'), { recursive: true });
      const over = await docker.run('cp', `${place}/clash/.`, `${container.id}:/`);
      expect(over.stderr).toContain('cannot overwrite non-directory');
      mkdirSync(path('clash2'));
      writeFileSync(path('clash2/dir'), '');
      const under = await docker.run('cp', `${place}/clash2/.`, `${container.id}:/`);
      expect(under.stderr).toContain('cannot overwrite directory');
    });
  });

  test('modes, times, owners, names, links and sizes must arrive as they left', async () => {
    await using container = await made('created');
    const { id } = container;
    const long = 'n'.repeat(200);
    mkdirSync(path('all/sticky'), { recursive: true });
    writeFileSync(path(`all/${long}`), 'x');
    writeFileSync(path('all/große Datei'), Buffer.alloc((1 << 20) + 3, 7));
    execFileSync(
      'sh',
      [
        '-c',
        'ln plain-2 hard; mkfifo fifo; chmod 1777 sticky; chown 12:34 plain-2; chmod 4751 plain-2; touch -d @1700000000.123456789 plain-2; printf x >"$(printf "\\377bad")"'.replace(
          /^/,
          'echo y >plain-2; ',
        ),
      ],
      { cwd: path('all') },
    );
    await docker.ok('cp', path('all'), `${id}:/`);
    writeFileSync(
      path('out.tar'),
      execFileSync('docker', ['cp', `${id}:/all`, '-'], {
        maxBuffer: 64 << 20,
        env: { ...process.env, DOCKER_HOST: `unix://${engine.socket}` },
      }),
    );
    mkdirSync(path('unpacked'));
    execFileSync('tar', ['-xpf', path('out.tar'), '-C', path('unpacked'), '--numeric-owner']);
    const plain = lstatSync(path('unpacked/all/plain-2'));
    expect([plain.mode & 0o7777, plain.uid, plain.gid]).toEqual([0o4751, 12, 34]);
    expect(Math.trunc(plain.mtimeMs / 1000)).toBe(1_700_000_000);
    expect(lstatSync(path('unpacked/all/hard')).ino).toBe(plain.ino);
    expect(lstatSync(path('unpacked/all/sticky')).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(path('unpacked/all/fifo')).isFIFO()).toBe(true);
    expect(read(`unpacked/all/${long}`)).toBe('x');
    expect(
      readFileSync(path('unpacked/all/große Datei')).equals(Buffer.alloc((1 << 20) + 3, 7)),
    ).toBe(true);
    expect(
      existsSync(
        Buffer.concat([Buffer.from(path('unpacked/all/')), Buffer.from([255]), Buffer.from('bad')]),
      ),
    ).toBe(true);
  });

  test('with -a everything must become the container’s user’s', async () => {
    await using container = await made('running', '-u', 'web');
    await docker.ok('cp', '-a', path('tree'), `${container.id}:/owned`);
    const listed = await docker.ok(
      'exec',
      container.id,
      '/bin/busybox',
      'stat',
      '-c',
      '%u:%g',
      '/owned/a',
    );
    expect(listed).toBe('101:102');
  });

  describe('what is read-only', () => {
    test.each(['created', 'running'] as const)('must be refused when %s', async (condition) => {
      await using container = await made(
        ...([condition, '--read-only', '-v', '/data', '-v', `${place}/tree:/ro:ro`] as const),
      );
      const { id } = container;
      const root = await docker.run('cp', path('plain'), `${id}:/dir`);
      expect(root.stderr).toContain('container rootfs is marked read-only');
      const volume = await docker.run('cp', path('plain'), `${id}:/ro`);
      expect(volume.stderr).toContain('mounted volume is marked read-only');
      await docker.ok('cp', path('plain'), `${id}:/data`);
      expect(await copiedOut(id, '/data/plain')).toBe('plain\n');
      expect(existsSync(path('tree/plain'))).toBe(false);
    });
  });

  test('removed and replaced things must be in the difference', async () => {
    await using container = await made('running');
    const { id } = container;
    const script =
      'rm -r /dir/sub /file && rm -r /dir/one && mkdir /dir/one /file && touch /file/x';
    await docker.ok('exec', id, '/bin/busybox', 'sh', '-c', script);
    expect((await docker.ok('diff', id)).split('\n').sort()).toEqual(
      ['A /file/x', 'A /written', 'C /dir', 'C /dir/one', 'C /file', 'D /dir/sub'].sort(),
    );
    await docker.ok('exec', id, '/bin/busybox', 'sh', '-c', 'rm -r /dir && mkdir /dir');
    expect((await docker.ok('diff', id)).split('\n').sort()).toEqual(
      ['A /file/x', 'A /written', 'C /dir', 'C /file', 'D /dir/one', 'D /dir/sub'].sort(),
    );
  });
});
