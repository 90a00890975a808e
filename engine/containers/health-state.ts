/** What a container's health check says and what follows from it. Pure: moby `daemon/health.go` without the clock. */
import type { ContainerConfig, HealthState, Healthcheck } from '../api/index.ts';

export interface HealthSettings {
  /** Program and arguments. */
  readonly args: readonly string[];
  readonly intervalMs: number;
  /** Between two probes until the first success, within the start period. */
  readonly startIntervalMs: number;
  readonly timeoutMs: number;
  /** After the start, in which failures do not count. */
  readonly startPeriodMs: number;
  /** Failures in a row that make it unhealthy. */
  readonly retries: number;
}

/** One probe as it ended. Exit code -1: it could not be run, or took too long. */
export interface ProbeResult {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly exitCode: number;
  readonly output: string;
}

export interface Health {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  readonly failingStreak: number;
  /** The last ones, oldest first. */
  readonly log: readonly ProbeResult[];
}

export const newHealth: Health = { status: 'starting', failingStreak: 0, log: [] };

const mostLogEntries = 5;
/** Of one probe, in bytes of UTF-8 output; Docker's. */
export const mostOutputBytes = 4096;

const defaults = {
  intervalMs: 30_000,
  startIntervalMs: 5000,
  timeoutMs: 30_000,
  startPeriodMs: 0,
  retries: 3,
} as const;

/** null: the container has no health check. Zero in a setting stands for its default. */
export function healthSettings(config: ContainerConfig): HealthSettings | null {
  const check = config.Healthcheck;
  const args = check === undefined ? null : commandOf(check, config.Shell ?? []);
  if (check === undefined || args === null) return null;
  const milliseconds = (value: number | undefined, fallback: number): number =>
    value === undefined || value === 0 ? fallback : value / 1e6;
  return {
    args,
    intervalMs: milliseconds(check.Interval, defaults.intervalMs),
    startIntervalMs: milliseconds(check.StartInterval, defaults.startIntervalMs),
    timeoutMs: milliseconds(check.Timeout, defaults.timeoutMs),
    startPeriodMs: milliseconds(check.StartPeriod, defaults.startPeriodMs),
    retries: check.Retries === undefined || check.Retries === 0 ? defaults.retries : check.Retries,
  };
}

const defaultShell = ['/bin/sh', '-c'];

function commandOf({ Test: test = [] }: Healthcheck, shell: readonly string[]): string[] | null {
  const [form, ...words] = test;
  if (words.length === 0) return null;
  if (form === 'CMD') return words;
  if (form === 'CMD-SHELL') return [...(shell.length > 0 ? shell : defaultShell), words.join(' ')];
  return null;
}

/** What in a health check cannot be, in Docker's words. */
export function healthcheckProblems(check: Healthcheck | undefined): readonly string[] {
  if (check === undefined) return [];
  const durations = {
    Interval: check.Interval,
    Timeout: check.Timeout,
    StartPeriod: check.StartPeriod,
    StartInterval: check.StartInterval,
  };
  const short = Object.entries(durations).filter(
    ([, value]) => value !== undefined && value !== 0 && value < 1e6,
  );
  const [form] = check.Test ?? [];
  const isKnown = form === undefined || form === '' || ['NONE', 'CMD', 'CMD-SHELL'].includes(form);
  return [
    ...short.map(([name]) => `${name} in Healthcheck cannot be less than 1ms`),
    ...((check.Retries ?? 0) < 0 ? ['Retries in Healthcheck cannot be negative'] : []),
    ...(isKnown ? [] : [`Unknown healthcheck type '${form}' (expected 'CMD')`]),
  ];
}

/** Milliseconds until the next probe. */
export function untilNextProbe(
  { status }: Health,
  settings: HealthSettings,
  sinceStartMs: number,
): number {
  const isStarting = status === 'starting' && sinceStartMs < settings.startPeriodMs;
  return isStarting ? settings.startIntervalMs : settings.intervalMs;
}

/** `startedNs` is when the container was started. */
export function afterProbe(
  health: Health,
  result: ProbeResult,
  { settings, startedNs }: { readonly settings: HealthSettings; readonly startedNs: bigint },
): Health {
  const log = [...health.log, result].slice(-mostLogEntries);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  const sinceStartMs = Number(result.startNs - startedNs) / 1e6;
  if (health.status === 'starting' && sinceStartMs < settings.startPeriodMs)
    return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  const status = failingStreak >= settings.retries ? 'unhealthy' : health.status;
  return { status, failingStreak, log };
}

/** Of a container that has ended: nobody looks any more, which Docker calls unhealthy. */
export function afterEnd(health: Health): Health {
  return { ...health, status: 'unhealthy' };
}

/** As inspect shows it; `formatTime` prints nanoseconds since the epoch. */
export function shapeHealth(health: Health, formatTime: (ns: bigint) => string): HealthState {
  return {
    Status: health.status,
    FailingStreak: health.failingStreak,
    Log: health.log.map(({ startNs, endNs, exitCode, output }) => ({
      Start: formatTime(startNs),
      End: formatTime(endNs),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}
