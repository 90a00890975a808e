/** The flags that several commands share, and the texts they accept. */
import type { OptionSpec, OptionsOf } from './command.ts';
import { CliError } from './cli-error.ts';

export const progressStyles = ['auto', 'tty', 'plain', 'json', 'quiet'] as const;
export type ProgressStyle = (typeof progressStyles)[number];

export const ansiModes = ['auto', 'always', 'never'] as const;
export type AnsiMode = (typeof ansiModes)[number];

/** What is given before the command's name. */
export interface GlobalRequest {
  readonly file?: readonly string[];
  readonly projectName?: string;
  readonly profile?: readonly string[];
  readonly envFile?: readonly string[];
  readonly projectDirectory?: string;
  readonly allResources?: boolean;
  readonly host?: string;
  readonly progress?: ProgressStyle;
  readonly ansi?: AnsiMode;
  readonly parallel?: number;
  readonly dryRun?: boolean;
}

export const globalOptions: OptionsOf<GlobalRequest> = {
  file: {
    flags: '-f, --file <path>',
    description: 'compose file; repeat to merge several, "-" reads standard input',
    repeats: true,
  },
  projectName: { flags: '-p, --project-name <name>', description: 'project name' },
  profile: { flags: '--profile <name>', description: 'activate a profile', repeats: true },
  envFile: {
    flags: '--env-file <path>',
    description: 'variables for the compose file, instead of .env',
    repeats: true,
  },
  projectDirectory: {
    flags: '--workdir, --project-directory <path>',
    description: 'base of relative paths (default: where the first compose file is)',
  },
  allResources: {
    flags: '--all-resources',
    description: 'include networks, volumes, secrets and configs that no service uses',
  },
  host: {
    flags: '-H, --host <address>',
    description: 'engine to use: unix://…, or "embedded" for the one that tscompose starts itself',
  },
  progress: {
    flags: '--progress <style>',
    description: 'how progress is shown on standard error',
    choices: progressStyles,
  },
  ansi: { flags: '--ansi <mode>', description: 'colours and cursor movement', choices: ansiModes },
  parallel: {
    flags: '--parallel <count>',
    description: 'how many engine calls at a time (default: -1, no limit)',
    parse: parseLimit,
  },
  dryRun: {
    flags: '--dry-run',
    description: 'show what would be done, and why, without doing it',
  },
};

export const servicesArgument = {
  name: '[services...]',
  description: 'services (default: all)',
} as const;

export const formatOption: OptionSpec<string> = {
  flags: '--format <format>',
  description: "'table', 'table TEMPLATE', 'json', or a Go template such as '{{.Name}}'",
};

export const timeoutOption: OptionSpec<number> = {
  flags: '-t, --timeout <seconds>',
  description: 'grace period before a stopping container is killed',
  parse: parseSeconds,
};

export const removeOrphansOption: OptionSpec<boolean> = {
  flags: '--remove-orphans',
  description: 'remove containers of services that the compose file no longer has',
};

export const yesOption: OptionSpec<boolean> = {
  flags: '-y, --yes',
  description: 'do not ask: a compose file from elsewhere may run',
};

function parseLimit(text: string): number {
  if (/^-?\d{1,9}$/u.test(text)) return Number(text);
  throw new CliError(`"${text}" is not a whole number`);
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^-?\d+$/u.test(text) && Number.isSafeInteger(seconds)) return seconds;
  throw new CliError(`"${text}" is not a number of whole seconds`);
}

/** `--orphans`, `--orphans=false`. */
export function parseSwitch(text: string): boolean {
  if (/^(1|t|true)$/iu.test(text)) return true;
  if (/^(0|f|false)$/iu.test(text)) return false;
  throw new CliError(`"${text}" is neither true nor false`);
}

export function parseIndex(text: string): number {
  const index = Number(text);
  if (/^\d+$/u.test(text) && Number.isSafeInteger(index)) return index;
  throw new CliError(`"${text}" is no number of a container`);
}

export function parseCount(text: string): number {
  if (/^-?\d{1,9}$/u.test(text)) return Number(text);
  throw new CliError(`"${text}" is no number of things`);
}

export function parseTail(text: string): number | 'all' {
  if (text === 'all') return 'all';
  const lines = Number(text);
  if (/^-?\d+$/u.test(text) && Number.isSafeInteger(lines)) return lines < 0 ? 'all' : lines;
  throw new CliError(`"${text}" is no number of lines`, { hint: 'give a number or `all`' });
}

const unitSeconds: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
};

/**
 * A moment as the engine takes it, seconds since the epoch with up to nine decimals: from RFC 3339, from such seconds,
 * or from an age like `42m` or `1h30m`. Text in, text out, because nanoseconds do not fit a JavaScript number.
 */
export function parseMoment(text: string, nowMs: number): string {
  if (/^\d+(\.\d{1,9})?$/u.test(text)) return text;
  if (/^(\d+(\.\d+)?(ms|s|m|h|d))+$/u.test(text)) {
    let age = 0;
    for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/gu)) {
      age += Number(count) * (unitSeconds[unit ?? ''] ?? 0);
    }
    return (nowMs / 1000 - age).toFixed(3);
  }
  const match = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?)?(.*)$/u.exec(
    text,
  );
  const [, date, time, fraction, zone] = match ?? [];
  if (date !== undefined && /^(|[Zz]|[+-]\d\d:\d\d)$/u.test(zone ?? '')) {
    const wholeMs = Date.parse(`${date}T${time ?? '00:00:00'}${zone?.toUpperCase() ?? ''}`);
    if (!Number.isNaN(wholeMs)) {
      return `${wholeMs / 1000}${fraction === undefined ? '' : `.${fraction}`}`;
    }
  }
  throw new CliError(`"${text}" is no moment`, {
    hint: 'give an age like `42m`, or a date like `2026-11-20T18:30:00Z`',
  });
}
