import { EngineError } from '../../api/index.ts';

const second = 1_000_000_000n;
const unitNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const durationPattern = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;
const datePattern =
  /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * Seconds since the epoch with a fraction, RFC 3339 (cut short where a person would), or a Go duration before `nowNs`.
 * Nanoseconds since the epoch.
 */
export function parseQueryTime(
  text: string,
  name: string,
  nowNs: bigint = BigInt(Date.now()) * 1_000_000n,
): bigint {
  const epoch = /^(-?)(\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (epoch !== null) {
    const [, sign, seconds = '0', fraction = ''] = epoch;
    const ns = BigInt(seconds) * second + BigInt(fraction.padEnd(9, '0'));
    return sign === '-' ? -ns : ns;
  }
  if (durationPattern.test(text)) return nowNs - durationNs(text);
  const date = parseDate(text);
  if (date !== null) return date;
  throw new EngineError('invalid-argument', `invalid value "${text}" for ${name}: not a time`);
}

function durationNs(text: string): bigint {
  let ns = 0;
  for (const [, amount = '0', unit = 'ns'] of text.matchAll(
    /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g,
  )) {
    ns += Number(amount) * (unitNs[unit] ?? 1);
  }
  return BigInt(Math.round(ns));
}

function parseDate(text: string): bigint | null {
  const match = datePattern.exec(text);
  if (match === null) return null;
  const [, day = '', time = '00:00', fraction = '', zone = 'Z'] = match;
  const ms = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
