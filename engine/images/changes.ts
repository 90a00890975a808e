/**
 * `docker import --change`: Dockerfile instructions that alter an image's config. Quotes and backslashes as in a
 * Dockerfile; variables are taken as written, because an import has no environment to take them from.
 */
import { EngineError } from '../api/index.ts';
import { textList } from './document.ts';
import type { RunConfig } from './model.ts';

type Change = (config: RunConfig, argument: string) => RunConfig;

/** Applies instructions in order; later ones win or add, as each instruction does. */
export function applyChanges(config: RunConfig, changes: readonly string[]): RunConfig {
  return changes.reduce(applyChange, config);
}

function applyChange(config: RunConfig, line: string): RunConfig {
  const match = /^\s*([a-zA-Z]+)\s+(\S.*?)\s*$/s.exec(line);
  if (match === null) throw refuse(line, 'is not "INSTRUCTION ARGUMENT"');
  const [, instruction = '', argument = ''] = match;
  const change = instructions.get(instruction.toUpperCase());
  if (change === undefined) throw refuse(line, 'is no instruction that an import can follow');
  return change(config, argument);
}

const instructions: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['CMD', (config, argument) => ({ ...config, Cmd: command(argument) })],
  ['ENTRYPOINT', (config, argument) => ({ ...config, Entrypoint: command(argument) })],
  ['ENV', (config, argument) => ({ ...config, Env: mergeEnv(config.Env ?? [], pairs(argument)) })],
  [
    'LABEL',
    (config, argument) => ({
      ...config,
      Labels: { ...config.Labels, ...Object.fromEntries(pairs(argument)) },
    }),
  ],
  [
    'EXPOSE',
    (config, argument) => ({
      ...config,
      ExposedPorts: { ...config.ExposedPorts, ...keySet(words(argument).flatMap(portRange)) },
    }),
  ],
  [
    'VOLUME',
    (config, argument) => ({
      ...config,
      Volumes: { ...config.Volumes, ...keySet(jsonList(argument) ?? words(argument)) },
    }),
  ],
  ['USER', (config, argument) => ({ ...config, User: single(argument) })],
  ['STOPSIGNAL', (config, argument) => ({ ...config, StopSignal: single(argument) })],
  [
    'WORKDIR',
    (config, argument) => ({
      ...config,
      WorkingDir: workingDirectory(config.WorkingDir ?? '/', single(argument)),
    }),
  ],
]);

function workingDirectory(current: string, next: string): string {
  const joined = next.startsWith('/') ? next : `${current}/${next}`;
  const parts: string[] = [];
  for (const part of joined.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The JSON form, or the shell form, which runs below /bin/sh. */
function command(argument: string): readonly string[] {
  return jsonList(argument) ?? ['/bin/sh', '-c', argument];
}

function jsonList(argument: string): readonly string[] | undefined {
  if (!argument.startsWith('[')) return undefined;
  try {
    return textList(JSON.parse(argument));
  } catch (error) {
    // Docker reads what is not JSON as the shell form.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function mergeEnv(
  env: readonly string[],
  added: readonly (readonly [string, string])[],
): readonly string[] {
  const merged = new Map(env.map((entry) => [entry.split('=', 1)[0] ?? '', entry]));
  for (const [key, value] of added) merged.set(key, `${key}=${value}`);
  return [...merged.values()];
}

/** `KEY=value KEY2="two words"`, or the old form `KEY the rest of the line`. */
function pairs(argument: string): readonly (readonly [string, string])[] {
  const [first = ''] = argument.split(/\s/, 1);
  if (!first.includes('=')) {
    const value = argument.slice(first.length).trim();
    if (value === '') throw refuse(argument, 'lacks a value');
    return [[first, value]];
  }
  return words(argument).map((word) => {
    const equals = word.indexOf('=');
    if (equals < 1) throw refuse(argument, `has "${word}" where KEY=value was expected`);
    return [word.slice(0, equals), word.slice(equals + 1)] as const;
  });
}

function single(argument: string): string {
  const [word, ...rest] = words(argument);
  if (word === undefined || rest.length > 0) throw refuse(argument, 'is not one word');
  return word;
}

/** Splits at blanks outside quotes; a backslash takes the next character as it is, except in single quotes. */
function words(argument: string): readonly string[] {
  const found: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (let index = 0; index < argument.length; index++) {
    const character = argument.charAt(index);
    if (character === '\\' && quote !== "'" && index + 1 < argument.length) {
      index += 1;
      word = (word ?? '') + argument.charAt(index);
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== null) found.push(word);
      word = null;
    } else if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
      word ??= '';
    } else word = (word ?? '') + character;
  }
  if (quote !== '') throw refuse(argument, `lacks a closing ${quote}`);
  return word === null ? found : [...found, word];
}

const mostPorts = 65_535;

/** `80`, `53/udp`, `8000-8010/tcp` → one key each, with the protocol. */
function portRange(written: string): readonly string[] {
  const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(written);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last < first || last > mostPorts)
    throw refuse(written, 'is no port');
  const protocol = (match[3] ?? 'tcp').toLowerCase();
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

function keySet(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function refuse(written: string, why: string): EngineError {
  return new EngineError('invalid-argument', `change "${written}" ${why}`);
}
