/** Where in its log a container's shipping stands, kept in a file beside it. */
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../lib/index.ts';
import { startOfLog } from '../../runtime/index.ts';
import type { LogPosition } from '../../runtime/index.ts';
import { noLines, type BegunLine, type BegunLines } from './entries.ts';

export interface Place {
  readonly position: LogPosition;
  readonly begun: BegunLines;
}

interface Written {
  readonly sequence: string;
  readonly offset: number;
  readonly stdout: WrittenLine;
  readonly stderr: WrittenLine;
}

interface WrittenLine {
  readonly bytes: string;
  readonly pieces: number;
  readonly id: string;
}

/** Of a log that was never shipped, or whose file a power cut took, it is the beginning of what is there. */
export async function readPlace(file: string, log: string): Promise<Place> {
  const written = await readWritten(file);
  if (written === null) return { position: await startOfLog(log), begun: noLines };
  const { sequence, offset, stdout, stderr } = written;
  return {
    position: { sequence: BigInt(sequence), offset },
    begun: { stdout: toLine(stdout), stderr: toLine(stderr) },
  };
}

/** After a power cut the file may be an older one, or none: more is sent again then, and nothing is lost. */
export async function writePlace(file: string, { position, begun }: Place): Promise<void> {
  const written: Written = {
    sequence: String(position.sequence),
    offset: position.offset,
    stdout: fromLine(begun.stdout),
    stderr: fromLine(begun.stderr),
  };
  await writeFileAtomic(file, JSON.stringify(written), { durability: 'boot' });
}

async function readWritten(file: string): Promise<Written | null> {
  try {
    const found: unknown = JSON.parse(await readFile(file, 'utf8'));
    return isWritten(found) ? found : null;
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isWritten(value: unknown): value is Written {
  const { sequence, offset, stdout, stderr } = (value ?? {}) as Partial<Written>;
  return (
    typeof sequence === 'string' &&
    /^\d{1,19}$/.test(sequence) &&
    Number.isSafeInteger(offset) &&
    isLine(stdout) &&
    isLine(stderr)
  );
}

function isLine(value: unknown): value is WrittenLine {
  const { bytes, pieces, id } = (value ?? {}) as Partial<WrittenLine>;
  return typeof bytes === 'string' && Number.isSafeInteger(pieces) && typeof id === 'string';
}

function toLine({ bytes, ...rest }: WrittenLine): BegunLine {
  return { ...rest, bytes: Buffer.from(bytes, 'base64') };
}

function fromLine({ bytes, ...rest }: BegunLine): WrittenLine {
  return { ...rest, bytes: bytes.toString('base64') };
}
