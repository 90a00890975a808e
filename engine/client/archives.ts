import { Readable } from 'node:stream';
import {
  EngineError,
  givenFilesParameter,
  pathStatHeader,
  type ContainerCommitted,
  type FilesystemChange,
  type PathStat,
} from '../api/index.ts';
import { encodeTarHeader, paddingOf, tarEnd } from '../lib/index.ts';
import { segment, type CallOptions, type Exchange, type ExchangeResponse } from './exchange.ts';

export interface WriteArchiveOptions extends CallOptions {
  /** A directory and something else never take each other's place. */
  readonly noOverwriteDirNonDir?: boolean;
  /** All becomes the user's whom the container runs as. */
  readonly copyUIDGID?: boolean;
}

export interface CommitOptions extends CallOptions {
  /** `name[:tag]`; absent: an image without a name. */
  readonly reference?: string;
  readonly comment?: string;
  readonly author?: string;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  readonly pause?: boolean;
}

export interface WrittenFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Where an engine of ours may keep it; Docker makes it a part of the container's files. */
  readonly keeping: 'memory' | 'disk';
}

/** Files in and out of containers, as tar streams. */
export class Archives {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  async stat(ref: string, path: string, { signal }: CallOptions = {}): Promise<PathStat> {
    const request = {
      method: 'HEAD',
      path: pathOf(ref, 'archive'),
      query: { path },
      signal,
    } as const;
    try {
      return readStat(await this.#exchange.send(request));
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
      // The answer to HEAD has no body, and with it no message.
      const message = `Could not find the file ${path} in container ${ref}`;
      throw new EngineError('not-found', message, { cause: error });
    }
  }

  async read(
    ref: string,
    path: string,
    { signal }: CallOptions = {},
  ): Promise<{ readonly stat: PathStat; readonly archive: AsyncIterable<Uint8Array> }> {
    const request = {
      method: 'GET',
      path: pathOf(ref, 'archive'),
      query: { path },
      signal,
    } as const;
    const response = await this.#exchange.send(request);
    return { stat: readStat(response), archive: response.body };
  }

  /** Into a directory that exists. */
  async write(
    ref: string,
    path: string,
    request: WriteArchiveOptions & { readonly archive: AsyncIterable<Uint8Array> },
  ): Promise<void> {
    const { archive, noOverwriteDirNonDir, copyUIDGID, signal } = request;
    await this.#exchange.done({
      method: 'PUT',
      path: pathOf(ref, 'archive'),
      query: { path, noOverwriteDirNonDir, copyUIDGID },
      stream: archive,
      signal,
    });
  }

  /** Below the root, with what directories are missing, for the next start; they replace those of the call before. */
  async writeFiles(
    ref: string,
    files: readonly WrittenFile[],
    options: CallOptions = {},
  ): Promise<void> {
    for (const keeping of ['memory', 'disk'] as const) {
      const own = files.filter((file) => file.keeping === keeping);
      if (own.length === 0) continue;
      await this.#exchange.done({
        method: 'PUT',
        path: pathOf(ref, 'archive'),
        query: { path: '/', [givenFilesParameter]: keeping },
        stream: Readable.from(blocksOf(own)),
        signal: options.signal,
      });
    }
  }

  /** The whole root. */
  async export(ref: string, { signal }: CallOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const path = pathOf(ref, 'export');
    return (await this.#exchange.send({ method: 'GET', path, signal })).body;
  }

  async changes(ref: string, { signal }: CallOptions = {}): Promise<readonly FilesystemChange[]> {
    const path = pathOf(ref, 'changes');
    type Answer = readonly FilesystemChange[] | null;
    return (await this.#exchange.json<Answer>({ method: 'GET', path, signal })) ?? [];
  }

  /** Resolves to the image's id. */
  async commit(ref: string, options: CommitOptions = {}): Promise<string> {
    const { reference = '', signal, ...query } = options;
    const slash = reference.lastIndexOf('/');
    const colon = reference.indexOf(':', slash + 1);
    const repo = colon < 0 ? reference : reference.slice(0, colon);
    const committed = await this.#exchange.json<ContainerCommitted>({
      method: 'POST',
      path: '/commit',
      query: {
        ...{ container: ref, ...query },
        ...(repo !== '' && { repo }),
        ...(colon >= 0 && { tag: reference.slice(colon + 1) }),
      },
      json: {},
      signal,
    });
    return committed.Id;
  }
}

function* blocksOf(files: readonly WrittenFile[]): Generator<Uint8Array> {
  for (const { path, content, uid, gid, mode } of files) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    // A name in an archive is bytes, one character each.
    const name = Buffer.from(path.replace(/^\/+/, '')).toString('latin1');
    const mtimeNs = BigInt(Date.now()) * 1_000_000n;
    yield encodeTarHeader({ name, type: 'file', mode, uid, gid, sizeBytes: bytes.length, mtimeNs });
    yield bytes;
    yield Buffer.alloc(paddingOf(bytes.length));
  }
  yield tarEnd;
}

function pathOf(ref: string, verb: string): string {
  return `/containers/${segment(ref)}/${verb}`;
}

function readStat({ headers }: ExchangeResponse): PathStat {
  const header = headers.get(pathStatHeader.toLowerCase());
  if (header === undefined)
    throw new EngineError('internal', 'the engine did not say what the path is');
  return JSON.parse(Buffer.from(header, 'base64').toString()) as PathStat;
}
