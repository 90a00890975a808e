/** Attach, exec and the size of terminals: what people and programs do inside a container. */
import type { Duplex } from 'node:stream';
import {
  compareApiVersions,
  encodeFrames,
  EngineError,
  type ApiVersion,
  type ExecCreated,
  type ExecCreateRequest,
  type ExecInspect,
  type ExecStartRequest,
  type OutputStream,
} from '../../api/index.ts';
import {
  flag,
  integer,
  json,
  list,
  record,
  text,
  textOrTexts,
  texts,
  type Decoder,
  type Query,
  type Reply,
  type Route,
  type RouteRequest,
} from '../server/index.ts';

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** A client at the other end of a raw connection. */
export interface ClientStreams {
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more, or when the client has gone. */
  write(stream: OutputStream, bytes: Uint8Array): Promise<void>;
  readonly gone: AbortSignal;
}

export interface AttachOptions {
  readonly logs: boolean;
  readonly stream: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string;
}

export interface InteractionBackend {
  /** Resolves when the client would miss nothing any more; `run` resolves when the session is over. */
  attach(
    ref: string,
    options: AttachOptions,
  ): Promise<{
    readonly isTty: boolean;
    readonly run: (client: ClientStreams) => Promise<void>;
  }>;
  resize(ref: string, size: TerminalSize): Promise<void>;
  createExec(ref: string, request: ExecCreateRequest): Promise<ExecCreated>;
  inspectExec(id: string): Promise<ExecInspect>;
  /** Throws `not-found` for one that there is not. */
  describeExec(id: string): Promise<{ readonly isTty: boolean }>;
  startExec(
    id: string,
    options: { readonly size: TerminalSize | null; readonly client: ClientStreams | null },
  ): Promise<void>;
  resizeExec(id: string, size: TerminalSize): Promise<void>;
}

const execCreateRequest: Decoder<ExecCreateRequest> = record<ExecCreateRequest>({
  User: text,
  Privileged: flag,
  Tty: flag,
  ConsoleSize: list(integer, 0),
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  DetachKeys: text,
  Env: texts,
  WorkingDir: text,
  Cmd: textOrTexts,
});

const execStartRequest: Decoder<ExecStartRequest> = record<ExecStartRequest>({
  Detach: flag,
  Tty: flag,
  ConsoleSize: list(integer, 0),
});

export function interactionRoutes(backend: InteractionBackend): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/containers/{id}/attach',
      mayHijack: true,
      handle: (request) => attach(backend, request),
    },
    {
      method: 'GET',
      path: '/containers/{id}/attach/ws',
      mayHijack: true,
      handle: (request) => attachWebSocket(backend, request),
    },
    {
      method: 'POST',
      path: '/containers/{id}/resize',
      handle: async ({ parameter, query }) => {
        await backend.resize(parameter('id'), readSize(query));
        return { kind: 'empty', status: 200 };
      },
    },
    {
      method: 'POST',
      path: '/containers/{id}/exec',
      handle: async ({ parameter, json: readBody }) => {
        const request = await readBody(execCreateRequest);
        return json(await backend.createExec(parameter('id'), request), 201);
      },
    },
    {
      method: 'POST',
      path: '/exec/{id}/start',
      mayHijack: true,
      handle: (request) => startExec(backend, request),
    },
    {
      method: 'GET',
      path: '/exec/{id}/json',
      handle: async ({ parameter }) => json(await backend.inspectExec(parameter('id'))),
    },
    {
      method: 'POST',
      path: '/exec/{id}/resize',
      handle: async ({ parameter, query }) => {
        await backend.resizeExec(parameter('id'), readSize(query));
        return { kind: 'empty', status: 200 };
      },
    },
  ];
}

async function attach(
  backend: InteractionBackend,
  { parameter, query, version }: RouteRequest,
): Promise<Reply> {
  const { isTty, run } = await backend.attach(parameter('id'), {
    logs: query.flag('logs'),
    stream: query.flag('stream'),
    stdin: query.flag('stdin'),
    stdout: query.flag('stdout'),
    stderr: query.flag('stderr'),
    detachKeys: query.text('detachKeys') ?? '',
  });
  return {
    kind: 'hijack',
    contentType: contentTypeOf(isTty, version),
    run: (connection) => run(clientOf(connection, { isFramed: !isTty })),
  };
}

