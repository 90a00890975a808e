import { EngineError } from '../api/index.ts';
import type { Container } from './container.ts';

/** Null while its shim answers, or when it has none. */
export function whyUnresponsive({ id, process }: Container): string | null {
  if (process?.isResponsive !== false) return null;
  return `the shim of container ${id} does not answer: somebody has stopped it`;
}

/** Before anything is changed that only the shim could finish. */
export function requireResponsive(container: Container): void {
  const reason = whyUnresponsive(container);
  if (reason === null) return;
  throw new EngineError('unavailable', reason, { hint: howToContinue(container.id) });
}

export function howToContinue(id: string): string {
  return `let it go on: pkill -CONT -f "tscompose-shim ${id}"`;
}
