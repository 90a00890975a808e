/** What the options of several drivers have in common. */
import type { TlsOptions } from './connection.ts';

export type Options = Readonly<Record<string, string>>;

/** An option that cannot be used; the message is for the user. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/** `host`, `host:port`, `[::1]:port`. */
export function hostAndPort(
  text: string,
  defaultPort: number,
): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:/]+))(?::(\d{1,5}))?\/?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? defaultPort);
  if (host === undefined || port > 65_535) {
    throw new OptionError(`invalid address ${text}: a host, and a port up to 65535, are needed`);
  }
  return { host, port };
}

/** Any text for `-skip-verify` means yes, as in Docker. */
export function tlsOf(options: Options, prefix: string): TlsOptions {
  const file = (name: string): string | null => {
    const value = options[`${prefix}-${name}`] ?? '';
    return value === '' ? null : value;
  };
  return {
    caFile: file('ca-cert'),
    certFile: file('cert'),
    keyFile: file('key'),
    isUnverified: file('skip-verify') !== null,
  };
}

/** As Go's `strconv.ParseBool`. */
export function parseFlag(text: string): boolean | null {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : null;
}

/** As Go's `time.ParseDuration`, in milliseconds. */
export function parseDurationMs(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return text === '0' ? 0 : null;
  let ms = 0;
  for (const [, value = '', unit = ''] of text.matchAll(/([\d.]+)([a-zµ]+)/g)) {
    ms += Number(value) * (millisecondsOf[unit] ?? 0);
  }
  return ms;
}

const millisecondsOf: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
