import type { RestartPolicy } from '../api/index.ts';

export interface EndedRun {
  readonly exitCode: number;
  readonly ranForMs: number;
  /** `stop` or `kill` asked for it. */
  readonly isStoppedByUser: boolean;
  /** Restarts by policy since somebody last started it. */
  readonly restartCount: number;
  /** How many of them have lasted for the policy's window; absent for none. */
  readonly goodRestarts?: number;
  /** What the restart before this run had waited; 0 for the first. */
  readonly lastDelayMs: number;
}

const firstDelayMs = 100;
const longestDelayMs = 60_000;
/** A run of this length counts as good: the back-off begins anew. */
const goodRunMs = 10_000;
/** setTimeout(3p) fires at once for a longer one. */
const longestTimerMs = 2 ** 31 - 1;

/** Milliseconds to wait before the next start; null when the container stays down (moby `restartmanager`). */
export function nextRestart(policy: RestartPolicy, run: EndedRun): number | null {
  if (run.isStoppedByUser || !wantsRestart(policy, run)) return null;
  const fixedMs = Math.min((policy.Delay ?? 0) / 1e6, longestTimerMs);
  if (fixedMs > 0) return fixedMs;
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
      // compose-spec deploy.md#restart_policy: an attempt that lasts for the window does not count.
      const attempts = run.restartCount - (run.goodRestarts ?? 0);
      const isWanted = run.exitCode !== 0 || policy.AfterSuccess === true;
      return isWanted && (limit === 0 || attempts < limit);
    }
    default:
      return false;
  }
}

/** Whether a run after a restart makes that no attempt any more. */
export function isSuccess({ Window: window = 0 }: RestartPolicy, ranForMs: number): boolean {
  return window > 0 && ranForMs * 1e6 >= window;
}
