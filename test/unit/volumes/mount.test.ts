import { describe, expect, test } from 'vitest';
import {
  parseMounts,
  resolveMount,
  VolumeError,
  type MountRequest,
  type MountSources,
} from '../../../volumes/index.ts';

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

const accepted: readonly (readonly [string, MountSources, MountRequest])[] = [
  ['TARGET', { binds: ['/t'] }, volume],
  ['NAME:TARGET', { binds: ['data:/t'] }, { ...volume, name: 'data' }],
  [
    'NAME:TARGET:OPTIONS',
    { binds: ['data:/t:ro,z,nocopy'] },
    { ...volume, name: 'data', isReadonly: true, hasNoCopy: true },
  ],
  ['SOURCE:TARGET', { binds: ['/s:/t'] }, bind],
  [
    'SOURCE:TARGET:OPTIONS',
    { binds: ['/s:/t:ro,Z,rslave,cached'] },
    { ...bind, isReadonly: true, propagation: 'rslave' },
  ],
  ['paths that are not clean', { binds: ['//s/./x/..//:/t//'] }, bind],
  [
    'a volume as an object',
    {
      mounts: [
        {
          Type: 'volume',
          Source: 'data',
          Target: '/t',
          ReadOnly: true,
          VolumeOptions: {
            NoCopy: true,
            Labels: { a: 'b' },
            DriverConfig: { Name: 'local', Options: {} },
          },
        },
      ],
    },
    {
      ...volume,
      name: 'data',
      isReadonly: true,
      hasNoCopy: true,
      labels: { a: 'b' },
      driver: 'local',
    },
  ],
  ['an anonymous volume as an object', { mounts: [{ Type: 'volume', Target: '/t' }] }, volume],
  [
    'a bind as an object',
    {
      mounts: [
        {
          Type: 'bind',
          Source: '/s',
          Target: '/t',
          BindOptions: { Propagation: 'shared', NonRecursive: true },
        },
      ],
    },
    { ...bind, propagation: 'shared', isRecursive: false, createsSource: false },
  ],
  [
    'a bind that makes its source',
    {
      mounts: [
        { Type: 'bind', Source: '/s', Target: '/t', BindOptions: { CreateMountpoint: true } },
      ],
    },
    bind,
  ],
  [
    'a tmpfs as an object',
    {
      mounts: [
        {
          Type: 'tmpfs',
          Target: '/t',
          TmpfsOptions: { SizeBytes: 1024, Mode: 0o700, Options: [['noexec'], ['uid', '5']] },
        },
      ],
    },
    { ...tmpfs, sizeBytes: 1024, mode: 0o700, options: ['noexec', 'uid=5'] },
  ],
  ['a tmpfs', { tmpfs: { '/t': '' } }, tmpfs],
  [
    'a tmpfs with options',
    { tmpfs: { '/t': 'ro,exec,size=64m,mode=755' } },
    { ...tmpfs, isReadonly: true, sizeBytes: 64 << 20, mode: 0o755, options: ['exec'] },
  ],
  [
    'a tmpfs of half the memory',
    { tmpfs: { '/t': 'size=50%,rw' } },
    { ...tmpfs, options: ['size=50%'] },
  ],
  ['a volume of the image', { imageVolumes: ['/t/'] }, volume],
  [
    'a mount on a volume of the image',
    { binds: ['data:/t'], imageVolumes: ['/t'] },
    { ...volume, name: 'data' },
  ],
];