/** Both streams come as they are: a message does not say of which it is. */
async function attachWebSocket(
  backend: InteractionBackend,
  { parameter, query, version }: RouteRequest,
): Promise<Reply> {
  // Before 1.42 all three were taken, whatever was asked for, and before 1.28 messages were of text.
  const isAsked = isAtLeast(version, 42) ? (name: string) => query.flag(name) : () => true;
  const { run } = await backend.attach(parameter('id'), {
    logs: query.flag('logs'),
    stream: query.flag('stream'),
    stdin: isAsked('stdin'),
    stdout: isAsked('stdout'),
    stderr: isAsked('stderr'),
    detachKeys: query.text('detachKeys') ?? '',
  });
  return {
    kind: 'websocket',
    messages: isAtLeast(version, 28) ? 'binary' : 'text',
    run: (connection) => run(clientOf(connection, { isFramed: false })),
  };
}

function isAtLeast(version: ApiVersion, minor: number): boolean {
  return compareApiVersions(version, { major: 1, minor }) >= 0;
}

async function startExec(
  backend: InteractionBackend,
  { parameter, json: readBody, version }: RouteRequest,
): Promise<Reply> {
  const id = parameter('id');
  const request = await readBody(execStartRequest);
  const { isTty } = await backend.describeExec(id);
  const size = sizeOf(request.ConsoleSize);
  if (request.Detach === true) {
    await backend.startExec(id, { size, client: null });
    return { kind: 'empty', status: 200 };
  }
  return {
    kind: 'hijack',
    contentType: contentTypeOf(isTty, version),
    run: async (connection) => {
      const client = clientOf(connection, { isFramed: !isTty });
      try {
        await backend.startExec(id, { size, client });
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        // The head is out: what went wrong is printed where the program would have printed.
        await client.write('stdout', Buffer.from(`${error.message}\r\n`));
      }
    },
  };
}

function sizeOf(given: readonly number[] | undefined): TerminalSize | null {
  const [rows = 0, columns = 0] = given ?? [];
  return given === undefined || given.length === 0 ? null : checkedSize(rows, columns);
}

function readSize(query: Query): TerminalSize {
  const rows = query.integer('h');
  const columns = query.integer('w');
  if (rows === null || columns === null) {
    throw new EngineError('invalid-argument', 'invalid size: h and w are needed');
  }
  return checkedSize(rows, columns);
}

const largestSide = 0xffff;

function checkedSize(rows: number, columns: number): TerminalSize {
  for (const side of [rows, columns]) {
    if (side >= 0 && side <= largestSide) continue;
    throw new EngineError('invalid-argument', `invalid size ${rows}x${columns} of a terminal`);
  }
  return { rows, columns };
}

/** Clients decide by it whether to demultiplex, from 1.42 on, where they upgrade. */
function contentTypeOf(isTty: boolean, version: ApiVersion): (isUpgrade: boolean) => string {
  const tellsFrames = isAtLeast(version, 42);
  return (isUpgrade) =>
    isTty || !tellsFrames || !isUpgrade
      ? 'application/vnd.docker.raw-stream'
      : 'application/vnd.docker.multiplexed-stream';
}

function clientOf(connection: Duplex, { isFramed }: { readonly isFramed: boolean }): ClientStreams {
  const gone = new AbortController();
  // A socket that breaks tells whoever reads it at once, but is closed only later.
  for (const event of ['error', 'close'])
    connection.once(event, () => {
      gone.abort();
    });
  if (connection.destroyed) gone.abort();
  return {
    // Its end is a half-close: what the program prints afterwards still has to go out.
    input: connection.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
    gone: gone.signal,
    write: async (stream, bytes) => {
      if (gone.signal.aborted || connection.destroyed) return;
      const isRoomLeft = connection.write(isFramed ? encodeFrames(stream, bytes) : bytes);
      if (!isRoomLeft) await drained(connection, gone.signal);
    },
  };
}

function drained(connection: Duplex, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      connection.removeListener('drain', settle);
      gone.removeEventListener('abort', settle);
      resolve();
    };
    connection.on('drain', settle);
    gone.addEventListener('abort', settle);
  });
}
