/** Routes that an engine does not have: the answer says no more than that. */
import { EngineError } from '../../engine/api/index.ts';
import { CliError } from '../cli-error.ts';

export async function unlessUnserved(work: Promise<void>, what: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    const isUnserved = error instanceof EngineError && error.message === 'page not found';
    if (!isUnserved) throw error;
    throw new CliError(`this engine cannot ${what} that are there already`, {
      hint: 'name the networks when the container is made',
      cause: error,
    });
  }
}
