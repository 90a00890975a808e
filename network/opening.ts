/** The two halves of a sandbox's opening as promises, of which the caller may wait for one while the other fails. */
import type { SandboxHandle, SandboxOpening } from './model.ts';

type Opened = Awaited<SandboxOpening['opened']>;

/** `work` calls `onNamed` at most once; where it fails, both halves do. */
export function beginOpening(
  work: (onNamed: (handle: SandboxHandle) => void) => Promise<Opened>,
): SandboxOpening {
  let resolveNamed: (handle: SandboxHandle) => void = ignore;
  let rejectNamed: (reason: unknown) => void = ignore;
  const named = new Promise<SandboxHandle>((resolve, reject) => {
    resolveNamed = resolve;
    rejectNamed = reject;
  });
  const opened = work(resolveNamed);
  // Neither is left without a listener.
  opened.catch(rejectNamed);
  named.catch(ignore);
  return { named, opened };
}

function ignore(): void {
  // Whoever waits for the other half is told.
}
