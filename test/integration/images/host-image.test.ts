import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  writeFileSync,
  chmodSync,
  readFileSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  closeFd,
  openAt,
  readDirectory,
  statAt,
  O_RDONLY,
  O_DIRECTORY,
  type Fd,
} from '../../../native/index.ts';
import { hostImageName } from '../../../engine/images/index.ts';
import { openStore, runInRoot, testStore, type TestStore } from '../../lib/image-store.ts';

const nodePath = process.execPath;

async function runOnHostImage(store: TestStore, argv: readonly string[]): Promise<string> {
  const image = await store.images.ensureHostImage({ nodePath });
  const { mounts } = await store.snapshots.prepare('c1', image);
  const root = join(store.path, 'root');
  mkdirSync(root, { recursive: true });
  return runInRoot(mounts, root, argv);
}

/** Path → type and mode of everything below the image's root that is not the host's /usr. */
async function walk(
  store: TestStore,
): Promise<Map<string, { type: string; mode: number; size: number }>> {
  const image = store.images.require(hostImageName);
  const found = new Map<string, { type: string; mode: number; size: number }>();
  const visit = (root: Fd, path: string): void => {
    const { type, mode, size } = statAt(root, path);
    found.set(path, { type, mode: mode & 0o7777, size });
    if (type !== 'directory' || path === 'usr') return;
    const fd = openAt(root, path, { flags: O_RDONLY | O_DIRECTORY });
    const names = readDirectory(fd).map(({ name }) => name);
    closeFd(fd);
    for (const name of names) visit(root, path === '' ? name : `${path}/${name}`);
  };
  await store.snapshots.view(image, (root) => {
    visit(root, '');
  });
  return found;
}

/** A host of its own: `files` by path; a mode can follow the content. */
function makeHost(
  path: string,
  files: Readonly<Record<string, string | readonly [string, number]>>,
): void {
  for (const [name, value] of Object.entries(files)) {
    const [content, mode] = typeof value === 'string' ? ([value, 0o644] as const) : value;
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), content);
    chmodSync(join(path, name), mode);
  }
}

const smallHost = {
  'usr/bin/sh': ['#', 0o755],
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/bash\nwww:x:33:33:Web Master,,,:/var/www:/bin/bash\nann:x:1000:1000:Ann Smith:/home/ann:/bin/zsh\n',
  'etc/group': 'root:x:0:\nwww:x:33:ann,bob\nann:x:1000:\n',
  'etc/services': 'http 80/tcp\n',
} as const;

