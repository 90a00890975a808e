import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

import { EngineError, statusOf, toErrorBody } from '../../api/index.ts';
import { hijack } from './hijack.ts';
import type { Reply } from './reply.ts';

/** Sends the reply; resolves when its last byte was handed to the socket, or when the client has gone. */
export async function respond(
  response: ServerResponse,
  reply: Reply,
  stopping: AbortSignal,
): Promise<void> {
  switch (reply.kind) {
    case 'websocket':
    case 'hijack':
      await hijack(response, reply, stopping);
      return;
    case 'json':
      sendJson(response, reply);
      return;
    case 'text':
      sendText(response, reply);
      return;
    case 'empty':
      response.writeHead(reply.status, { ...reply.headers });
      response.end();
      return;
    case 'stream':
      response.writeHead(200, { 'Content-Type': reply.contentType, ...reply.headers });
      // Clients wait for the head before they act: `docker run` starts the container once wait has answered.
      response.flushHeaders();
      await sendChunks(response, reply.chunks);
      return;
  }
}

/**
 * Known failures travel with their message; anything else is a bug of ours, whose text stays here. The answer is whole
 * at once; its connection is used no more before `untilClose` has settled.
 */
export function respondError(
  response: ServerResponse,
  error: unknown,
  untilClose: Promise<void> | null = null,
): void {
  const known = error instanceof EngineError ? error : internalError(error);
  if (response.headersSent) {
    // The status is out: a broken stream is all that can tell the client.
    response.destroy();
    return;
  }
  if (known.kind === 'not-modified') {
    response.writeHead(304);
    response.end();
    return;
  }
  const body = toErrorBody(known);
  sendJson(response, { status: statusOf[known.kind], body }, untilClose);
}

function sendJson(
  response: ServerResponse,
  { status, body }: { readonly status: number; readonly body: unknown },
  untilClose: Promise<void> | null = null,
): void {
  // Docker ends every JSON body with a line feed, which shells are glad of.
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  if (untilClose === null) {
    response.end(text);
    return;
  }
  response.write(text);
  void untilClose.then(() => response.end());
}

function sendText(response: ServerResponse, reply: Extract<Reply, { kind: 'text' }>): void {
  response.writeHead(reply.status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(reply.body),
    ...reply.headers,
  });
  response.end(reply.body);
}

async function sendChunks(
  response: ServerResponse,
  chunks: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  for await (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

async function drained(response: ServerResponse): Promise<void> {
  const settled = new AbortController();
  try {
    // A client that leaves never drains.
    await Promise.race([
      once(response, 'drain', { signal: settled.signal }),
      once(response, 'close', { signal: settled.signal }),
    ]);
  } finally {
    settled.abort();
  }
}

function internalError(error: unknown): EngineError {
  const name = error instanceof Error ? error.name : typeof error;
  return new EngineError('internal', `internal error of the engine (${name})`, {
    hint: "see the engine's log for the whole error, and report it",
    cause: error,
  });
}
