/** `KEY=VALUE` on the command line. */
import { CliError } from '../cli-error.ts';

export type Pair = readonly [key: string, value: string];

export function parsePair(text: string): Pair {
  const [key = '', value] = text.split(/=(.*)/su);
  if (value === undefined || key === '') {
    throw new CliError(`"${text}" is not in the form KEY=VALUE`);
  }
  return [key, value];
}

/** A label may have no value. */
export function parseLabel(text: string): Pair {
  const [key = '', value = ''] = text.split(/=(.*)/su);
  if (key === '') throw new CliError(`"${text}" is no label: give KEY=VALUE or KEY`);
  return [key, value];
}

export function pairsOf(pairs: readonly Pair[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs);
}
