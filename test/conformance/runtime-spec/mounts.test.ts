/** config.md, "Root" and "Mounts"; config-linux.md, "Default filesystems", "Rootfs mount propagation", paths. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  createContainer,
  defaultMounts,
  family,
  makeConfig,
  obligation,
  probe,
  rootfs,
  scratch,
  unless,
} from './support.ts';
import type { Config } from './support.ts';

const withMounts = (...mounts: readonly Config[]): Config => ({
  mounts: [...(defaultMounts ?? []), ...mounts],
});

/** The line of /proc/self/mounts for a mount point. */
async function mountLine(target: string, change: Config): Promise<string> {
  const text = await probe('cat /proc/self/mounts', change);
  return text.split('\n').findLast((line) => line.split(' ')[1] === target) ?? '';
}

/** Of /proc/self/mountinfo: what stands between the options and the dash, such as "shared:5". */
async function propagation(target: string, change: Config): Promise<string> {
  const text = await probe('cat /proc/self/mountinfo', change);
  const line = text.split('\n').findLast((candidate) => candidate.split(' ')[4] === target) ?? '';
  return line.split(' - ')[0]?.split(' ').slice(6).join(' ') ?? '';
}

const tmpfs = (...options: readonly string[]): Config =>
  withMounts({ destination: '/mnt', type: 'tmpfs', source: 'tmpfs', options });

function hostTree(name: string): string {
  const path = scratch(name);
  mkdirSync(join(path, 'below'), { recursive: true });
  writeFileSync(join(path, 'file'), 'of the host\n');
  return path;
}

const bind = (source: string, ...options: readonly string[]): Config =>
  withMounts({ destination: '/mnt', type: 'bind', source, options: ['bind', ...options] });

