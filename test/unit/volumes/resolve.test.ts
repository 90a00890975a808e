import { describe, expect, test } from 'vitest';
import { resolveMount, type MountRequest } from '../../../volumes/index.ts';

const volume = {
  kind: 'volume',
  name: '',
  target: '/t',
  isReadonly: false,
  hasNoCopy: false,
  subpath: '',
  driver: '',
  driverOptions: {},
  labels: {},
} as const;
const bind = {
  kind: 'bind',
  source: '/s',
  target: '/t',
  isReadonly: false,
  isRecursive: true,
  propagation: 'rprivate',
  createsSource: true,
} as const;
const tmpfs = {
  kind: 'tmpfs',
  target: '/t',
  isReadonly: false,
  sizeBytes: null,
  mode: 0o1777,
  options: [],
} as const;

describe('a resolved mount', () => {
  const nothing = {
    source: '',
    subpath: '',
    lowerDirs: [],
    upperDir: '',
    workDir: '',
    isReadonlyTop: false,
    owner: null,
    propagation: 0,
    data: '',
    flags: 0,
  };
  const image = {
    kind: 'image',
    source: 'app',
    target: '/t',
    subpath: '',
    isReadonly: true,
    imageId: 'sha256:a',
  } as const;
  test.each<[string, MountRequest, object]>([
    [
      'volume',
      { ...volume, name: 'data' },
      { ...nothing, kind: 'bind', target: '/t', source: '/v', create: 'directory' },
    ],
    [
      'read-only volume',
      { ...volume, isReadonly: true },
      { ...nothing, kind: 'bind', target: '/t', source: '/v', flags: 1, create: 'directory' },
    ],
    [
      'bind of a directory',
      { ...bind, source: '/usr' },
      {
        ...nothing,
        kind: 'bind',
        target: '/t',
        source: '/usr',
        flags: 0x4000,
        create: 'directory',
      },
    ],
    [
      'bind of a file',
      { ...bind, source: '/etc/passwd', isReadonly: true, propagation: 'slave' },
      {
        ...nothing,
        kind: 'bind',
        target: '/t',
        source: '/etc/passwd',
        flags: 0x4001,
        propagation: 0x80000,
        create: 'file',
      },
    ],
    [
      'bind with an owner, read-only at its top',
      {
        ...bind,
        source: '/usr',
        isReadonly: true,
        isReadonlyTop: true,
        owner: { uid: 1, gid: 2 },
      },
      {
        ...nothing,
        kind: 'bind',
        target: '/t',
        source: '/usr',
        flags: 0x4001,
        isReadonlyTop: true,
        owner: { uid: 1, gid: 2 },
        create: 'directory',
      },
    ],
    [
      'part of an image of two layers',
      { ...image, subpath: 'bin' },
      {
        ...nothing,
        kind: 'overlay',
        target: '/t',
        subpath: 'bin',
        lowerDirs: ['/l2', '/l1'],
        flags: 1,
        create: 'directory',
      },
    ],
    [
      'tmpfs',
      tmpfs,
      {
        ...nothing,
        kind: 'tmpfs',
        target: '/t',
        flags: 0xe,
        data: 'mode=1777',
        create: 'directory',
      },
    ],
    [
      'tmpfs with options',
      {
        ...tmpfs,
        isReadonly: true,
        sizeBytes: 4096,
        mode: 0o700,
        options: ['exec', 'nosuid', 'uid=5'],
      },
      {
        ...nothing,
        kind: 'tmpfs',
        target: '/t',
        flags: 0x7,
        data: 'mode=700,size=4096,uid=5',
        create: 'directory',
      },
    ],
  ])('must say everything the shim needs: %s', (_, request, mount) => {
    expect(resolveMount(request, { mountpoint: '/v', lowerDirs: ['/l2', '/l1'] })).toEqual(mount);
  });

  test('of an image of one layer must be that layer, with a file for a file', () => {
    const request = { ...image, subpath: 'passwd' };
    expect(resolveMount(request, { lowerDirs: ['/etc'] })).toEqual({
      ...nothing,
      kind: 'bind',
      target: '/t',
      source: '/etc',
      subpath: 'passwd',
      flags: 1,
      create: 'file',
    });
  });

  test('must name a source that does not exist', () => {
    expect(() => resolveMount({ ...bind, source: '/nowhere/at/all' }, {})).toThrow(
      expect.objectContaining({
        code: 'source-missing',
        message: 'bind source path does not exist: /nowhere/at/all',
      }) as Error,
    );
  });
});
