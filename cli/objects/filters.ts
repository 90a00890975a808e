/** `--filter key=value` as docker's commands take it, several times. */
import type { Filters } from '../../engine/client/index.ts';
import { CliError } from '../cli-error.ts';
import type { OptionSpec } from '../command.ts';

export type FilterPair = readonly [key: string, value: string];

export function filterOption(
  description: string,
  flags: '--filter' | '-f, --filter' = '-f, --filter',
): OptionSpec<readonly FilterPair[]> {
  return { flags: `${flags} <filter>`, description, repeats: true, parse: parseFilter };
}

/** Behind the first `=` everything is the value: `label=tier=db`. */
export function parseFilter(text: string): FilterPair {
  const [key = '', value] = text.split(/=(.*)/su);
  if (value === undefined) throw new CliError('bad format of filter (expected name=value)');
  return [key.trim().toLowerCase(), value.trim()];
}

export function filtersOf(pairs: readonly FilterPair[] = []): Filters {
  const filters: Record<string, string[]> = {};
  for (const [key, value] of pairs) (filters[key] ??= []).push(value);
  return filters;
}