describe('the host image', () => {
  test.each([
    ['sh', ['/bin/sh', '-c', 'echo from-sh; pwd'], /^from-sh\n\/\n$/],
    [
      'ls',
      ['/bin/ls', '/'],
      /^bin\n(boot\n)?dev\netc\nhome\nlib\n(lib32\n)?(lib64\n)?(libx32\n)?media\nmnt\nopt\nproc\nroot\nrun\nsbin\nsrv\nsys\ntmp\nusr\nvar\n$/,
    ],
    ['node', [nodePath, '--version'], new RegExp(`^${process.version}\n$`)],
    ['getent', ['/usr/bin/getent', 'passwd', 'nobody'], /^nobody:x:65534:65534::\/nonexistent:/],
    ['id', ['/usr/bin/id'], /^uid=0\(root\) gid=0\(root\)/],
  ])('must run %s', async (_, argv, output) => {
    await using store = await testStore();
    expect(await runOnHostImage(store, argv)).toMatch(output);
  });

  test.skipIf(!existsSync('/usr/bin/redis-server'))('must run redis-server', async () => {
    await using store = await testStore();
    expect(await runOnHostImage(store, ['redis-server', '--version'])).toMatch(/^Redis server v=/);
  });

  test('must let a container write below /usr and everywhere, and the host see nothing of it', async () => {
    await using store = await testStore();
    const script =
      'echo mine > /usr/bin/of-the-container; rm /usr/bin/env; echo x > /etc/x; ls /usr/bin/of-the-container; test -e /usr/bin/env || echo gone';
    expect(await runOnHostImage(store, ['/bin/sh', '-c', script])).toBe(
      '/usr/bin/of-the-container\ngone\n',
    );
    expect(existsSync('/usr/bin/of-the-container')).toBe(false);
    expect(existsSync('/usr/bin/env')).toBe(true);
    const again = ['/bin/sh', '-c', 'cat /usr/bin/of-the-container /etc/x'];
    expect(await runOnHostImage(store, again)).toBe('mine\nx\n');
  });

  test('must have nothing of the host’s people, data or secrets', async () => {
    await using store = await testStore();
    await store.images.ensureHostImage({ nodePath });
    const found = await walk(store);
    const below = (path: string): string[] =>
      [...found.keys()].filter((name) => name.startsWith(`${path}/`));
    expect(below('home')).toEqual([]);
    expect(below('root')).toEqual([]);
    expect(below('opt')).toEqual([]);
    expect(found.get('root')).toMatchObject({ mode: 0o700 });
    expect(
      [...found].filter(([name, { type }]) => name.startsWith('var/') && type === 'file'),
    ).toEqual([]);
    expect(
      [...found.keys()].filter((name) =>
        /shadow|sudoers|ssh|private|\.key$|secret|machine-id|krb5/.test(name),
      ),
    ).toEqual([]);
    for (const [name, { type, mode }] of found) {
      if (type === 'file') expect([name, mode]).toEqual([name, 0o644]);
      expect(['file', 'directory', 'symlink']).toContain(type);
    }
    expect(found.get('tmp')).toMatchObject({ mode: 0o1777 });
    expect(found.get('var/tmp')).toMatchObject({ mode: 0o1777 });
    const passwd =
      (await store.snapshots.readFile(store.images.require(hostImageName), '/etc/passwd')) ?? '';
    for (const line of passwd.trim().split('\n')) {
      expect(line).toMatch(/^[^:]+:x:[0-9]+:[0-9]+:(root)?:(\/root|\/nonexistent):/);
      expect(
        [0, 65_534].includes(Number(line.split(':')[2])) || Number(line.split(':')[2]) < 1000,
      ).toBe(true);
    }
  });

  test('must leave out private keys, unreadable files and links that lead elsewhere', async () => {
    await using store = await testStore();
    const host = join(store.path, 'host');
    makeHost(host, {
      ...smallHost,
      'etc/ssl/certs/good.pem': '-----BEGIN CERTIFICATE-----\n',
      'etc/ssl/certs/combined.pem':
        '-----BEGIN CERTIFICATE-----\n-----BEGIN RSA PRIVATE KEY-----\n',
      'etc/ssl/private/host.key': ['-----BEGIN PRIVATE KEY-----', 0o600],
      'etc/mime.types': ['hidden', 0o640],
      'home/ann/secret': 'secret',
      'etc/shadow': ['root:$6$hash', 0o640],
    });
    mkdirSync(join(host, 'etc/alternatives'));
    symlinkSync('/home/ann/secret', join(host, 'etc/protocols'));
    symlinkSync('/home/ann/secret', join(host, 'etc/alternatives/tool'));
    symlinkSync('/usr/bin/sh', join(host, 'etc/alternatives/shell'));
    const image = await store.images.ensureHostImage({ nodePath, hostRoot: host });
    const root = store.images.layers.pathOf(image.chain[0] ?? 'sha256:');
    const files = execFileSync('find', [`${root}/etc`, '!', '-type', 'd', '-printf', '%P\n'], {
      encoding: 'utf8',
    });
    expect(files.trim().split('\n').sort()).toEqual([
      'alternatives/shell',
      'group',
      'hostname',
      'hosts',
      'mtab',
      'nsswitch.conf',
      'passwd',
      'resolv.conf',
      'services',
      'ssl/certs/good.pem',
    ]);
    expect(readFileSync(`${root}/etc/passwd`, 'utf8')).toBe(
      'root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/nonexistent:/usr/sbin/nologin\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n',
    );
    expect(readFileSync(`${root}/etc/group`, 'utf8')).toBe(
      'root:x:0:\nwww:x:33:\nnogroup:x:65534:\n',
    );
    const search = `grep -rlE 'secret|Ann|[$]6[$]|PRIVATE' ${root} || true`;
    expect(execFileSync('sh', ['-c', search], { encoding: 'utf8' })).toBe('');
  });

  test('must keep the directories of a host whose /bin is no link', async () => {
    await using store = await testStore();
    const host = join(store.path, 'host');
    makeHost(host, { ...smallHost, 'bin/old': '#', 'lib/ld.so': '#' });
    symlinkSync('usr/lib64', join(host, 'lib64'));
    const image = await store.images.ensureHostImage({ nodePath, hostRoot: host });
    expect(image.host?.overlays).toEqual([
      [join(host, 'usr'), '/usr'],
      [join(host, 'bin'), '/bin'],
      [join(host, 'lib'), '/lib'],
    ]);
    const { mounts } = await store.snapshots.prepare('c1', image);
    expect(
      mounts.map(({ kind, target, upperDir }) => [kind, target, upperDir.split('/').at(-1)]),
    ).toEqual([
      ['overlay', '/', 'upper'],
      ['overlay', '/usr', 'usr-upper'],
      ['overlay', '/bin', 'bin-upper'],
      ['overlay', '/lib', 'lib-upper'],
    ]);
    const root = join(store.path, 'root');
    mkdirSync(root);
    await store.snapshots.view(image, (fd) => {
      expect(statAt(fd, 'bin/old').type).toBe('file');
      expect(statAt(fd, 'usr/bin/sh').type).toBe('file');
    });
  });

  test('must bring the running Node from where it is', async () => {
    await using store = await testStore();
    const host = join(store.path, 'host');
    const prefix = '/opt/nvm/v20';
    makeHost(host, {
      ...smallHost,
      [`${prefix}/bin/node`]: ['#!', 0o755],
      [`${prefix}/lib/node_modules/npm/bin/npm-cli.js`]: '',
      [`${prefix}/README.md`]: '',
    });
    const own = await store.images.ensureHostImage({
      nodePath: `${prefix}/bin/node`,
      hostRoot: host,
    });
    expect(own.host?.binds).toEqual([[join(host, prefix), '/opt/node']]);
    expect(own.document.config.Env).toEqual([
      'PATH=/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ]);
    const { mounts } = await store.snapshots.prepare('c1', own);
    expect(mounts.at(-1)).toMatchObject({
      kind: 'bind',
      source: join(host, prefix),
      target: '/opt/node',
      flags: 1 | 2 | 4,
    });
  });

  test('must not bring somebody’s whole home because Node is in it', async () => {
    await using store = await testStore();
    const host = join(store.path, 'host');
    makeHost(host, {
      ...smallHost,
      'home/ann/.local/bin/node': ['#!', 0o755],
      'home/ann/.local/lib/node_modules/npm/bin/npm-cli.js': '',
      'home/ann/.local/share/keyrings/login': 'secret',
      'home/ann/.local/state/x': '',
    });
    const image = await store.images.ensureHostImage({
      nodePath: '/home/ann/.local/bin/node',
      hostRoot: host,
    });
    expect(image.host?.binds).toEqual([
      [join(host, 'home/ann/.local/bin/node'), '/opt/node/bin/node'],
      [join(host, 'home/ann/.local/lib/node_modules'), '/opt/node/lib/node_modules'],
    ]);
  });

  test('must be the same image as long as the host is the same, and another when it changes', async () => {
    await using store = await testStore();
    await using other = await testStore();
    const host = join(store.path, 'host');
    makeHost(host, smallHost);
    const options = { nodePath, hostRoot: host };
    const first = await store.images.ensureHostImage(options);
    expect((await other.images.ensureHostImage(options)).id).toBe(first.id);
    const next = await openStore(store.path);
    expect(await next.images.ensureHostImage(options)).toEqual(first);

    utimesSync(join(host, 'etc/services'), 1, 1);
    expect((await next.images.ensureHostImage(options)).id).toBe(first.id);

    writeFileSync(join(host, 'etc/services'), 'http 80/tcp\nhttps 443/tcp\n');
    const changed = await next.images.ensureHostImage({ ...options, usersOf: () => ['c1'] });
    expect(changed.id).not.toBe(first.id);
    expect(next.images.resolve(hostImageName)?.id).toBe(changed.id);
    expect(next.images.resolve(first.id)?.names).toEqual([]);

    writeFileSync(join(host, 'etc/services'), 'http 80/tcp\nhttps 443/tcp\nntp 123/udp\n');
    const last = await next.images.ensureHostImage({ ...options, usersOf: () => [] });
    expect(next.images.list().map(({ id }) => id)).toEqual([last.id]);
    await next.snapshots.close();
  });

  test('must not be removed, replaced or given away', async () => {
    await using store = await testStore();
    await store.images.ensureHostImage({ nodePath });
    await expect(
      store.images.remove(hostImageName, { usersOf: () => [], force: true }),
    ).rejects.toThrow('belongs to the engine');
    await expect(store.images.tag(hostImageName, 'tscompose.local/other')).rejects.toThrow(
      'is a name of the engine itself',
    );
  });
});
