import type { ExchangeResponse } from './exchange.ts';

/** A stream whose request is under way; iterate it once. */
export interface OpenedStream<T> extends AsyncIterable<T> {
  /** Resolves when the engine has accepted the request, rejects as the iteration would. */
  readonly opened: Promise<void>;
}

export function openStream<T>(
  response: Promise<ExchangeResponse>,
  decode: (response: ExchangeResponse) => AsyncIterable<T>,
): OpenedStream<T> {
  const opened = response.then(() => undefined);
  // Whoever only iterates meets the failure there.
  opened.catch(() => undefined);
  return {
    opened,
    async *[Symbol.asyncIterator](): AsyncGenerator<T> {
      yield* decode(await response);
    },
  };
}