family('mounts: file systems and their options', () => {
  for (const [target, type] of [
    ['/proc', 'proc'],
    ['/dev', 'tmpfs'],
    ['/dev/pts', 'devpts'],
    ['/sys', 'sysfs'],
  ] as const) {
    obligation(`${target} is a ${type}`, async () => {
      expect((await mountLine(target, {})).split(' ')[2]).toBe(type);
    });
  }

  for (const type of ['mqueue', 'ramfs', 'tmpfs'] as const) {
    obligation(`a ${type} can be mounted anywhere`, async () => {
      const line = await mountLine(
        '/mnt/new/place',
        withMounts({ destination: '/mnt/new/place', type, source: type }),
      );
      expect(line.split(' ')[2]).toBe(type);
    });
  }

  for (const option of [
    ...['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'nosymfollow'],
  ]) {
    obligation(`a file system is mounted "${option}"`, async () => {
      expect((await mountLine('/mnt', tmpfs(option))).split(' ')[3]?.split(',')).toContain(option);
    });
  }

  obligation('relatime and strictatime are what is asked for', async () => {
    expect((await mountLine('/mnt', tmpfs('relatime'))).split(' ')[3]?.split(',')).toContain(
      'relatime',
    );
    expect((await mountLine('/mnt', tmpfs('strictatime'))).split(' ')[3]).not.toContain('relatime');
  });

  obligation('the last of two opposite options holds', async () => {
    const options = (await mountLine('/mnt', tmpfs('ro', 'noexec', 'rw', 'exec')))
      .split(' ')[3]
      ?.split(',');
    expect(options).toContain('rw');
    expect(options).not.toContain('noexec');
  });

  obligation('options of the file system are its own', async () => {
    const line = await mountLine('/mnt', tmpfs('size=64k', 'mode=1770'));
    expect(line).toContain('size=64k');
    expect(line).toContain('mode=1770');
  });

  obligation('mounts are made in the order of the list', async () => {
    const change = withMounts(
      { destination: '/mnt', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/mnt/inner', type: 'tmpfs', source: 'tmpfs', options: ['size=32k'] },
    );
    expect(await mountLine('/mnt/inner', change)).toContain('size=32k');
  });

  obligation('a tmpfs can begin with what it covers', async () => {
    chmodSync(join(rootfs(), 'data/deep'), 0o750);
    symlinkSync('file', join(rootfs(), 'data/link'));
    const change = withMounts({
      ...{ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] },
    });
    const script =
      'cat /data/link; stat -c "%a %F" /data/deep; stat -f -c %T /data; echo x > /data/file';
    expect(await probe(script, change)).toBe('of the root\n750 directory\ntmpfs\n');
    expect(await probe('cat /data/file')).toBe('of the root\n');
  });

  obligation('a mount point that is a link stays inside of the root', async () => {
    symlinkSync('/../../../../etc', join(rootfs(), 'away'));
    const change = withMounts({ destination: '/away/x', type: 'tmpfs', source: 'tmpfs' });
    expect(await probe('cut -d" " -f2 /proc/self/mounts', change)).toContain('/etc/x\n');
  });
});

family('mounts: binds', () => {
  obligation(
    "a directory of the host is there, and what is written to it is the host's",
    async () => {
      const source = hostTree('bound');
      expect(await probe('cat /mnt/file; echo new > /mnt/new', bind(source))).toBe('of the host\n');
      expect(readdirSync(source)).toContain('new');
    },
  );

  obligation('a file is bound onto a file that is made for it', async () => {
    const source = join(hostTree('bound-file'), 'file');
    const change = withMounts({
      destination: '/etc/made',
      type: 'bind',
      source,
      options: ['bind'],
    });
    expect(await probe('cat /etc/made', change)).toBe('of the host\n');
  });

  obligation('a mount point that is missing is made, with all above it', async () => {
    const change = withMounts({
      ...{ destination: '/mnt/a/b/c', type: 'bind', source: hostTree('made'), options: ['bind'] },
    });
    expect(await probe('cat /mnt/a/b/c/file', change)).toBe('of the host\n');
  });

  obligation('a bind needs no type', async () => {
    const change = withMounts({
      destination: '/mnt',
      source: hostTree('typeless'),
      options: ['rbind'],
    });
    expect(await probe('cat /mnt/file', change)).toBe('of the host\n');
  });

  for (const option of ['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'nosymfollow']) {
    obligation(`a bind is mounted "${option}"`, async () => {
      const line = await mountLine('/mnt', bind(hostTree(`bind-${option}`), option));
      expect(line.split(' ')[3]?.split(',')).toContain(option);
    });
  }

  obligation('a bind that is read-only refuses to be written to', async () => {
    const source = hostTree('readonly');
    expect(await probe('echo x > /mnt/x || echo refused', bind(source, 'ro'))).toBe('refused\n');
  });
});

/** A source with a mount below it, in the namespace of this process. */
async function withMountBelow(
  name: string,
  check: (source: string) => Promise<void>,
): Promise<void> {
  const source = hostTree(name);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(source, 'below')]);
  try {
    await check(source);
  } finally {
    execFileSync('umount', [join(source, 'below')]);
  }
}

