import type { FileRead, Host } from '../host.ts';
import { posix } from 'node:path';
import { nearest } from '../schema/nearest.ts';
import type { Findings } from './findings.ts';
import type { LoadRequest } from './request.ts';
import type { Source, Span } from './tree.ts';

/** What every phase may use. */
export interface LoadContext {
  readonly request: LoadRequest;
  readonly host: Host;
  readonly findings: Findings;
  /** What interpolation sees. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where env files say so. */
  readonly places: ReadonlyMap<string, Span>;
  /** Relative paths resolve against it. */
  readonly directory: string;
}

/** How a path is shown: relative where it is below the working directory. */
export function shownPath(file: string, workingDirectory: string): string {
  if (file === '-') return '<stdin>';
  const relative = posix.relative(workingDirectory, file);
  return relative === '' || relative.startsWith('..') ? file : relative;
}

export function sourceOf(file: string, text: string, workingDirectory: string): Source {
  return { file, shown: shownPath(file, workingDirectory), text };
}

/** For a file that is not there: what beside it was probably meant. */
export function similarFile(
  file: string,
  read: FileRead,
  host: Pick<Host, 'list'>,
): { readonly label?: string | undefined } {
  if (read.kind !== 'absent') return {};
  // Files of a kind end alike, which makes none of them similar; nor does one letter in place of another.
  const extension = posix.extname(file);
  const wanted = posix.basename(file, extension);
  if (wanted.length < 2) return {};
  const stems = new Map<string, string>();
  for (const name of host.list(posix.dirname(file))) {
    const stem = posix.basename(name, posix.extname(name));
    if (!stems.has(stem) || name.endsWith(extension)) stems.set(stem, name);
  }
  const found = nearest(wanted, [...stems.keys()]);
  return found === null ? {} : { label: `did you mean "${stems.get(found) ?? found}"?` };
}

/** Why a file cannot be read, as the end of a sentence. */
export function readFailure(read: Exclude<FileRead, { kind: 'text' }>): string {
  switch (read.kind) {
    case 'absent':
      return 'no such file';
    case 'directory':
      return 'it is a directory';
    case 'failed':
      return read.reason;
  }
}
