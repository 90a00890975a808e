import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeTarHeader, paddingOf, readTar, tarEnd } from '../../../../engine/lib/index.ts';
import type { TarEntry, TarHeader } from '../../../../engine/lib/index.ts';

async function* chunks(...buffers: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield* buffers;
}

async function readBack(header: TarHeader, content: Buffer = Buffer.alloc(0)): Promise<TarEntry> {
  const padding = Buffer.alloc(paddingOf(content.length));
  const found: TarEntry[] = [];
  for await (const entry of readTar(chunks(encodeTarHeader(header), content, padding, tarEnd))) {
    const pieces: Buffer[] = [];
    for await (const { bytes } of entry.content()) pieces.push(bytes);
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    found.push(entry);
  }
  expect(found.length).toBe(1);
  return found[0] as TarEntry;
}

const plain = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n } as const;
const byteName = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .string({
      unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength,
    })
    .filter((name) => /[^/]$/.test(name));

describe('what is written', () => {
  test('must be read as it was, whatever its name, numbers and attributes', async () => {
    const header = fc.record({
      name: byteName(400),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
      gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
      mtimeNs: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 20n }),
      content: fc.uint8Array({ maxLength: 1500 }),
      xattrs: fc.dictionary(
        fc.stringMatching(/^user\.[a-z.]{1,20}$/),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
      ),
    });
    const property = fc.asyncProperty(header, async ({ content, xattrs, ...rest }) => {
      const attributes = new Map(Object.entries(xattrs));
      const written = {
        ...rest,
        type: 'file',
        sizeBytes: content.length,
        xattrs: attributes,
      } as const;
      const entry = await readBack(written, Buffer.from(content));
      expect({ ...entry, content: null, xattrs: null }).toMatchObject({ ...rest, type: 'file' });
      const read = [...entry.xattrs].map(([key, value]) => [key, [...value]]);
      expect(read).toEqual([...attributes].map(([key, value]) => [key, [...value]]));
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test.each([
    [100, 'file'],
    [101, 'file'],
    [155, 'directory'],
    [256, 'directory'],
    [4000, 'symlink'],
  ] as const)('a name of %i bytes of a %s must be whole', async (length, type) => {
    const name = `${'d/'.repeat(20)}${'n'.repeat(length)}`.slice(0, length - 1).replace(/\/$/, 'x');
    const linkName = type === 'symlink' ? 't'.repeat(length) : '';
    const entry = await readBack({ ...plain, name, type, linkName });
    expect(entry.name).toBe(type === 'directory' ? `${name}/` : name);
    expect(entry.linkName).toBe(linkName);
  });

  test('a size beyond eight gibibytes must be in the extended header', () => {
    const header = encodeTarHeader({ ...plain, name: 'big', type: 'file', sizeBytes: 2 ** 40 });
    expect(header.toString('latin1')).toContain(`size=${2 ** 40}\n`);
    expect(header.length).toBe(3 * 512);
  });

  test.each(['char', 'block', 'fifo'] as const)('a %s node must keep its numbers', async (type) => {
    const numbers = type === 'fifo' ? { major: 0, minor: 0 } : { major: 259, minor: 70_000 };
    expect(await readBack({ ...plain, name: 'node', type, ...numbers })).toMatchObject(numbers);
  });
});
