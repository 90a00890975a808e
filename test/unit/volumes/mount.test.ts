import { describe, expect, test } from 'vitest';
import {
  parseMounts,
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
  ['TARGET', { binds: ['/t'] }, { ...volume, mode: '' }],
  ['NAME:TARGET', { binds: ['data:/t'] }, { ...volume, name: 'data' }],
  [
    'NAME:TARGET:OPTIONS',
    { binds: ['data:/t:ro,z,nocopy'] },
    { ...volume, name: 'data', isReadonly: true, hasNoCopy: true, mode: 'ro,z,nocopy' },
  ],
  ['SOURCE:TARGET', { binds: ['/s:/t'] }, bind],
  [
    'SOURCE:TARGET:OPTIONS',
    { binds: ['/s:/t:ro,Z,rslave,cached'] },
    { ...bind, isReadonly: true, propagation: 'rslave', mode: 'ro,Z,rslave,cached' },
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
  [
    'a part of a volume',
    {
      mounts: [
        { Type: 'volume', Source: 'data', Target: '/t', VolumeOptions: { Subpath: './a//b/' } },
      ],
    },
    { ...volume, name: 'data', subpath: 'a/b' },
  ],
  [
    'an image',
    { mounts: [{ Type: 'image', Source: 'app:1', Target: '/t', ReadOnly: false }] },
    {
      kind: 'image',
      source: 'app:1',
      target: '/t',
      subpath: '',
      isReadonly: true,
      imageId: '',
    },
  ],
  [
    'a bind that is read-only at its top',
    {
      mounts: [
        {
          Type: 'bind',
          Source: '/s',
          Target: '/t',
          ReadOnly: true,
          BindOptions: { ReadOnlyNonRecursive: true },
        },
      ],
    },
    { ...bind, isReadonly: true, isReadonlyTop: true, createsSource: false },
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
  ['a volume of the image', { imageVolumes: ['/t/'] }, { ...volume, mode: '' }],
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
    ['data:t', 'invalid-mount', "invalid mount path: 't' mount path must be absolute"],
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
    ['no type', { Target: '/t' }, 'invalid mount config for type "": mount type unknown'],
    ...['npipe', 'cluster'].map((Type): [string, object, string] => [
      `the type ${Type}`,
      { Type, Target: '/t' },
      `invalid mount config for type "${Type}": mount type unknown`,
    ]),
    [
      'no target',
      { Type: 'volume' },
      'invalid mount config for type "volume": field Target must not be empty',
    ],
    [
      'the root as its target',
      { Type: 'bind', Source: '/s', Target: '/x/..' },
      "invalid mount config for type \"bind\": invalid specification: destination can't be '/'",
    ],
    [
      'no source of a bind',
      { Type: 'bind', Target: '/t' },
      'invalid mount config for type "bind": field Source must not be empty',
    ],
    [
      'no source of an image',
      { Type: 'image', Target: '/t' },
      'invalid mount config for type "image": field Source must not be empty',
    ],
    [
      'a relative source',
      { Type: 'bind', Source: 's', Target: '/t' },
      'invalid mount config for type "bind": invalid mount path: \'s\' mount path must be absolute',
    ],
    [
      'the options of another type',
      { Type: 'bind', Source: '/s', Target: '/t', VolumeOptions: {} },
      'VolumeOptions must not be specified on mount type "bind"',
    ],
    [
      'a tmpfs with a source',
      { Type: 'tmpfs', Source: 'x', Target: '/t' },
      'invalid mount config for type "tmpfs": field Source must not be specified',
    ],
    [
      'an unknown propagation',
      { Type: 'bind', Source: '/s', Target: '/t', BindOptions: { Propagation: 'x' } },
      'invalid mount config for type "bind": invalid propagation mode: x',
    ],
    ...['../a', 'a/../..', '/a', '..'].map((Subpath): [string, object, string] => [
      `the subpath ${Subpath}`,
      { Type: 'volume', Source: 'data', Target: '/t', VolumeOptions: { Subpath } },
      'invalid mount config for type "volume": subpath must be a relative path within the volume',
    ]),
    [
      'a subpath of an image that leads out of it',
      { Type: 'image', Source: 'app', Target: '/t', ImageOptions: { Subpath: '../a' } },
      'invalid mount config for type "image": subpath must be a relative path within the volume',
    ],
    [
      'a subpath of a volume without a name',
      { Type: 'volume', Target: '/t', VolumeOptions: { Subpath: 'a' } },
      'invalid mount config for type "volume": must not set Subpath when using anonymous volumes',
    ],
    ...(
      [
        [false, { ReadOnlyNonRecursive: true }, '!ReadOnly && BindOptions.ReadOnlyNonRecursive'],
        [
          false,
          { ReadOnlyForceRecursive: true },
          '!ReadOnly && BindOptions.ReadOnlyForceRecursive',
        ],
        [
          true,
          { ReadOnlyNonRecursive: true, ReadOnlyForceRecursive: true },
          'ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive',
        ],
      ] as const
    ).map(([ReadOnly, BindOptions, conflict]): [string, object, string] => [
      `the conflict ${conflict}`,
      { Type: 'bind', Source: '/s', Target: '/t', ReadOnly, BindOptions },
      `mount options conflict: ${conflict}`,
    ]),
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
        if (a !== b) expect(() => parseMounts({ ...a, ...b })).toThrow('Duplicate mount point: /t');
    expect(() => parseMounts({ binds: ['data:/t', '/s:/t'] })).toThrow('Duplicate mount point: /t');
  });
});
