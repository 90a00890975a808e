/** Files in and out of containers: `docker cp`, `export`, `diff`, `commit`. */
import type { Readable } from 'node:stream';
import { EngineError, givenFilesParameter, pathStatHeader } from '../../api/index.ts';
import type {
  ContainerCommitted,
  ContainerConfig,
  FilesystemChange,
  PathStat,
} from '../../api/index.ts';
import { json, type Query, type Reply, type Route, type RouteRequest } from '../server/index.ts';
import { committedConfig } from './container-decoder.ts';

export interface WriteArchiveRequest {
  readonly path: string;
  readonly keepsKinds: boolean;
  readonly takesOwner: boolean;
  readonly source: Readable;
}

export interface GiveFilesRequest {
  readonly keeping: 'memory' | 'disk';
  readonly source: Readable;
}

export interface FilesBackend {
  statPath(ref: string, path: string, abort: AbortSignal): Promise<PathStat>;
  readArchive(
    ref: string,
    path: string,
    abort: AbortSignal,
  ): Promise<{ readonly stat: PathStat; readonly chunks: AsyncIterable<Uint8Array> }>;
  writeArchive(ref: string, request: WriteArchiveRequest, abort: AbortSignal): Promise<void>;
  giveFiles(ref: string, request: GiveFilesRequest, abort: AbortSignal): Promise<void>;
  exportRoot(ref: string, abort: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  changes(ref: string, abort: AbortSignal): Promise<readonly FilesystemChange[]>;
  /** Resolves to the image's id. */
  commit(ref: string, request: CommitRequest, abort: AbortSignal): Promise<string>;
}

export interface CommitRequest {
  readonly reference: string | null;
  readonly changes: readonly string[];
  readonly author: string;
  readonly comment: string;
  readonly pauses: boolean;
  readonly config: ContainerConfig;
}

export function filesRoutes(files: FilesBackend): readonly Route[] {
  const at = (method: Route['method'], verb: string, handle: Route['handle']): Route => ({
    method,
    path: `/containers/{id}/${verb}`,
    handle,
  });
  return [
    at('HEAD', 'archive', async ({ parameter, query, abort }) => {
      const stat = await files.statPath(parameter('id'), pathOf(query), abort);
      return { kind: 'empty', status: 200, headers: headersOf(stat) };
    }),
    at('GET', 'archive', async ({ parameter, query, abort }): Promise<Reply> => {
      const { stat, chunks } = await files.readArchive(parameter('id'), pathOf(query), abort);
      return { ...tar(chunks), headers: headersOf(stat) };
    }),
    at('PUT', 'archive', async ({ parameter, query, body, abort }) => {
      const keeping = keepingOf(query);
      if (keeping !== null) {
        await files.giveFiles(parameter('id'), { keeping, source: body }, abort);
        return { kind: 'empty', status: 200 };
      }
      const request = {
        path: pathOf(query),
        keepsKinds: query.flag('noOverwriteDirNonDir'),
        takesOwner: query.flag('copyUIDGID'),
        source: body,
      };
      await files.writeArchive(parameter('id'), request, abort);
      return { kind: 'empty', status: 200 };
    }),
    at('GET', 'export', async ({ parameter, abort }) =>
      tar(await files.exportRoot(parameter('id'), abort)),
    ),
    at('GET', 'changes', async ({ parameter, abort }) => {
      const changes = await files.changes(parameter('id'), abort);
      return json(changes.length > 0 ? changes : null);
    }),
    { method: 'POST', path: '/commit', handle: (request) => commit(files, request) },
  ];
}

/** Null: the archive becomes a part of the container's files. Only this engine knows the parameter. */
function keepingOf(query: Query): GiveFilesRequest['keeping'] | null {
  const keeping = query.text(givenFilesParameter);
  if (keeping === null || keeping === 'memory' || keeping === 'disk') return keeping;
  throw new EngineError(
    'invalid-argument',
    `invalid value ${JSON.stringify(keeping)} for ${givenFilesParameter}: memory or disk`,
  );
}

async function commit(
  files: FilesBackend,
  { query, json: readBody, hasBody, abort }: RouteRequest,
): Promise<Reply> {
  const repository = query.text('repo');
  const tag = query.text('tag');
  const request: CommitRequest = {
    reference: repository === null ? null : `${repository}${tag === null ? '' : `:${tag}`}`,
    changes: query
      .texts('changes')
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.trim() !== ''),
    author: query.text('author') ?? '',
    comment: query.text('comment') ?? '',
    pauses: query.text('pause') === null || query.flag('pause'),
    config: hasBody ? await readBody(committedConfig) : {},
  };
  const committed: ContainerCommitted = {
    Id: await files.commit(query.text('container') ?? '', request, abort),
  };
  return json(committed, 201);
}

function pathOf(query: Query): string {
  const path = query.text('path');
  if (path !== null) return path;
  throw new EngineError('invalid-argument', 'bad parameter: path cannot be empty');
}

function tar(chunks: AsyncIterable<Uint8Array>): Extract<Reply, { kind: 'stream' }> {
  return { kind: 'stream', contentType: 'application/x-tar', chunks };
}

function headersOf(stat: PathStat): Readonly<Record<string, string>> {
  return { [pathStatHeader]: Buffer.from(JSON.stringify(stat)).toString('base64') };
}
