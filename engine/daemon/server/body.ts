import type { IncomingMessage } from 'node:http';

import { EngineError } from '../../api/index.ts';
import { decodeJson, type Decoder } from './decode.ts';
import { isUpgraded, readUpgradedBody } from './hijack.ts';

/** The largest creation request seen from any client is below 100 KiB. */
const maxJsonBytes = 8 * 1024 * 1024;

/** Reads and decodes the whole body; refuses other content types, as Go's engine does. */
export async function readJson<T>(request: IncomingMessage, decoder: Decoder<T>): Promise<T> {
  const type = request.headers['content-type'];
  if (!hasBody(request)) {
    throw new EngineError('invalid-argument', 'invalid JSON: got EOF while reading request body');
  }
  if (type === undefined || mediaTypeOf(type) !== 'application/json') {
    const message = `unsupported Content-Type header (${type ?? ''}): must be 'application/json'`;
    throw new EngineError('invalid-argument', message);
  }
  return decodeJson(await readText(request), decoder);
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

async function readText(request: IncomingMessage): Promise<string> {
  if (isUpgraded(request)) return (await readUpgradedBody(request)).toString();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxJsonBytes) {
      throw new EngineError('invalid-argument', 'the request body is over 8 MiB');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function mediaTypeOf(header: string): string {
  return (header.split(';')[0] ?? '').trim().toLowerCase();
}
