/** Images from containers by the real `docker commit`. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { missing } from '../lib/requires.ts';
import { FilesFixture } from './files-fixture.ts';

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

describe.skipIf(absent.length > 0)('commit', () => {
  test.each(['running', 'exited'] as const)(
    'a container that is %s must become an image with its changes',
    async (condition) => {
      await using container = await fixture.made(condition, '-e', 'A=1', '-v', '/data');
      const { id } = container;
      await fixture.docker.ok('cp', fixture.path('tree'), `${id}:/dir/sub`);
      await fixture.docker.ok('cp', fixture.path('plain'), `${id}:/data/volume`);
      const change = ['-c', 'CMD ["cat", "/dir/sub/tree/inner/b"]', '-c', 'ENV B=2'];
      const image = await fixture.docker.ok(
        ...['commit', ...change, '-a', 'Somebody', '-m', 'why', id, 'made:1'],
      );
      expect(await fixture.docker.ok('run', '--rm', 'made:1')).toBe('b');
      expect(await fixture.docker.ok('run', '--rm', image, 'cat', '/written')).toBe('changed');
      const format = '{{.Author}}|{{.Comment}}|{{json .Config.Env}}|{{len .RootFS.Layers}}';
      expect(await fixture.docker.ok('inspect', '-f', format, image)).toMatch(
        /^Somebody\|why\|\[.*"A=1","B=2"\]\|2$/,
      );
      expect(
        (await fixture.docker.run('run', '--rm', 'made:1', 'cat', '/data/volume')).code,
      ).not.toBe(0);
      expect(await fixture.docker.ok('inspect', '-f', '{{.State.Status}}', id)).toBe(condition);
      await fixture.docker.ok('rmi', 'made:1');
    },
  );

  test('what was removed must be gone in the image, and an image of an image be possible', async () => {
    await using container = await fixture.made('running');
    const { id } = container;
    const script = 'rm /file; rm -r /dir; mkdir /dir; echo new >/dir/new';
    await fixture.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', script);
    await fixture.docker.ok('commit', '-c', 'CMD ["ls", "/", "/dir"]', id, 'first');
    const listed = (await fixture.docker.ok('run', '--rm', 'first')).split('\n');
    expect(listed).toContain('new');
    for (const gone of ['file', 'one', 'sub']) expect(listed).not.toContain(gone);
    const second = await fixture.docker.ok('create', 'first');
    expect(await fixture.docker.ok('diff', second)).toBe('');
    await fixture.docker.ok('commit', second, 'second');
    await fixture.docker.ok('rm', second);
    expect(await fixture.docker.ok('inspect', '-f', '{{len .RootFS.Layers}}', 'second')).toBe('2');
    await fixture.docker.ok('rmi', 'second', 'first');
  });

  test('its programs must stand still meanwhile unless told otherwise', async () => {
    await using container = await fixture.made('running');
    const { id } = container;
    const since = String(Date.now() / 1000 - 1);
    await fixture.docker.ok('commit', id, 'paused');
    await fixture.docker.ok('commit', '--pause=false', id, 'unpaused');
    const events = await fixture.docker.ok(
      ...['events', '--since', since, '--until', String(Date.now() / 1000)],
      ...['--filter', `container=${id}`, '--format', '{{.Action}}'],
    );
    const told = events.split('\n').filter((name) => /pause|commit/.test(name));
    expect(told).toEqual(['pause', 'commit', 'unpause', 'commit']);
    await fixture.docker.ok('rmi', 'paused', 'unpaused');
  });
});
