/**
 * Packed streams, told apart by their first bytes: media types and file names in the wild are wrong often enough.
 * Nothing is ever unpacked by a program of an image or a container.
 */
import { pipeline, Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { EngineError } from '../api/index.ts';
import type { ArchiveLimits } from './model.ts';
import { unpackByProgram } from './unpack-program.ts';

export type Packing = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

const magics: readonly (readonly [Packing, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

export function packingOf(head: Uint8Array): Packing {
  const match = magics.find(([, magic]) => magic.every((byte, index) => head[index] === byte));
  if (match !== undefined) return match[0];
  // RFC 8878 §3.1.2: a zstd stream may begin with a skippable frame, 0x184D2A50 to 5F little-endian.
  const isSkippable = ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d;
  return isSkippable && head[3] === 0x18 ? 'zstd' : 'none';
}

type RatioLimits = Pick<ArchiveLimits, 'ratio' | 'ratioFloorBytes'>;

/**
 * The unpacked bytes of `source`. Refuses a stream that grows beyond `limits` while it grows, so that ten megabytes
 * of gzip never become ten gigabytes anywhere (CVE-2017-14992).
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  limits: RatioLimits,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    const head = await readHead(iterator);
    const packing = packingOf(head);
    const counted = { packedBytes: 0 };
    const input = count(resume(head, iterator), counted);
    if (packing === 'none') yield* input;
    else yield* watchRatio(unpack(input, packing), counted, limits);
  } finally {
    await iterator.return?.();
  }
}

/** At least six bytes where the source has them. */
async function readHead(iterator: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length < 6) {
    const result = await iterator.next();
    if (result.done === true) break;
    chunks.push(result.value);
    length += result.value.length;
  }
  return Buffer.concat(chunks);
}

async function* resume(
  head: Buffer,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (;;) {
    const result = await iterator.next();
    if (result.done === true) return;
    yield result.value;
  }
}

async function* count(
  source: AsyncIterable<Uint8Array>,
  counted: { packedBytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    counted.packedBytes += chunk.length;
    yield chunk;
  }
}

function unpack(
  source: AsyncIterable<Uint8Array>,
  packing: Exclude<Packing, 'none'>,
): AsyncIterable<Uint8Array> {
  if (packing === 'gzip') return decode(source, zlib.createGunzip({ chunkSize }));
  // Node has it from 22.15 on; typed as absent because 20 is supported.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  return packing === 'zstd' && createZstdDecompress !== undefined
    ? decode(source, createZstdDecompress())
    : unpackByProgram(source, packing);
}

const chunkSize = 1 << 18;

async function* decode(
  source: AsyncIterable<Uint8Array>,
  decoder: Transform,
): AsyncGenerator<Uint8Array> {
  // The error, if any, comes out of the iteration below.
  pipeline(Readable.from(source, { objectMode: false }), decoder, () => undefined);
  try {
    for await (const chunk of decoder) yield chunk as Buffer;
  } catch (error) {
    if (!isDecoderError(error)) throw error;
    const packing = error.code?.startsWith('ZSTD') === true ? 'zstd' : 'gzip';
    throw new EngineError('invalid-argument', `damaged ${packing} data: ${error.message}`, {
      cause: error,
    });
  }
}

function isDecoderError(error: unknown): error is NodeJS.ErrnoException {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof Error && typeof code === 'string' && /^(Z_|ERR_Z|ZSTD_)/.test(code);
}

async function* watchRatio(
  source: AsyncIterable<Uint8Array>,
  counted: { readonly packedBytes: number },
  { ratio, ratioFloorBytes }: RatioLimits,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    // What the decoder has read ahead counts as packed: that errs on the side of letting pass.
    if (bytes > ratioFloorBytes && bytes > counted.packedBytes * ratio)
      throw new EngineError(
        'invalid-argument',
        `the archive unpacks to more than ${ratio} times its size`,
        { hint: 'unpack it first if its content is what you expect' },
      );
    yield chunk;
  }
}
