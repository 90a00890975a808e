/** The options of the driver `fluentd`, in Docker's words where they are wrong. */
import type { Address } from './connection.ts';
import { hostAndPort, OptionError, parseDurationMs, parseFlag, type Options } from './options.ts';

export interface FluentdOptions {
  readonly address: Address;
  readonly hasSubSeconds: boolean;
  /** The server confirms what it has taken over. */
  readonly isAcknowledged: boolean;
  readonly retryWaitMs: number;
}

/**
 * The log's file is the buffer, and nobody waits for the server: so `fluentd-async`, its interval, the limit of the
 * buffer, of retries, and of the time that a write takes are checked, and change nothing.
 */
export const fluentdOptionNames: readonly string[] = [
  'fluentd-address',
  'fluentd-async',
  'fluentd-async-reconnect-interval',
  'fluentd-buffer-limit',
  'fluentd-max-retries',
  'fluentd-request-ack',
  'fluentd-retry-wait',
  'fluentd-sub-second-precision',
  'fluentd-write-timeout',
];

const defaultPort = 24_224;
const defaultRetryWaitMs = 1000;

/** Throws OptionError. */
export function readFluentdOptions(options: Options): FluentdOptions {
  checkCount(options, 'fluentd-max-retries');
  checkSize(options, 'fluentd-buffer-limit');
  readFlag(options, 'fluentd-async');
  for (const name of ['fluentd-async-reconnect-interval', 'fluentd-write-timeout']) {
    readDuration(options, name);
  }
  return {
    address: readAddress(options['fluentd-address'] ?? ''),
    hasSubSeconds: readFlag(options, 'fluentd-sub-second-precision'),
    isAcknowledged: readFlag(options, 'fluentd-request-ack'),
    retryWaitMs: readDuration(options, 'fluentd-retry-wait') ?? defaultRetryWaitMs,
  };
}

function readAddress(text: string): Address {
  if (text === '') return { kind: 'tcp', host: '127.0.0.1', port: defaultPort };
  const [, scheme = 'tcp', rest = ''] = /^(?:(\w+):\/\/)?(.*)$/.exec(text) ?? [];
  switch (scheme) {
    case 'unix':
      if (rest !== '' && rest !== '/') return { kind: 'unix', path: rest };
      throw new OptionError('invalid fluentd-address: path is empty');
    case 'tcp':
      return { kind: 'tcp', ...hostAndPort(rest, defaultPort) };
    case 'tls': {
      const tls = { caFile: null, certFile: null, keyFile: null, isUnverified: false };
      return { kind: 'tls', ...hostAndPort(rest, defaultPort), tls };
    }
    default:
      throw new OptionError(`invalid fluentd-address: unsupported scheme: ${scheme}`);
  }
}

function readFlag(options: Options, name: string): boolean {
  const text = options[name] ?? '';
  const flag = text === '' ? false : parseFlag(text);
  if (flag === null) throw new OptionError(`invalid value for ${name}: ${text}: not a boolean`);
  return flag;
}

function readDuration(options: Options, name: string): number | null {
  const text = options[name] ?? '';
  if (text === '') return null;
  const ms = parseDurationMs(text);
  if (ms === null) throw new OptionError(`invalid value for ${name}: ${text}: not a duration`);
  return ms;
}

function checkCount(options: Options, name: string): void {
  const text = options[name] ?? '';
  if (text === '' || /^\d{1,10}$/.test(text)) return;
  throw new OptionError(`invalid value for ${name}: ${text}: not a number`);
}

function checkSize(options: Options, name: string): void {
  const text = options[name] ?? '';
  if (text === '' || /^\d+(\.\d+)? ?([kmgtp]?i?b?)$/i.test(text)) return;
  throw new OptionError(`invalid value for ${name}: ${text}: not a size`);
}
