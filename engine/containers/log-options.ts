/**
 * What a container's log is to be, from `HostConfig.LogConfig`: the driver's name and its options, in Docker's words
 * where they are wrong. Every driver that keeps a log keeps it in the format of the shim.
 */
import type { HostConfig } from '../api/index.ts';
import { fluentdOptionNames, readFluentdOptions } from './ship/fluentd-options.ts';
import { OptionError, parseFlag, type Options } from './ship/options.ts';
import { readSyslogOptions, syslogOptionNames } from './ship/syslog-options.ts';

export interface LogLimits {
  /** Of one file; 0: without an end. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** Those that are full. */
  readonly isCompressed: boolean;
}

export const logDrivers = ['json-file', 'local', 'none', 'syslog', 'fluentd'] as const;
/** Docker's others. */
const foreignDrivers = ['journald', 'gelf', 'awslogs', 'splunk', 'gcplogs', 'etwlogs'];
type LogDriver = (typeof logDrivers)[number];

/** Docker's defaults of each. `none` keeps what attached clients may still have to read, and only while it runs. */
const defaults: Readonly<Record<LogDriver, LogLimits>> = {
  'json-file': { maxBytes: 0, maxFiles: 1, isCompressed: false },
  local: { maxBytes: 20_000_000, maxFiles: 5, isCompressed: true },
  none: { maxBytes: 1_000_000, maxFiles: 2, isCompressed: false },
  // What was sent can be read here as well, and what could not be sent yet waits here (Docker's `cache-*`).
  syslog: { maxBytes: 20_000_000, maxFiles: 5, isCompressed: false },
  fluentd: { maxBytes: 20_000_000, maxFiles: 5, isCompressed: false },
};

const commonOptions: readonly string[] = ['mode', 'max-buffer-size'];
const fileOptions: readonly string[] = ['max-size', 'max-file', 'compress', ...commonOptions];
const cacheOptions: readonly string[] = ['max-size', 'max-file', 'compress', 'disabled'];
const attributeOptions: readonly string[] = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];

/** Of a container that was accepted. */
export function logLimitsOf({ LogConfig }: HostConfig): LogLimits {
  const driver = driverNamed(LogConfig?.Type) ?? 'json-file';
  const options = fileOptionsOf(driver, LogConfig?.Config ?? {});
  if (driver === 'none') return defaults[driver];
  const { maxBytes, maxFiles, isCompressed } = defaults[driver];
  const files = Math.max(1, given(options, 'max-file', parseInteger) ?? maxFiles);
  return {
    maxBytes: given(options, 'max-size', parseHumanSize) ?? maxBytes,
    maxFiles: files,
    isCompressed: files > 1 && (given(options, 'compress', parseFlag) ?? isCompressed),
  };
}

/** What the engine keeps can be read again. */
export function keepsLog({ LogConfig }: HostConfig): boolean {
  return LogConfig?.Type !== 'none';
}

/** Whoever sends it elsewhere may not want it to be read here. */
export function isLogReadable(host: HostConfig): boolean {
  const text = host.LogConfig?.Config?.['cache-disabled'] ?? '';
  return keepsLog(host) && !(isShipped(host) && parseFlag(text) === true);
}

/** Docker shows a path where the driver has files of its own. */
export function hasLogPath(host: HostConfig): boolean {
  return keepsLog(host) && !isShipped(host);
}

function isShipped({ LogConfig }: HostConfig): boolean {
  return LogConfig?.Type === 'syslog' || LogConfig?.Type === 'fluentd';
}

/** Of the file that the shim writes: `cache-max-size` is its `max-size` where a driver sends the log away. */
function fileOptionsOf(driver: LogDriver, options: Options): Options {
  if (driver !== 'syslog' && driver !== 'fluentd') return options;
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key.replace(/^cache-/, ''), value]),
  );
}

export function logProblems({ LogConfig }: HostConfig): readonly string[] {
  const name = LogConfig?.Type ?? '';
  const options = LogConfig?.Config ?? {};
  if (name === 'none') return [];
  const driver = driverNamed(name);
  if (driver === undefined) {
    const message = foreignDrivers.includes(name)
      ? `the logging driver "${name}" is not served by this engine`
      : `error looking up logging plugin ${name}: plugin "${name}" not found`;
    return [`${message} (there are: ${logDrivers.join(', ')})`];
  }
  const problems = [
    ...modeProblems(options),
    ...unknownOptions(driver, options),
    ...addressProblems(driver, options),
  ];
  if (problems.length > 0) return problems;
  const wrong = [
    ...limitProblems(driver, fileOptionsOf(driver, options)),
    ...attributeProblems(options),
  ];
  return wrong.map((message) => `failed to initialize logging driver: ${message}`);
}

function driverNamed(name = ''): LogDriver | undefined {
  return name === '' ? 'json-file' : logDrivers.find((known) => known === name);
}

