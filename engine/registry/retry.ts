/** When to ask again, and how long to wait before. */
import { setTimeout as delay } from 'node:timers/promises';
import { RegistryError } from './errors.ts';

export interface RetryPolicy {
  /** How often in all, the first time included. */
  readonly attempts: number;
  /** Wait before the second attempt; it doubles, up to `longestMs`. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** A registry that asks for more patience than this is told about, not waited for. */
  readonly patienceMs: number;
  /** 0 ≤ x < 1; spreads clients that failed together. */
  readonly random: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const defaultRetry: RetryPolicy = {
  attempts: 5,
  firstMs: 250,
  longestMs: 8_000,
  patienceMs: 30_000,
  random: Math.random,
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  },
};

/** Failures that may be gone the next time. */
const transientCodes: ReadonlySet<string> = new Set([
  'unreachable',
  'timeout',
  'truncated',
  'rate-limited',
  'server',
]);

export function isTransient(error: unknown): error is RegistryError {
  return error instanceof RegistryError && transientCodes.has(error.code) && !isFinal(error);
}

/** A name that does not resolve, or a refused connection, is the same a second later. */
function isFinal({ cause }: RegistryError): boolean {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  return code === 'ENOTFOUND' || code === 'ECONNREFUSED';
}

/** Half of the wait is certain and half is chance ("equal jitter"), unless the registry said how long. */
export function waitBefore(attempt: number, error: RegistryError, policy: RetryPolicy): number {
  const full = Math.min(policy.longestMs, policy.firstMs * 2 ** (attempt - 1));
  const own = full / 2 + (full / 2) * policy.random();
  return Math.max(error.retryAfterMs ?? 0, own);
}

export interface RetryScope {
  readonly policy: RetryPolicy;
  readonly signal?: AbortSignal | undefined;
}

/** Repeats `attempt` while it fails in a way that may pass. Throws what it threw last. */
export async function withRetry<T>(
  attempt: () => Promise<T>,
  { policy, signal }: RetryScope,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (count >= policy.attempts || !isTransient(error)) throw error;
      const waitMs = waitBefore(count, error, policy);
      if (waitMs > policy.patienceMs) throw error;
      signal?.throwIfAborted();
      await policy.sleep(waitMs, signal);
    }
  }
}

/** `Retry-After` (RFC 9110 §10.2.3): seconds or a date. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Za-z]{3},/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
