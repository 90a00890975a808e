/** Engine address → connected client. Starts the embedded engine when that is the address and nobody answers. */
import { EngineError } from '../engine/api/index.ts';
import { EngineClient } from '../engine/client/index.ts';
import { runRootOf, stateRootOf, type EngineAddress } from './address.ts';
import { CliError } from './cli-error.ts';

export interface ConnectRequest {
  readonly address: EngineAddress;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export async function connectEngine(request: ConnectRequest): Promise<EngineClient> {
  const { address, env, signal } = request;
  const client = new EngineClient({ address: address.url });
  try {
    await negotiate(client, signal);
  } catch (error) {
    if (!address.isEmbedded || !isNobodyListening(error)) throw explain(error, address);
    const { startEngine } = await import('./engine-start.ts');
    await startEngine({ runRoot: runRootOf(env), stateRoot: stateRootOf(env), env, signal });
    await client.negotiate({ signal });
  }
  return client;
}

/** An engine that ends between our connection and its answer is asked again: then its socket says who listens. */
async function negotiate(client: EngineClient, signal: AbortSignal): Promise<void> {
  try {
    await client.negotiate({ signal });
  } catch (error) {
    const isLost = error instanceof EngineError && error.kind === 'unavailable';
    if (!isLost || errnoOf(error) !== undefined) throw error;
    await client.negotiate({ signal });
  }
}

/** No socket, or one that a killed engine left behind. */
function isNobodyListening(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ECONNREFUSED';
}

/** The connection's own words, and what to do about it, which depends on how the address was chosen. */
function explain(error: unknown, { isEmbedded, reason }: EngineAddress): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || !(error instanceof EngineError)) return error;
  const hint =
    isEmbedded && errno === 'EACCES'
      ? 'the embedded engine belongs to root: run with sudo'
      : `this engine was chosen because ${reason}; \`tscompose --host embedded\` uses its own`;
  return new CliError(error.message, { hint, cause: error.cause });
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof EngineError ? error.details?.['errno'] : undefined;
}