/** Both modes are accepted and are the same here: a log never holds its container up. */
function modeProblems(options: Options): readonly string[] {
  const { mode = '', 'max-buffer-size': buffer } = options;
  if (!['', 'blocking', 'non-blocking'].includes(mode)) {
    return [`logger: logging mode not supported: ${mode}`];
  }
  if (buffer === undefined) return [];
  if (mode !== 'non-blocking') {
    return [`logger: max-buffer-size option is only supported with 'mode=non-blocking'`];
  }
  const isWrong = parseHumanSize(buffer) === null;
  return isWrong ? [`error parsing option max-buffer-size: invalid size: '${buffer}'`] : [];
}

function unknownOptions(driver: LogDriver, options: Options): readonly string[] {
  const isLocal = driver === 'local';
  const known = knownOptions[driver];
  return Object.keys(options)
    .filter((key) => !known.includes(key))
    .map((key) =>
      isLocal
        ? `unknown log opt '${key}' for log driver local`
        : `unknown log opt '${key}' for ${driver} log driver`,
    );
}

const shippedOptions: readonly string[] = [
  ...commonOptions,
  ...attributeOptions,
  ...cacheOptions.map((name) => `cache-${name}`),
];
const knownOptions: Readonly<Record<LogDriver, readonly string[]>> = {
  'json-file': [...fileOptions, ...attributeOptions],
  local: fileOptions,
  none: [],
  syslog: [...syslogOptionNames, ...shippedOptions],
  fluentd: [...fluentdOptionNames, ...shippedOptions],
};

function addressProblems(driver: LogDriver, options: Options): readonly string[] {
  try {
    if (driver === 'syslog') readSyslogOptions(options);
    if (driver === 'fluentd') readFluentdOptions(options);
    return [];
  } catch (error) {
    if (error instanceof OptionError) return [error.message];
    throw error;
  }
}

function limitProblems(driver: LogDriver, options: Options): readonly string[] {
  const { 'max-size': size, 'max-file': count, compress } = options;
  const bytes = size === undefined ? defaults[driver].maxBytes : parseHumanSize(size);
  const files = count === undefined ? defaults[driver].maxFiles : parseInteger(count);
  if (bytes === null) return [`invalid size: '${size ?? ''}'`];
  if (size !== undefined && bytes <= 0) return ['max-size must be a positive number'];
  if (files === null) return [`invalid value for max-file: ${count ?? ''}: not a number`];
  if (files < 1) return ['max-file cannot be less than 1'];
  if (compress !== undefined && parseFlag(compress) === null) {
    return [`invalid boolean value for compress: ${compress}`];
  }
  const isCompressed = compress !== undefined && parseFlag(compress) === true;
  return isCompressed && (files < 2 || bytes === 0)
    ? ['compress cannot be true when max-file is less than 2 or max-size is not set']
    : [];
}

/** Fields of moby's `logger.Info` that a tag can name. */
export const tagFields: readonly string[] = [
  'ID',
  'FullID',
  'Name',
  'ImageID',
  'ImageFullID',
  'ImageName',
  'DaemonName',
  'Command',
];
const placeholder = /\{\{-?\s*(.*?)\s*-?\}\}/g;

/** The text of a tag with each `{{.Field}}` replaced. */
export function expandTag(tag: string, valueOf: (field: string) => string): string {
  return tag.replace(placeholder, (_all, inner: string) => valueOf(inner.slice(1)));
}

function attributeProblems(options: Options): readonly string[] {
  const patterns = ['labels-regex', 'env-regex'].flatMap((key) => {
    const pattern = options[key];
    return pattern === undefined || isPattern(pattern)
      ? []
      : [`invalid value for ${key}: ${pattern}: not a regular expression`];
  });
  const fields = [...(options['tag'] ?? '').matchAll(placeholder)].map(([, inner = '']) => inner);
  const known = tagFields.map((field) => `.${field}`);
  const unknown = fields.filter((field) => !known.includes(field));
  const tags = unknown.map(
    (field) => `invalid value for tag: {{${field}}}: use one of ${known.join(', ')}`,
  );
  return [...patterns, ...tags];
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

function given<T>(options: Options, key: string, parse: (text: string) => T | null): T | null {
  const text = options[key];
  return text === undefined ? null : parse(text);
}

/** As go-units' `FromHumanSize`: powers of 1000, for `10m` as for `10mb`. */
function parseHumanSize(text: string): number | null {
  const match = /^(\d+(?:\.\d*)?|\.\d+) ?(?:b|([kmgtp])(?:i?b)?)?$/i.exec(text);
  if (match === null) return null;
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf((match[2] ?? '').toLowerCase());
  return Math.floor(Number(match[1]) * 1000 ** power);
}

function parseInteger(text: string): number | null {
  return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : null;
}
