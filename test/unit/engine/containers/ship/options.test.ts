import { describe, expect, test } from 'vitest';
import {
  isLogReadable,
  logLimitsOf,
  logProblems,
} from '../../../../../engine/containers/log-options.ts';
import { readFluentdOptions } from '../../../../../engine/containers/ship/fluentd-options.ts';
import { readSyslogOptions } from '../../../../../engine/containers/ship/syslog-options.ts';

type Config = Readonly<Record<string, string>>;
const tls = { caFile: null, certFile: null, keyFile: null, isUnverified: false };

describe('options of syslog', () => {
  test.each<[Config, unknown]>([
    [{}, { address: { kind: 'local' }, facility: 3, format: 'unix' }],
    [
      { 'syslog-address': 'udp://host', 'syslog-facility': 'local7', 'syslog-format': 'rfc5424' },
      { address: { kind: 'udp', host: 'host', port: 514 }, facility: 23, format: 'rfc5424' },
    ],
    [
      { 'syslog-address': 'tcp://[::1]:5514', 'syslog-facility': '0' },
      { address: { kind: 'tcp', host: '::1', port: 5514 }, facility: 0, format: 'unix' },
    ],
    [
      {
        'syslog-address': 'tcp+tls://h:1',
        'syslog-tls-ca-cert': '/ca',
        'syslog-tls-skip-verify': '1',
      },
      {
        address: {
          kind: 'tls',
          host: 'h',
          port: 1,
          tls: { ...tls, caFile: '/ca', isUnverified: true },
        },
        facility: 3,
        format: 'unix',
      },
    ],
    [
      { 'syslog-address': 'unixgram:///dev/log' },
      { address: { kind: 'unixgram', path: '/dev/log' }, facility: 3, format: 'unix' },
    ],
  ])('%j are understood', (options, expected) => {
    expect(readSyslogOptions(options)).toEqual(expected);
    expect(logProblems({ LogConfig: { Type: 'syslog', Config: options } })).toEqual([]);
  });

  test.each<[Config, string]>([
    [
      { 'syslog-address': '127.0.0.1' },
      'syslog-address should be in form proto://address, got 127.0.0.1',
    ],
    [
      { 'syslog-address': 'http://x' },
      'syslog-address should be in form proto://address, got http://x',
    ],
    [
      { 'syslog-address': 'udp://x:99999' },
      'invalid address x:99999: a host, and a port up to 65535, are needed',
    ],
    [{ 'syslog-facility': 'local8' }, 'invalid syslog facility'],
    [{ 'syslog-facility': '24' }, 'invalid syslog facility'],
    [{ 'syslog-format': 'toString' }, 'Invalid syslog format'],
    [{ 'max-size': '1m' }, "unknown log opt 'max-size' for syslog log driver"],
    [{ 'fluentd-address': 'x' }, "unknown log opt 'fluentd-address' for syslog log driver"],
    [{ 'cache-max-size': 'zz' }, "failed to initialize logging driver: invalid size: 'zz'"],
    [
      { tag: '{{.Nope}}' },
      expect.stringContaining(
        'failed to initialize logging driver: invalid value for tag: {{.Nope}}',
      ) as string,
    ],
  ])('%j must be refused', (options, message) => {
    expect(logProblems({ LogConfig: { Type: 'syslog', Config: options } })).toEqual([message]);
  });
});

describe('options of fluentd', () => {
  const defaults = { hasSubSeconds: false, isAcknowledged: false, retryWaitMs: 1000 };

  test.each<[Config, unknown]>([
    [{}, { address: { kind: 'tcp', host: '127.0.0.1', port: 24_224 } }],
    [
      { 'fluentd-address': 'log.example:1' },
      { address: { kind: 'tcp', host: 'log.example', port: 1 } },
    ],
    [{ 'fluentd-address': 'tls://h' }, { address: { kind: 'tls', host: 'h', port: 24_224, tls } }],
    [
      { 'fluentd-address': 'unix:///run/f.sock' },
      { address: { kind: 'unix', path: '/run/f.sock' } },
    ],
    [
      {
        ...{ 'fluentd-async': 'true', 'fluentd-buffer-limit': '8MB', 'fluentd-max-retries': '5' },
        ...{ 'fluentd-retry-wait': '1m0.5s', 'fluentd-sub-second-precision': '1' },
        ...{ 'fluentd-request-ack': 't', labels: 'a', 'env-regex': '^x' },
      },
      {
        address: { kind: 'tcp', host: '127.0.0.1', port: 24_224 },
        ...{ hasSubSeconds: true, isAcknowledged: true, retryWaitMs: 60_500 },
      },
    ],
  ])('%j are understood', (options, expected) => {
    expect(readFluentdOptions(options)).toEqual({ ...defaults, ...(expected as object) });
    expect(logProblems({ LogConfig: { Type: 'fluentd', Config: options } })).toEqual([]);
  });

  test.each<[Config, string]>([
    [{ 'fluentd-address': 'http://x' }, 'invalid fluentd-address: unsupported scheme: http'],
    [{ 'fluentd-address': 'unix://' }, 'invalid fluentd-address: path is empty'],
    [{ 'fluentd-async': 'maybe' }, 'invalid value for fluentd-async: maybe: not a boolean'],
    [{ 'fluentd-retry-wait': '5' }, 'invalid value for fluentd-retry-wait: 5: not a duration'],
    [{ 'fluentd-max-retries': '-1' }, 'invalid value for fluentd-max-retries: -1: not a number'],
    [{ 'fluentd-buffer-limit': 'x' }, 'invalid value for fluentd-buffer-limit: x: not a size'],
  ])('%j must be refused', (options, message) => {
    expect(logProblems({ LogConfig: { Type: 'fluentd', Config: options } })).toEqual([message]);
  });
});

test('what is sent away is kept within limits of its own, unless it is not wanted here', () => {
  const host = (Config: Config) => ({ LogConfig: { Type: 'syslog', Config } });
  expect(logLimitsOf(host({}))).toEqual({
    maxBytes: 20_000_000,
    maxFiles: 5,
    isCompressed: false,
  });
  const small = host({ 'cache-max-size': '1m', 'cache-max-file': '2' });
  expect(logLimitsOf(small)).toEqual({
    maxBytes: 1_000_000,
    maxFiles: 2,
    isCompressed: false,
  });
  expect(isLogReadable(host({}))).toBe(true);
  expect(isLogReadable(host({ 'cache-disabled': 'true' }))).toBe(false);
});