describe('a mount request', () => {
  test.each(accepted)('written as %s must have its one canonical form', (_, sources, request) => {
    expect(parseMounts(sources)).toEqual([request]);
  });

  test('must come after the mount that it lies in, and in its own order otherwise', () => {
    const sources = {
      binds: ['a:/x/y/z', 'b:/x'],
      mounts: [{ Type: 'volume', Source: 'cc', Target: '/x/y' }],
      tmpfs: { '/a': '' },
    };
    expect(() => parseMounts(sources)).toThrow(VolumeError);
    const long = { ...sources, binds: ['aa:/x/y/z', 'bb:/x'] };
    expect(parseMounts(long).map(({ target }) => target)).toEqual(['/x', '/a', '/x/y', '/x/y/z']);
  });

  test.each([
    ['', 'invalid-mount', 'invalid volume specification: ""'],
    [':', 'invalid-mount', 'invalid volume specification: ":"'],
    ['data:', 'invalid-mount', 'invalid volume specification: "data:"'],
    ['a:/b:ro:x', 'invalid-mount', 'invalid volume specification: "a:/b:ro:x"'],
    ['data:t', 'invalid-mount', 'invalid mount path "t": it must be absolute'],
    ['data:/', 'invalid-mount', 'invalid mount "data:/": the target cannot be "/"'],
    ['data:/x/..', 'invalid-mount', 'invalid mount "data:/x/..": the target cannot be "/"'],
    [
      './data:/t',
      'invalid-mount',
      '"./data" in "./data:/t" is neither a volume name nor an absolute path',
    ],
    [
      '../x:/t',
      'invalid-mount',
      '"../x" in "../x:/t" is neither a volume name nor an absolute path',
    ],
    [
      'a b:/t',
      'invalid-name',
      'volume name "a b" is invalid: it needs two or more of letters, digits, "_", "." and "-", beginning with a letter or digit',
    ],
    ['/s\0x:/t', 'invalid-mount', 'a path contains a NUL byte'],
    ['data:/t:rx', 'invalid-option', 'invalid mode "rx" in "data:/t:rx"'],
    ['data:/t:ro,rw', 'invalid-option', 'invalid mode "ro,rw" in "data:/t:ro,rw"'],
    ['data:/t:rslave', 'invalid-option', 'invalid mode "rslave" in "data:/t:rslave"'],
    ['/s:/t:nocopy', 'invalid-option', 'invalid mode "nocopy" in "/s:/t:nocopy"'],
  ])('written as %j must be refused', (written, code, message) => {
    expect(() => parseMounts({ binds: [written] })).toThrow(
      expect.objectContaining({ code, message }) as Error,
    );
  });

  test.each([
    ['no type', { Target: '/t' }, 'there is no mount type ""'],
    ['an unknown type', { Type: 'npipe', Target: '/t' }, 'there is no mount type "npipe"'],
    ['no target', { Type: 'volume' }, 'invalid mount path "": it must be absolute'],
    [
      'a relative source',
      { Type: 'bind', Source: 's', Target: '/t' },
      'the source "s" of the bind on /t is not an absolute path',
    ],
    [
      'the options of another type',
      { Type: 'bind', Source: '/s', Target: '/t', VolumeOptions: {} },
      'VolumeOptions of a mount of the type "bind"',
    ],
    [
      'a tmpfs with a source',
      { Type: 'tmpfs', Source: 'x', Target: '/t' },
      'the tmpfs on /t cannot have a source',
    ],
    [
      'an unknown propagation',
      { Type: 'bind', Source: '/s', Target: '/t', BindOptions: { Propagation: 'x' } },
      'no propagation "x"',
    ],
    [
      'a subpath',
      { Type: 'volume', Source: 'data', Target: '/t', VolumeOptions: { Subpath: 'a' } },
      'subpath "a" of a volume is not supported',
    ],
    [
      'an injected tmpfs option',
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { Options: [['size', '1m,suid']] } },
      null,
    ],
    [
      'an unknown tmpfs option',
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { Options: [['huge', 'always']] } },
      'invalid tmpfs option "huge=always" for /t',
    ],
  ])('as an object with %s must be refused', (_, mount, message) => {
    if (message === null)
      expect(parseMounts({ mounts: [mount] })).toMatchObject([
        { sizeBytes: 1 << 20, options: ['suid'] },
      ]);
    else expect(() => parseMounts({ mounts: [mount] })).toThrow(message);
  });

  test('must not share its target with another one, however both are written', () => {
    const one: readonly MountSources[] = [
      { binds: ['data:/t'] },
      { mounts: [{ Type: 'volume', Source: 'data', Target: '/t/' }] },
      { tmpfs: { '//t': '' } },
    ];
    for (const a of one)
      for (const b of one)
        if (a !== b) expect(() => parseMounts({ ...a, ...b })).toThrow('duplicate mount point: /t');
    expect(() => parseMounts({ binds: ['data:/t', '/s:/t'] })).toThrow('duplicate mount point: /t');
  });
});

describe('a resolved mount', () => {
  const nothing = {
    source: '',
    lowerDirs: [],
    upperDir: '',
    workDir: '',
    propagation: 0,
    data: '',
    flags: 0,
  };
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
    expect(resolveMount(request, '/v')).toEqual(mount);
  });

  test('must name a source that does not exist', () => {
    expect(() => resolveMount({ ...bind, source: '/nowhere/at/all' }, '')).toThrow(
      expect.objectContaining({
        code: 'source-missing',
        message: 'bind source path does not exist: /nowhere/at/all',
      }) as Error,
    );
  });
});
