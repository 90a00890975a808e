/** A difference up to which two readings of a clock in a row are the same clock. */
const toleratedDriftMs = 2;
let correctionMs = 0;

/**
 * Wall-clock time in nanoseconds since the epoch, as exact as the clock of performance.now() is. That clock stands
 * still while the machine sleeps, and is not set with the wall clock (CLOCK_MONOTONIC, clock_gettime(2)), so it is
 * corrected where the two have parted: the shim's times, which these are compared with, are the wall clock's.
 */
export function nowNs(): bigint {
  const wallMs = Date.now();
  const steadyMs = performance.timeOrigin + performance.now();
  if (Math.abs(steadyMs + correctionMs - wallMs) > toleratedDriftMs)
    correctionMs = wallMs - steadyMs;
  const microseconds = Math.round((steadyMs + correctionMs) * 1000);
  return BigInt(microseconds) * 1000n;
}

/** RFC 3339 in UTC with nanoseconds, trailing zeros cut as Go does; 0 is Go's zero time. */
export function formatTime(ns: bigint): string {
  if (ns === 0n) return '0001-01-01T00:00:00Z';
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

const units = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** A duration as `docker ps` words it (docker/go-units HumanDuration). */
export function describeDuration(seconds: number): string {
  if (seconds < 1) return 'Less than a second';
  if (seconds >= 60 && seconds < 120) return 'About a minute';
  if (seconds >= 3600 && seconds < 5400) return 'About an hour';
  // go-units changes to the next unit only when there are two of it: 90 minutes are "2 hours", 36 hours "36 hours".
  const limits: Readonly<Record<string, number>> = { year: 2, month: 2, week: 2, day: 2, hour: 1 };
  const [unit, size] =
    units.find(([name, length]) => seconds >= length * (limits[name] ?? 1)) ?? units[6];
  const count = unit === 'hour' ? Math.round(seconds / size) : Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
