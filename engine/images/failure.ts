import { isSyscallError } from '../../native/index.ts';
import { EngineError } from '../api/index.ts';
import { TarError } from '../lib/index.ts';

/** What went wrong with an archive, as the engine reports it: `what` ("layer 2 of "redis:7"") comes first. */
export function describeFailure(error: unknown, what: string): unknown {
  if (error instanceof TarError)
    return new EngineError('invalid-argument', `${what}: ${error.message}`, { cause: error });
  if (error instanceof EngineError) {
    const { hint, details, cause } = error;
    return new EngineError(error.kind, `${what}: ${error.message}`, {
      ...(hint !== undefined && { hint }),
      ...(details !== undefined && { details }),
      ...(cause !== undefined && { cause }),
    });
  }
  if (isOutOfSpace(error))
    return new EngineError('internal', `${what}: no space left on the device`, {
      hint: 'free some space on the file system of the state root and try again',
      cause: error,
    });
  return error;
}

function isOutOfSpace(error: unknown): boolean {
  if (isSyscallError(error, 'ENOSPC', 'EDQUOT')) return true;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
