import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { runInRoot, stream, testStore } from '../../lib/image-store.ts';
import { tar } from '../../lib/tar-builder.ts';

const rootfs = tar(
  { name: './', flag: '5', mode: 0o751, uid: 5, gid: 6 },
  { name: './bin/busybox', data: readFileSync('/bin/busybox'), mode: 0o755 },
  { name: './bin/sh', flag: '2', linkName: 'busybox' },
);

describe('the tar of a root file system', () => {
  test('must become an image of one layer with the changes asked for', async () => {
    await using store = await testStore({ now: () => new Date('2026-05-06T07:08:09Z') });
    const image = await store.images.import(stream(gzipSync(rootfs)), {
      reference: 'team/base',
      changes: [
        'CMD ["/bin/sh"]',
        'ENV A=1 B="two words"',
        'EXPOSE 80 53/udp',
        'USER 5',
        'LABEL x=y',
        'VOLUME /data',
        'WORKDIR /srv',
      ],
      message: 'made by a test',
    });
    const inspect = store.images.inspect('team/base:latest');
    expect(inspect).toMatchObject({
      Id: image.id,
      RepoTags: ['team/base:latest'],
      Comment: 'made by a test',
      Created: '2026-05-06T07:08:09.000Z',
      Os: 'linux',
      Config: {
        Cmd: ['/bin/sh'],
        Env: ['A=1', 'B=two words'],
        ExposedPorts: { '80/tcp': {}, '53/udp': {} },
        User: '5',
        Labels: { x: 'y' },
        Volumes: { '/data': {} },
        WorkingDir: '/srv',
      },
    });
    const { mounts } = await store.snapshots.prepare('c1', image);
    const root = join(store.path, 'root');
    mkdirSync(root);
    expect(runInRoot(mounts, root, ['/bin/sh', '-c', 'busybox stat -c "%a %u %g" /'])).toBe(
      '751 5 6\n',
    );
  });

  test('must be the same whatever wrote it: GNU tar with holes, links and attributes', async () => {
    await using store = await testStore();
    const tree = join(store.path, 'tree');
    mkdirSync(join(tree, 'd'), { recursive: true });
    writeFileSync(join(tree, 'd', 'a-name-'.repeat(30)), 'long');
    const script =
      'cd "$1" && truncate -s 3M sparse && printf x | dd of=sparse bs=1 seek=1000000 conv=notrunc 2>/dev/null && ln sparse d/hard && ln -s ../sparse d/soft && mkfifo pipe && setfattr -n user.k -v v sparse';
    execFileSync('sh', ['-c', script, 'sh', tree]);
    for (const options of [
      ['--sparse', '--format=gnu'],
      ['--sparse', '--format=posix', '--xattrs'],
      ['--format=ustar', '--exclude=a-name*'],
    ]) {
      const archive = execFileSync('tar', ['-C', tree, '-c', ...options, '.'], {
        maxBuffer: 1 << 26,
      });
      const image = await store.images.import(stream(archive), { reference: null });
      const root = store.images.layers.pathOf(image.chain[0] ?? 'sha256:');
      const difference = execFileSync(
        'sh',
        [
          '-c',
          `diff -r --no-dereference --exclude=pipe --exclude='a-name*' ${tree} ${root} || true`,
        ],
        { encoding: 'utf8' },
      );
      expect(difference).toBe('');
      expect(execFileSync('stat', ['-c', '%h %s', `${root}/sparse`], { encoding: 'utf8' })).toBe(
        '2 3145728\n',
      );
      if (options.includes('--sparse'))
        expect(
          Number(execFileSync('stat', ['-c', '%b', `${root}/sparse`], { encoding: 'utf8' })),
        ).toBeLessThan(100);
    }
  });

  test('without a name must be found by its id', async () => {
    await using store = await testStore();
    const image = await store.images.import(stream(rootfs), { reference: null });
    expect(image.names).toEqual([]);
    expect(store.images.summaries()).toMatchObject([{ Id: image.id, RepoTags: [] }]);
    await store.images.tag(image.id, 'named');
    expect(store.images.resolve('named')?.id).toBe(image.id);
  });

  test.each([
    ['tscompose.local/host', 'is a name of the engine itself'],
    ['scratch', 'is reserved'],
    [`x@sha256:${'a'.repeat(64)}`, 'is a digest, which cannot be given'],
    ['No/Upper', 'must be lower case'],
  ])('must not be called "%s"', async (reference, message) => {
    await using store = await testStore();
    await expect(store.images.import(stream(rootfs), { reference })).rejects.toThrow(message);
    expect(store.images.list()).toEqual([]);
  });
});
