import { once } from 'node:events';
import { chmod, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:http';

import { EngineError } from '../../api/index.ts';

/** The engine does everything root does: whoever may connect owns the machine. */
const socketMode = 0o600;

/**
 * Listens on a socket that replaces whatever has its name in one step, so that a client meets the old one or the new one
 * and never none. The caller holds the lock that says there is no other engine.
 */
export async function listenUnix(server: Server, path: string): Promise<void> {
  // libuv unlinks the name it bound when the server closes: this one, which is gone by then, and not the successor's.
  const temporary = `${path}.new`;
  try {
    await rm(temporary, { force: true });
    const listening = once(server, 'listening');
    server.listen(temporary);
    await listening;
    await chmod(temporary, socketMode);
    await rename(temporary, path);
  } catch (cause) {
    throw new EngineError('unavailable', `cannot listen on "${path}"`, { cause });
  }
}

/** Takes no new connections; resolves when the open ones have ended, which `stopping` and this make them do. */
export async function stopListening(server: Server, path: string): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  await rm(path, { force: true });
  await closed;
}
