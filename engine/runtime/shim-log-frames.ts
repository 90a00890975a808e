/**
 * The bytes of one log file: a header, then frames that can be walked in both directions. Format in
 * native/PROTOCOL.md, mirrored by native/shim/protocol.h.
 */
import type { FileHandle } from 'node:fs/promises';

const fileMagic = 0x31474f4c435354ffn; // ff "TSCLOG1"
const frameMagic = 0x4d415246; // "FRAM"
const trailerMagic = 0x444e4546; // "FEND"
const version = 1;
export const fileHeaderBytes = 32;
const frameHeaderBytes = 24;
const trailerBytes = 8;
const overheadBytes = frameHeaderBytes + trailerBytes;
/** The shim reads its pipes in pieces of this size. */
const maxPayloadBytes = 64 * 1024;
const blockBytes = 256 * 1024;

const streams = { 1: 'stdout', 2: 'stderr', 3: 'lost' } as const;

export interface Frame {
  /** `gap` stands in no file: the walker puts it where files are missing. */
  readonly stream: 'stdout' | 'stderr' | 'lost' | 'gap';
  readonly timeNs: bigint;
  readonly payload: Buffer;
  /** Where the frame begins in its file, and where the next one does. */
  readonly start: number;
  readonly end: number;
}

/** The file's number in the row of rotated ones; null when it has no whole header of ours (yet). */
export async function readSequence(file: FileHandle): Promise<bigint | null> {
  const header = await readAt(file, 0, fileHeaderBytes);
  if (header.length < fileHeaderBytes) return null;
  if (header.readBigUInt64LE(0) !== fileMagic || header.readUInt32LE(8) !== version) return null;
  return header.readBigUInt64LE(16);
}

/** When the file was begun. */
export async function readCreationTime(file: FileHandle): Promise<bigint> {
  return (await readAt(file, 0, fileHeaderBytes)).readBigUInt64LE(24);
}

/** Stands before the frames of the first file behind the missing ones. */
export function gapFrame(missingFiles: bigint, timeNs: bigint): Frame {
  const payload = Buffer.alloc(8);
  payload.writeBigUInt64LE(missingFiles);
  return { stream: 'gap', timeNs, payload, start: fileHeaderBytes, end: fileHeaderBytes };
}

/** Of a file with no frames yet. */
export function encodeHeader(sequence: bigint): Buffer {
  const header = Buffer.alloc(fileHeaderBytes);
  header.writeBigUInt64LE(fileMagic, 0);
  header.writeUInt32LE(version, 8);
  header.writeUInt32LE(fileHeaderBytes, 12);
  header.writeBigUInt64LE(sequence, 16);
  header.writeBigUInt64LE(BigInt(Date.now()) * 1_000_000n, 24);
  return header;
}

/**
 * Frames from `start` until the first one that is not wholly there, in batches of one disk read, so that the caller
 * turns once per batch to the event loop and not once per frame. The next read goes on while the caller works.
 */
export async function* framesFrom(
  file: FileHandle,
  start: number,
): AsyncGenerator<readonly Frame[], void, undefined> {
  let at = start;
  let reading = readAt(file, at, blockBytes);
  for (;;) {
    const block = await reading;
    const frames = framesIn(block, at);
    const last = frames.at(-1);
    if (last === undefined) return;
    at = last.end;
    const isMore = block.length === blockBytes;
    if (isMore) {
      reading = readAt(file, at, blockBytes);
      // Heard of by whoever comes back for it; a caller that does not come back does not want to know.
      reading.catch(() => undefined);
    }
    yield frames;
    if (!isMore) reading = readAt(file, at, blockBytes);
  }
}

function framesIn(block: Buffer, at: number): Frame[] {
  const frames: Frame[] = [];
  for (let offset = 0; ;) {
    const frame = frameAt(block, offset, at);
    if (frame === null) return frames;
    frames.push(frame);
    offset = frame.end - at;
  }
}

/** The frame that ends at `end`, or null at the start of the file or where the bytes are no frame. */
export async function frameBefore(file: FileHandle, end: number): Promise<Frame | null> {
  if (end < fileHeaderBytes + overheadBytes) return null;
  const trailer = await readAt(file, end - trailerBytes, trailerBytes);
  if (trailer.length < trailerBytes || trailer.readUInt32LE(4) !== trailerMagic) return null;
  const length = trailer.readUInt32LE(0);
  const start = end - overheadBytes - length;
  if (length > maxPayloadBytes || start < fileHeaderBytes) return null;
  return frameAt(await readAt(file, start, end - start), 0, start);
}

/** Where the last whole frame ends: at the end of the file, unless a frame is just being written there. */
export async function wholeEnd(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  if (size <= fileHeaderBytes) return fileHeaderBytes;
  if ((await frameBefore(file, size)) !== null) return size;
  let end = fileHeaderBytes;
  for await (const frames of framesFrom(file, fileHeaderBytes)) end = frames.at(-1)?.end ?? end;
  return end;
}

function frameAt(block: Buffer, offset: number, blockStart: number): Frame | null {
  if (block.length - offset < overheadBytes) return null;
  if (block.readUInt32LE(offset) !== frameMagic) return null;
  const length = block.readUInt32LE(offset + 4);
  const end = offset + overheadBytes + length;
  if (length > maxPayloadBytes || end > block.length) return null;
  if (block.readUInt32LE(end - trailerBytes) !== length) return null;
  const stream = block.readUInt32LE(offset + 16);
  if (stream !== 1 && stream !== 2 && stream !== 3) return null;
  return {
    stream: streams[stream],
    timeNs: block.readBigUInt64LE(offset + 8),
    payload: block.subarray(offset + frameHeaderBytes, end - trailerBytes),
    start: blockStart + offset,
    end: blockStart + end,
  };
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let used = 0;
  while (used < length) {
    const { bytesRead } = await file.read(buffer, used, length - used, position + used);
    if (bytesRead === 0) break;
    used += bytesRead;
  }
  return buffer.subarray(0, used);
}
