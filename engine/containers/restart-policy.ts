import type { RestartPolicy } from '../api/index.ts';

export interface EndedRun {
  readonly exitCode: number;
  readonly ranForMs: number;
  /** `stop` or `kill` asked for it. */
  readonly isStoppedByUser: boolean;
  /** Restarts by policy since somebody last started it. */
  readonly restartCount: number;
  /** What the restart before this run had waited; 0 for the first. */
  readonly lastDelayMs: number;
}

const firstDelayMs = 100;
const longestDelayMs = 60_000;
/** A run of this length counts as good: the back-off begins anew. */
const goodRunMs = 10_000;

/** Milliseconds to wait before the next start; null when the container stays down (moby `restartmanager`). */
export function nextRestart(policy: RestartPolicy, run: EndedRun): number | null {
  if (run.isStoppedByUser || !wantsRestart(policy, run)) return null;
  if (run.lastDelayMs === 0 || run.ranForMs >= goodRunMs) return firstDelayMs;
  return Math.min(run.lastDelayMs * 2, longestDelayMs);
}

function wantsRestart(policy: RestartPolicy, run: EndedRun): boolean {
  switch (policy.Name) {
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure': {
      const limit = policy.MaximumRetryCount ?? 0;
      return run.exitCode !== 0 && (limit === 0 || run.restartCount < limit);
    }
    default:
      return false;
  }
}
