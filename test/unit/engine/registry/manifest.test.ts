import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkDigest, digestOf, Verifier } from '../../../../engine/registry/digest.ts';
import { RegistryError } from '../../../../engine/registry/errors.ts';
import { parseManifest } from '../../../../engine/registry/manifest.ts';
import { mediaTypes } from '../../../../engine/registry/media-types.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const descriptor = { mediaType: 'text/x', digest, size: 3 };
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: descriptor,
  layers: [descriptor],
};
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [descriptor] };

function parse(document: unknown, type: string): ReturnType<typeof parseManifest> {
  return parseManifest(Buffer.from(JSON.stringify(document)), type);
}

describe('a manifest', () => {
  test('must be read whole', () => {
    const annotated = {
      ...descriptor,
      annotations: { a: 'b' },
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    };
    expect(
      parse({ ...manifest, layers: [annotated], artifactType: 'x/y' }, mediaTypes.ociManifest),
    ).toMatchObject({
      kind: 'manifest',
      artifactType: 'x/y',
      layers: [
        { digest, size: 3, annotations: { a: 'b' }, platform: { os: 'linux', variant: 'v8' } },
      ],
    });
    expect(parse(index, `${mediaTypes.ociIndex}; charset=utf-8`)).toMatchObject({ kind: 'index' });
  });

  test('must be told by itself where the registry sends a general type', () => {
    expect(parse(manifest, 'application/json').kind).toBe('manifest');
    expect(parse(index, '').kind).toBe('index');
  });

  test.each<[string, unknown, string, string]>([
    [
      'CVE-2021-41190: both kinds at once',
      { ...manifest, manifests: [] },
      mediaTypes.ociManifest,
      'an index and a manifest at once',
    ],
    ['CVE-2021-41190: another type inside', manifest, mediaTypes.ociIndex, 'calls itself'],
    [
      'a type that is none of them',
      { ...manifest, mediaType: 'text/html' },
      'text/html',
      'neither a manifest nor an index',
    ],
    [
      'schema 1 by type',
      { schemaVersion: 1 },
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'schema 1',
    ],
    ['schema 1 by content', { schemaVersion: 1 }, mediaTypes.dockerManifest, 'schema 1'],
    [
      'no version',
      { ...manifest, schemaVersion: undefined },
      mediaTypes.ociManifest,
      'schemaVersion is not 2',
    ],
    ['a list', [], mediaTypes.ociManifest, 'not an object'],
    ['null', null, mediaTypes.ociManifest, 'not an object'],
    [
      'no layers',
      { ...manifest, layers: undefined },
      mediaTypes.ociManifest,
      'layers is not a list',
    ],
    [
      'a layer that is none',
      { ...manifest, layers: [1] },
      mediaTypes.ociManifest,
      'layers[0] is no descriptor',
    ],
    [
      'a negative size',
      { ...manifest, config: { ...descriptor, size: -1 } },
      mediaTypes.ociManifest,
      'no sensible size',
    ],
    [
      'a fractional size',
      { ...manifest, config: { ...descriptor, size: 1.5 } },
      mediaTypes.ociManifest,
      'no sensible size',
    ],
    [
      'an endless size',
      { ...manifest, config: { ...descriptor, size: 1e300 } },
      mediaTypes.ociManifest,
      'no sensible size',
    ],
    [
      'a digest that is a path',
      { ...manifest, config: { ...descriptor, digest: 'sha256:../../x' } },
      mediaTypes.ociManifest,
      'is no digest',
    ],
    [
      'a short digest',
      { ...manifest, config: { ...descriptor, digest: 'sha256:abcd' } },
      mediaTypes.ociManifest,
      'is no digest',
    ],
    [
      'an unknown algorithm',
      { ...manifest, config: { ...descriptor, digest: `md5:${'a'.repeat(32)}` } },
      mediaTypes.ociManifest,
      '"md5" is not known',
    ],
    [
      'an annotation that is no text',
      { ...manifest, annotations: { a: 1 } },
      mediaTypes.ociManifest,
      'annotation is not a text',
    ],
    [
      'annotations in a list',
      { ...manifest, annotations: [] },
      mediaTypes.ociManifest,
      'annotations are not a mapping',
    ],
    [
      'too many layers',
      { ...manifest, layers: Array(2049).fill(descriptor) },
      mediaTypes.ociManifest,
      'more than 2048',
    ],
  ])('must be refused: %s', (_, document, type, message) => {
    expect(() => parse(document, type)).toThrow(message);
    expect(() => parse(document, type)).toThrow(RegistryError);
  });

  test('must not reach a prototype through its annotations', () => {
    const bytes = Buffer.from(
      JSON.stringify(manifest).replace('"size":3', '"size":3,"annotations":{"__proto__":"x"}'),
    );
    const parsed = parseManifest(bytes, mediaTypes.ociManifest);
    expect(parsed.kind === 'manifest' && parsed.config.annotations['__proto__']).toBe('x');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('of any bytes must be read or refused, never fail otherwise', () => {
    const types = fc.constantFrom(...Object.values(mediaTypes), '', 'application/json');
    const documents = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .record(
          {
            schemaVersion: fc.constant(2),
            config: fc.anything(),
            layers: fc.anything(),
            manifests: fc.anything(),
          },
          { requiredKeys: [] },
        )
        .map((value) =>
          Buffer.from(
            JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? 1 : item)),
          ),
        ),
    );
    fc.assert(
      fc.property(documents, types, (bytes, type) => {
        try {
          parseManifest(bytes, type);
        } catch (error) {
          if (!(error instanceof RegistryError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a digest', () => {
  test('must verify bytes however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        const verifier = new Verifier(digestOf(Buffer.concat(chunks)));
        for (const chunk of chunks) verifier.update(chunk);
        verifier.finish('blob');
      }),
    );
    const other = new Verifier(digestOf(Buffer.from('a'), 'sha512:'));
    other.update(Buffer.from('b'));
    expect(() => {
      other.finish('blob');
    }).toThrow('blob has other content than its digest says');
  });

  test.each([
    '',
    'sha256',
    'sha256:',
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'a'.repeat(65)}`,
    `../:${'a'.repeat(64)}`,
  ])('must not be %j', (text) => {
    expect(() => checkDigest(text)).toThrow(RegistryError);
  });
});
