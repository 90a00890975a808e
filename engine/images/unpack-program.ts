/**
 * Packings that Node cannot unpack are left to the host's own programs: named by absolute paths that no container and no
 * environment has a say in, as nobody, with two pipes and a limit of memory.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../api/index.ts';

export type ProgramPacking = 'zstd' | 'xz' | 'bzip2';

/** A window of 128 MiB is as much as zstd takes without being asked (RFC 8878 §3.1.1.1.2 recommends 8); xz -9 needs 65. */
const argumentsOf: Readonly<Record<ProgramPacking, readonly string[]>> = {
  zstd: ['--decompress', '--stdout', '--quiet', '--memory=128MB', '--single-thread'],
  xz: ['--decompress', '--stdout', '--quiet', '--memlimit-decompress=128MiB', '--threads=1'],
  // Its blocks have 900 kB and no more.
  bzip2: ['--decompress', '--stdout'],
};
const directories = ['/usr/bin', '/bin', '/usr/local/bin', '/run/current-system/sw/bin'];
/** nobody, everywhere. */
const nobody = 65_534;
const mostErrorText = 4096;

export async function* unpackByProgram(
  source: AsyncIterable<Uint8Array>,
  packing: ProgramPacking,
): AsyncGenerator<Uint8Array> {
  const child = start(packing);
  const errors = textOf(child.stderr);
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  // Whoever iterates hears of a program that could not be started by its end; here it is only not to be unheard.
  closed.catch(() => undefined);
  const fed = feed(source, child);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    await fed;
    const [code, signal] = await closed;
    if (code !== 0) throw damaged(packing, (await errors) || `ended by ${signal ?? String(code)}`);
  } finally {
    child.kill('SIGKILL');
    fed.catch(() => undefined);
    child.stdin.destroy();
    child.stdout.destroy();
    await closed.catch(() => undefined);
  }
}

function start(packing: ProgramPacking): ChildProcessWithoutNullStreams {
  const path = directories.map((directory) => `${directory}/${packing}`).find(existsSync);
  if (path === undefined) {
    throw new EngineError('not-implemented', `the archive is packed with ${packing}`, {
      hint: `install ${packing} on the engine's host, or unpack the archive first`,
      details: { packing },
    });
  }
  return spawn(path, argumentsOf[packing], {
    cwd: '/',
    env: { LC_ALL: 'C' },
    ...(userInfo().uid === 0 && { uid: nobody, gid: nobody }),
  });
}

/** Rejects with what went wrong with the source; a program that does not want more says why when it ends. */
async function feed(
  source: AsyncIterable<Uint8Array>,
  { stdin }: ChildProcessWithoutNullStreams,
): Promise<void> {
  try {
    await pipeline(Readable.from(source, { objectMode: false }), stdin);
  } catch (error) {
    if (!isBrokenPipe(error)) throw error;
  }
}

function isBrokenPipe(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (text.length < mostErrorText) text += chunk.toString();
  }
  return text.trim().split('\n')[0] ?? '';
}

function damaged(packing: ProgramPacking, why: string): EngineError {
  // "xz: (stdin): Unexpected end of input": the first part says nothing new.
  const reason = why.replace(/^[^:]*: /, '');
  return new EngineError('invalid-argument', `damaged ${packing} data: ${reason}`);
}
