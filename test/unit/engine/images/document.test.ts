import { describe, expect, test } from 'vitest';
import { EngineError } from '../../../../engine/api/index.ts';
import { packingOf } from '../../../../engine/images/decompress.ts';
import { chainOf, isDigest } from '../../../../engine/images/digest.ts';
import {
  parseDocument,
  parseImageDocument,
  parseIndex,
  parseManifest,
} from '../../../../engine/images/document.ts';
import { meaningOf, splitName } from '../../../../engine/images/entry-name.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('an image config', () => {
  test('must be taken over field by field', () => {
    const document = parseImageDocument(
      bytes({
        os: 'linux',
        architecture: 'amd64',
        unknown: { x: 1 },
        rootfs: { type: 'layers', diff_ids: [digest] },
        config: {
          Cmd: ['a'],
          Env: null,
          Labels: { __proto__: 'x', b: 'c' },
          Nonsense: 1,
          ExposedPorts: { '80/tcp': { evil: 1 } },
        },
        history: [{ created_by: 'x', empty_layer: true, evil: 1 }, 5],
      }),
      'the config',
    );
    expect(document).toEqual({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: [digest] },
      config: { Cmd: ['a'], Labels: { b: 'c' }, ExposedPorts: { '80/tcp': {} } },
      history: [{ created_by: 'x', empty_layer: true }],
    });
  });

  test.each([
    ['no JSON', Buffer.from('{'), 'the config is not JSON: '],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'the config is not JSON: '],
    ['a list', bytes([]), 'the config is not an object'],
    ['no layers', bytes({}), 'the config has no "rootfs.diff_ids": not an image config'],
    [
      'a digest that is a path',
      bytes({ rootfs: { diff_ids: ['sha256:../../x'] } }),
      'the config has no "rootfs.diff_ids"',
    ],
    [
      'a command that is no list',
      bytes({ rootfs: { diff_ids: [digest] }, config: { Cmd: 'sh' } }),
      'the config has a "config.Cmd" of the wrong type',
    ],
    [
      'labels that are no texts',
      bytes({ rootfs: { diff_ids: [digest] }, config: { Labels: { a: 1 } } }),
      'the config has a "config.Labels" of the wrong type',
    ],
  ])('with %s must be refused', (_, input, message) => {
    expect(() => parseImageDocument(input, 'the config')).toThrow(message);
  });

  test('must never make the reader throw anything untyped, however it is damaged', () => {
    const good = bytes({
      os: 'linux',
      rootfs: { diff_ids: [digest] },
      config: { Cmd: ['a'], Healthcheck: { Test: ['x'], Interval: 5 } },
      history: [{}],
    });
    for (let at = 0; at < good.length; at++)
      for (const byte of [0, 0x22, 0x7b, 0x5b, 0x31, 0xff]) {
        const damaged = Buffer.from(good);
        damaged[at] = byte;
        try {
          parseImageDocument(damaged, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(EngineError);
        }
      }
  });
});

describe('a manifest', () => {
  const descriptor = { mediaType: 'x', digest, size: 1 };
  test('that is an index as well must be refused', () => {
    const both = { config: descriptor, layers: [descriptor], manifests: [descriptor] };
    expect(() => parseManifest(both, 'm')).toThrow('m is an index where a manifest was expected');
    expect(() => parseIndex(both, 'm')).toThrow('m is a manifest where an index was expected');
  });
  test.each([
    [{}, 'm has no layers'],
    [{ layers: [{}], config: descriptor }, 'layer 0 of m has no digest'],
    [{ layers: [{ digest, size: -1 }], config: descriptor }, 'layer 0 of m has no size'],
    [
      { layers: [], config: { digest: digest.toUpperCase(), size: 1 } },
      'the config of m has no digest',
    ],
  ])('%j must be refused', (json, message) => {
    expect(() => parseManifest(parseDocument(bytes(json), 'm'), 'm')).toThrow(message);
  });
});

describe('a digest', () => {
  test.each([
    'sha256:x',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(64)}/..`,
    `sha256:${'a'.repeat(64)}\n`,
    5,
    null,
  ])('must not be %j', (value) => {
    expect(isDigest(value)).toBe(false);
  });
  test('of a stack of layers must follow the specification', () => {
    // image-spec config.md#layer-chainid: ChainID(L0|...|Ln) = Digest(ChainID(L0|...|Ln-1) + " " + DiffID(Ln))
    expect(chainOf([`sha256:${'0'.repeat(64)}`, `sha256:${'1'.repeat(64)}`])).toEqual([
      `sha256:${'0'.repeat(64)}`,
      'sha256:f94b891e05f6e37c90d87edfd5bb98a02d618a437c35f3a94b3b00e48e894631',
    ]);
  });
});

describe('a packed stream', () => {
  test.each([
    ['gzip', '1f8b0800'],
    ['zstd', '28b52ffd'],
    ['zstd', '502a4d18'],
    ['zstd', '5f2a4d18'],
    ['xz', 'fd377a585a00'],
    ['bzip2', '425a6839'],
    ['none', '7573746172'],
    ['none', ''],
  ])('must be known as %s by its first bytes %s', (packing, hex) => {
    expect(packingOf(Buffer.from(hex, 'hex'))).toBe(packing);
  });
});

describe('an entry’s name', () => {
  test.each([
    ['./', []],
    ['/', []],
    ['.', []],
    ['a/b', ['a', 'b']],
    ['/a//./b/', ['a', 'b']],
    ['...', ['...']],
    ['a/..b', ['a', '..b']],
  ])('%j must be split into its components', (name, path) => {
    expect(splitName(name, 10)).toEqual(path);
  });
  test.each([
    ['a/.wh.b', { kind: 'whiteout', path: 'a/b' }],
    ['.wh.b', { kind: 'whiteout', path: 'b' }],
    ['.wh..b', { kind: 'whiteout', path: '.b' }],
    ['a/.wh..wh..opq', { kind: 'opaque', path: 'a' }],
    ['.wh..wh..opq', { kind: 'opaque', path: '' }],
    ['.wh..wh.plnk/x', { kind: 'meta' }],
    ['wh.b', { kind: 'plain' }],
  ])('%j must mean what the specification says', (name, meaning) => {
    expect(meaningOf(name, splitName(name, 10))).toEqual(meaning);
  });
});
