import { EngineError } from '../../engine/api/index.ts';
import { ComposeError } from '../errors.ts';
import type { Made, Run } from './run.ts';

/** Removes what a run has made: containers first, then what they used. Goes past failures and returns them all. */
export async function undo(run: Run): Promise<ComposeError[]> {
  const failures: ComposeError[] = [];
  const remove = async (made: Made): Promise<void> => {
    try {
      await removalOf(run, made);
      run.report({ resource: made.kind, name: made.name, status: 'removed' });
    } catch (error) {
      if (error instanceof EngineError && error.kind === 'not-found') return;
      const message = error instanceof Error ? error.message : String(error);
      failures.push(
        new ComposeError(
          'engine-refused',
          `cannot remove ${made.kind} "${made.name}" again: ${message}`,
          {
            cause: error,
          },
        ),
      );
    }
  };
  const { made } = run;
  await Promise.all(made.filter(({ kind }) => kind === 'container').map(remove));
  await Promise.all(made.filter(({ kind }) => kind !== 'container').map(remove));
  return failures;
}

/** Without the run's signal: it may be why there is something to undo. */
function removalOf({ engine }: Run, { kind, ref }: Made): Promise<void> {
  switch (kind) {
    case 'container':
      return engine.containers.remove(ref, { force: true, volumes: true });
    case 'network':
      return engine.networks.remove(ref);
    case 'volume':
      return engine.volumes.remove(ref);
  }
}
