import { createHash } from 'node:crypto';
import {
  type Caller,
  composeErrorsOf,
  formatComposeError,
  type Host,
  loadProject,
  type LoadRequest,
  type LoadResult,
} from '../../../../compose/index.ts';

export interface FakeHostOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly caller?: Caller;
}

/** Files by absolute path; what leads to one is a directory. */
export function fakeHost({
  files = {},
  environment = {},
  stdin = '',
  caller,
}: FakeHostOptions): Host {
  return {
    ...(caller !== undefined && { caller }),
    environment,
    home: '/home/ada',
    readFile: (path) => {
      const text = files[path];
      if (text !== undefined) return { kind: 'text', text };
      const isDirectory = Object.keys(files).some((file) => file.startsWith(`${path}/`));
      return isDirectory ? { kind: 'directory' } : { kind: 'absent' };
    },
    list: (path) => {
      const below = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      return [...new Set(below.map((file) => file.slice(path.length + 1).split('/', 1)[0] ?? ''))];
    },
    fileDigest: (path) => {
      const text = files[path];
      return text === undefined ? null : createHash('sha256').update(text).digest('hex');
    },
    fileBytes: (path) => {
      const text = files[path];
      return text === undefined ? null : new TextEncoder().encode(text);
    },
    readStdin: () => stdin,
  };
}

/** Loads `/shop/compose.yaml` with the given text. */
export function loadText(
  text: string,
  options: FakeHostOptions & { readonly request?: Partial<LoadRequest> } = {},
): LoadResult {
  const host = fakeHost({ ...options, files: { '/shop/compose.yaml': text, ...options.files } });
  return loadProject({ workingDirectory: '/shop', ...options.request }, host);
}

/** What a failing load prints. */
export function errorText(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    const errors = composeErrorsOf(error);
    if (errors === null) throw error;
    return errors.map(formatComposeError).join('\n');
  }
  throw new Error('loading was expected to fail');
}
