import { nearest } from '../schema/nearest.ts';
import type { Host } from '../host.ts';
import { readFailure, similarFile, sourceOf } from './context.ts';
import { readEntries } from './environment.ts';
import type { Findings } from './findings.ts';
import type { Span } from './tree.ts';

/** What interpolation sees: values, and where in an env file each was given. */
export interface Variables {
  readonly values: Readonly<Record<string, string>>;
  readonly places: ReadonlyMap<string, Span>;
}

export interface OwnVariables extends Variables {
  readonly values: Record<string, string>;
  readonly places: Map<string, Span>;
}

export function copyVariables({ values, places }: Variables): OwnVariables {
  const copy = Object.assign(Object.create(null), values) as Record<string, string>;
  return { values: copy, places: new Map(places) };
}

/** A file with the place where it is named, where that is in a file. */
export type EnvFile = string | { readonly file: string; readonly span: Span | null };

export interface EnvFileScope {
  readonly host: Pick<Host, 'list' | 'readFile'>;
  readonly findings: Findings;
  readonly workingDirectory: string;
  /** Where files are named that do not say so themselves. */
  readonly span: Span | null;
}

/**
 * Adds the variables of env files. A later file wins over an earlier one and sees what it says; what was known before
 * all of them wins over every file.
 */
export function addEnvFiles(
  variables: OwnVariables,
  files: readonly EnvFile[],
  { host, findings, workingDirectory, ...scope }: EnvFileScope,
): void {
  const own = new Map<string, string>();
  const lookup = (name: string): string | undefined => variables.values[name] ?? own.get(name);
  const places = new Map<string, Span>();
  for (const named of files) {
    const { file, span } = typeof named === 'string' ? { file: named, ...scope } : named;
    const read = host.readFile(file);
    if (read.kind !== 'text') {
      findings.error('env-file', `env file "${file}" cannot be read: ${readFailure(read)}`, {
        span,
        ...similarFile(file, read, host),
      });
      continue;
    }
    const source = sourceOf(file, read.text, workingDirectory);
    for (const [key, value] of readEntries(source, lookup, { findings, places })) {
      own.set(key, value);
    }
  }
  for (const [key, value] of own) {
    if (variables.values[key] !== undefined) continue;
    variables.values[key] = value;
    const place = places.get(key);
    if (place !== undefined) variables.places.set(key, place);
  }
}

/** Set by the loader itself, so nobody meant it. */
const given = 'COMPOSE_PROJECT_NAME';

/** For a variable that is not set: the one that was probably meant, and where it is set. */
export function similarVariable(
  name: string,
  { values, places }: Variables,
): { readonly name: string; readonly span: Span | null } | null {
  const names = Object.keys(values).filter((known) => known !== name && known !== given);
  const found = nearest(name, names);
  return found === null ? null : { name: found, span: places.get(found) ?? null };
}