family('mounts: what is mounted below', () => {
  obligation('rbind has it, bind has not', async () => {
    await withMountBelow('rbind', async (source) => {
      expect(await mountLine('/mnt/below', bind(source, 'rbind'))).toContain('tmpfs');
      expect(await mountLine('/mnt/below', bind(source))).toBe('');
    });
  });

  obligation('"ro" is not for it', async () => {
    await withMountBelow('ro-top', async (source) => {
      const options = (await mountLine('/mnt/below', bind(source, 'rbind', 'ro'))).split(' ')[3];
      expect(options?.split(',')).toContain('rw');
    });
  });

  for (const option of ['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'nosymfollow']) {
    obligation(`"r${option}" is for it as well`, async () => {
      await withMountBelow(`recursive-${option}`, async (source) => {
        const change = bind(source, 'rbind', `r${option}`);
        for (const target of ['/mnt', '/mnt/below']) {
          expect((await mountLine(target, change)).split(' ')[3]?.split(',')).toContain(option);
        }
      });
    });
  }

  obligation('what is recursive and what is not can be together', async () => {
    await withMountBelow('mixed', async (source) => {
      const change = bind(source, 'rbind', 'ro', 'rnoexec');
      const options = (await mountLine('/mnt/below', change)).split(' ')[3]?.split(',');
      expect(options).toContain('noexec');
      expect(options).toContain('rw');
    });
  });
});

family('mounts: propagation', () => {
  for (const [option, pattern] of [
    ['private', /^$/],
    ['rprivate', /^$/],
    ['slave', /^master:\d+$/],
    ['rslave', /^master:\d+$/],
    ['shared', /^shared:\d+/],
    ['rshared', /^shared:\d+/],
    ['unbindable', /^unbindable$/],
    ['runbindable', /^unbindable$/],
  ] as const) {
    obligation(`a bind is ${option}`, async () => {
      const source = hostTree(`propagation-${option}`);
      execFileSync('mount', ['--bind', source, source]);
      try {
        execFileSync('mount', ['--make-shared', source]);
        expect(await propagation('/mnt', bind(source, option))).toMatch(pattern);
      } finally {
        execFileSync('umount', [source]);
      }
    });
  }

  for (const [value, pattern] of [
    ['private', /^$/],
    ['slave', /^(master:\d+|)$/],
    ['unbindable', /^unbindable$/],
  ] as const) {
    obligation(`the root is ${value}`, async () => {
      const found = await propagation('/', { linux: { rootfsPropagation: value } });
      expect(found).toMatch(pattern);
    });
  }

  obligation('the root can be shared with the host', async () => {
    const path = rootfs();
    execFileSync('mount', ['--bind', path, path]);
    try {
      execFileSync('mount', ['--make-shared', path]);
      expect(await propagation('/', { linux: { rootfsPropagation: 'shared' } })).toMatch(
        /^shared:\d+/,
      );
    } finally {
      execFileSync('umount', [path]);
    }
  });
});

family('root and paths that are covered', () => {
  obligation('a root that is read-only cannot be written to, mounts in it can', async () => {
    const change = { root: { readonly: true }, ...tmpfs() };
    const script = 'echo x > /x || echo refused; echo y > /mnt/y && cat /mnt/y';
    expect(await probe(script, change)).toBe('refused\ny\n');
  });

  obligation('a root is writable unless it is said', async () => {
    expect(await probe('echo x > /tmp/writable && cat /tmp/writable')).toBe('x\n');
  });

  obligation('nothing of the host is above the root', async () => {
    expect(await probe('cd /; cd ../../..; ls -d data; readlink /proc/self/cwd')).toBe('data\n/\n');
  });

  obligation(
    'a masked file cannot be read, a masked directory is empty, what is not there is passed over',
    async () => {
      const maskedPaths = ['/data/file', '/data/deep', '/proc/timer_list', '/not/there'];
      writeFileSync(join(rootfs(), 'data/deep/hidden'), 'hidden');
      const script =
        'cat /data/file; ls -A /data/deep; cat /proc/timer_list; test -e /not || echo absent';
      expect(await probe(script, { linux: { maskedPaths } })).toBe('absent\n');
    },
  );

  obligation('a read-only path and what is below it cannot be written to', async () => {
    const readonlyPaths = ['/data', '/proc/sys', '/not/there'];
    const script = `echo x > /data/new || echo refused
      echo x > /data/deep/new || echo refused
      echo 1 > /proc/sys/kernel/shm_rmid_forced || echo refused`;
    expect(await probe(script, { linux: { readonlyPaths } })).toBe('refused\nrefused\nrefused\n');
  });
});

/** A device that no container has by itself and that may be opened here. */
const numbers = ['/dev/fuse', '/dev/net/tun', '/dev/kvm', '/dev/loop-control'].flatMap((path) => {
  try {
    closeSync(openSync(path, 'r'));
    const { rdev } = statSync(path);
    return [{ major: rdev >> 8, minor: rdev & 0xff }];
  } catch {
    return [];
  }
});
const { major, minor } = numbers[0] ?? { major: 0, minor: 0 };
const noDevice = numbers.length === 0 ? 'no further device can be opened here' : null;

family('devices', () => {
  for (const [name, major, minor] of [
    ['null', 1, 3],
    ['zero', 1, 5],
    ['full', 1, 7],
    ['random', 1, 8],
    ['urandom', 1, 9],
    ['tty', 5, 0],
  ] as const) {
    obligation(`/dev/${name} is there`, async () => {
      expect(await probe(`stat -c "%t %T %a %u %g" /dev/${name}`)).toBe(
        `${major.toString(16)} ${minor} 666 0 0\n`,
      );
    });
  }

  for (const [name, target] of [
    ['fd', '/proc/self/fd'],
    ['stdin', '/proc/self/fd/0'],
    ['stdout', '/proc/self/fd/1'],
    ['stderr', '/proc/self/fd/2'],
    ['ptmx', 'pts/ptmx'],
  ] as const) {
    obligation(`/dev/${name} leads to ${target}`, async () => {
      expect(await probe(`readlink /dev/${name}`)).toBe(`${target}\n`);
    });
  }

  obligation('devices of the configuration are made, with their owners and modes', async () => {
    const devices = [
      { path: '/dev/mine', type: 'c', major: 1, minor: 3, fileMode: 0o640, uid: 5, gid: 6 },
      { path: '/dev/sub/unbuffered', type: 'u', major: 1, minor: 5 },
      { path: '/dev/fifo', type: 'p', fileMode: 0o600 },
      { path: '/dev/block', type: 'b', major: 7, minor: 200, fileMode: 0o660 },
    ];
    const script =
      'stat -c "%F %t %T %a %u %g" /dev/mine /dev/sub/unbuffered /dev/block; stat -c "%F %a" /dev/fifo';
    expect(await probe(script, { linux: { devices } })).toBe(
      `character special file 1 3 640 5 6\ncharacter special file 1 5 666 0 0\nblock special file 7 c8 660 0 0\nfifo 600\n`,
    );
  });

  obligation('without a /dev of its own the root gets the devices', async () => {
    const mounts = (defaultMounts ?? []).filter(({ destination }) => destination === '/proc');
    expect(await probe('stat -c "%t %T" /dev/null; echo x > /dev/null', { mounts })).toBe('1 3\n');
  });

  obligation('a /dev that is bound from elsewhere stays as it is', async () => {
    const source = scratch('foreign-dev');
    mkdirSync(source);
    const mounts = [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'bind', source, options: ['rbind'] },
    ];
    await using container = await createContainer(makeConfig(['ls', '/dev'], { mounts }));
    expect(container.created.code).toBe(0);
    expect(readdirSync(source)).toEqual([]);
  });

  unless(noDevice, 'only what is allowed can be opened', async () => {
    const devices = [{ path: '/dev/closed', type: 'c', major, minor }];
    const open = [{ allow: false, access: 'rwm' }];
    const script =
      'head -c1 /dev/zero | wc -c; head -c0 /dev/closed 2>/dev/null && echo open || echo closed';
    const linux = { devices, resources: { devices: open } };
    expect(await probe(script, { linux })).toBe('1\nclosed\n');
    const more = [...open, { allow: true, type: 'c', major, minor, access: 'r' }];
    expect(await probe(script, { linux: { devices, resources: { devices: more } } })).toBe(
      '1\nopen\n',
    );
  });

  unless(noDevice, 'a later rule closes what an earlier one opened', async () => {
    const devices = [{ path: '/dev/closed', type: 'c', major, minor }];
    const rules = [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major, minor, access: 'rw' },
      { allow: false, type: 'c', major, minor, access: 'r' },
    ];
    const script = 'head -c0 /dev/closed 2>/dev/null && echo open || echo closed';
    const seen = [rules.slice(0, 2), rules].map((some) =>
      probe(script, { linux: { devices, resources: { devices: some } } }),
    );
    expect(await Promise.all(seen)).toEqual(['open\n', 'closed\n']);
  });
});
