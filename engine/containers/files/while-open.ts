import { EngineError } from '../../api/index.ts';
import type { OpenedRoot } from './roots.ts';

/** Hands out `chunks` and closes the root behind the last one, or when the reader leaves, or when it is revoked. */
export function whileOpen(
  opened: OpenedRoot,
  chunks: AsyncGenerator<Uint8Array>,
  release: () => void = () => undefined,
): AsyncIterable<Uint8Array> {
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    // A step under way ends first; a reader that is slow is not waited for.
    await chunks.return(undefined).catch(() => undefined);
    release();
    await opened[Symbol.asyncDispose]();
  };
  const closeOnce = (): Promise<void> => (closing ??= close());
  const giveUp = (): void => {
    void closeOnce();
  };
  opened.revoked.addEventListener('abort', giveUp, { once: true });
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => {
      try {
        const result = await chunks.next();
        if (opened.revoked.aborted)
          throw new EngineError('conflict', `container ${opened.container.id} is being started`);
        if (result.done === true) await closeOnce();
        return result;
      } catch (error) {
        await closeOnce();
        throw error;
      }
    },
    return: async () => {
      await closeOnce();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
