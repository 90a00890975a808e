/** Durations, byte sizes: what the specification allows as text, as numbers and back. */

const nanoseconds: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

/** What fits into the 64 bits that engines have for it: some 292 years. */
const longest = 2n ** 63n - 1n;

/** "1h5m30s20ms" in nanoseconds; null when it is no duration. */
export function parseDuration(text: string): bigint | null {
  const body = text.replace(/^[-+]/, '');
  if (body === '0') return 0n;
  if (!/^((\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h|d|w))+$/.test(body)) return null;
  let total = 0n;
  for (const [, amount = '', unit = ''] of body.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h|d|w)/g)) {
    const [whole = '', fraction = ''] = amount.split('.');
    const scale = nanoseconds[unit] ?? 0n;
    const digits = fraction.slice(0, 18);
    total += BigInt(whole === '' ? '0' : whole) * scale;
    if (digits !== '') total += (BigInt(digits) * scale) / 10n ** BigInt(digits.length);
  }
  if (total > longest) return null;
  return text.startsWith('-') ? -total : total;
}

/** Of a duration that the loader has checked, as engines take it; 0 without one. */
export function nanosecondsOf(duration: string | undefined): number {
  return Number(parseDuration(duration ?? '0') ?? 0n);
}

/** As Go prints a time.Duration: "1m30s", "1.5s", "20ms", "0s". */
export function formatDuration(value: bigint): string {
  if (value < 0n) return `-${formatDuration(-value)}`;
  if (value === 0n) return '0s';
  const second = 1_000_000_000n;
  if (value < second) {
    const unit = value < 1_000n ? 'ns' : value < 1_000_000n ? 'µs' : 'ms';
    return `${decimals(value, unit === 'ns' ? 1n : unit === 'µs' ? 1_000n : 1_000_000n)}${unit}`;
  }
  const hours = value / 3_600_000_000_000n;
  const minutes = (value / 60_000_000_000n) % 60n;
  const seconds = decimals(value % 60_000_000_000n, second);
  if (hours > 0n) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0n ? `${minutes}m${seconds}s` : `${seconds}s`;
}

function decimals(value: bigint, unit: bigint): string {
  const whole = value / unit;
  const rest = value % unit;
  if (rest === 0n) return String(whole);
  const digits = String(rest).padStart(String(unit).length - 1, '0');
  return `${whole}.${digits.replace(/0+$/, '')}`;
}

const binary = ['', 'k', 'm', 'g', 't', 'p'];

/** "1.5g", "10kb", "512" in bytes (1024 to the next unit); null when it is no size that 64 bits hold. */
export function parseBytes(text: string): number | null {
  const match = /^(\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(
    text.trim(),
  );
  if (match === null) return null;
  const [, amount = '', unit = ''] = match;
  const bytes = Math.trunc(Number(amount) * 1024 ** binary.indexOf(unit.toLowerCase()));
  return bytes < 2 ** 63 ? bytes : null;
}
