/** The options of the driver `syslog`, in Docker's words where they are wrong. */
import type { Address } from './connection.ts';
import type { SyslogFormat } from './syslog-format.ts';
import { hostAndPort, OptionError, tlsOf, type Options } from './options.ts';

export interface SyslogOptions {
  readonly address: Address;
  readonly facility: number;
  readonly format: SyslogFormat;
}

export const syslogOptionNames: readonly string[] = [
  'syslog-address',
  'syslog-facility',
  'syslog-format',
  'syslog-tls-ca-cert',
  'syslog-tls-cert',
  'syslog-tls-key',
  'syslog-tls-skip-verify',
];

/** RFC 3164 §4.1.1, in the order of their numbers; what has no name of its own stays empty. */
const facilities = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron'],
  ...['authpriv', 'ftp', '', '', '', '', 'local0', 'local1', 'local2', 'local3', 'local4'],
  ...['local5', 'local6', 'local7'],
];

const formats: Readonly<Record<string, SyslogFormat>> = {
  '': 'unix',
  rfc3164: 'rfc3164',
  rfc5424: 'rfc5424',
  rfc5424micro: 'rfc5424micro',
};

/** Throws OptionError. */
export function readSyslogOptions(options: Options): SyslogOptions {
  const address = readAddress(options);
  const facility = readFacility(options['syslog-facility'] ?? '');
  const name = options['syslog-format'] ?? '';
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined) throw new OptionError(`Invalid syslog format`);
  return { address, facility, format };
}

function readAddress(options: Options): Address {
  const text = options['syslog-address'] ?? '';
  if (text === '') return { kind: 'local' };
  const [, scheme = '', rest = ''] = /^(udp|tcp|tcp\+tls|unix|unixgram):\/\/(.+)$/.exec(text) ?? [];
  switch (scheme) {
    case 'unix':
    case 'unixgram':
      return { kind: scheme, path: rest };
    case 'udp':
    case 'tcp':
      return { kind: scheme, ...hostAndPort(rest, 514) };
    case 'tcp+tls':
      return { kind: 'tls', ...hostAndPort(rest, 514), tls: tlsOf(options, 'syslog-tls') };
    default:
      throw new OptionError(`syslog-address should be in form proto://address, got ${text}`);
  }
}

function readFacility(text: string): number {
  if (text === '') return facilities.indexOf('daemon');
  const named = facilities.indexOf(text);
  if (named >= 0) return named;
  const number = /^\d{1,2}$/.test(text) ? Number(text) : facilities.length;
  if (number < facilities.length) return number;
  throw new OptionError('invalid syslog facility');
}
