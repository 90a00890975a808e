import { type DotenvEntries, DotenvError, parseDotenv, parseRawEnv } from './dotenv.ts';
import { readFailure, similarFile, sourceOf, type LoadContext } from './context.ts';
import type { Findings } from './findings.ts';
import { scalarText, shownText } from './yaml-scalars.ts';
import { resolvePath } from './resolve-paths.ts';
import {
  copyTree,
  isList,
  isMap,
  newMap,
  type Path,
  setKey,
  type Source,
  type Span,
  spanOf,
  spansAt,
  type TreeMap,
} from './tree.ts';
import type { Lookup } from './template.ts';

interface ReadEntriesScope {
  readonly findings: Findings;
  readonly isRaw?: boolean;
  /** Takes where each name stands. */
  readonly places?: Map<string, Span>;
}

/** Parses an env file; a mistake in it becomes a finding at its own line. */
export function readEntries(
  source: Source,
  lookup: Lookup,
  { findings, isRaw = false, places }: ReadEntriesScope,
): DotenvEntries {
  const onWarning = (message: string, start: number, length: number): void => {
    findings.warn(message, { source, start, end: start + length });
  };
  try {
    const onEntry = (key: string, start: number, length: number): void => {
      places?.set(key, { source, start, end: start + length });
    };
    return (isRaw ? parseRawEnv : parseDotenv)(source.text, { lookup, onWarning, onEntry });
  } catch (error) {
    if (!(error instanceof DotenvError)) throw error;
    findings.error('env-file', error.message, {
      span: { source, start: error.offset, end: error.offset + error.length },
    });
    return new Map();
  }
}

/**
 * env_file and environment become one mapping, label_file and labels another. Later files win over earlier ones and
 * the attribute over all files; what has no value takes the caller's.
 */
export function resolveServiceFiles(root: TreeMap, context: LoadContext): void {
  if (context.request.skip?.serviceFiles === true) return;
  const isKept = context.request.skip?.environmentResolution === true;
  const services = root['services'];
  if (!isMap(services)) return;
  for (const name of Object.keys(services)) {
    const service = services[name];
    if (!isMap(service)) continue;
    const path = ['services', name];
    // Even where files are shown as they are named, a missing one is a mistake.
    resolveEnvironment(isKept ? copyTree(service) : service, path, context);
    if (!isKept) resolveLabels(service, path, context);
  }
}

function resolveEnvironment(service: TreeMap, path: Path, context: LoadContext): void {
  const files = service['env_file'];
  const own = service['environment'];
  const lookup: Lookup = (key) => context.environment[key];
  const merged = newMap(spanOf(own) ?? spanOf(files));
  if (isList(files)) {
    const known = new Map<string, string>();
    files.forEach((file, index) => {
      if (!isMap(file)) return;
      const span = spansAt(files, index).value;
      const scope = { path: [...path, 'env_file', index], span, context };
      for (const [key, value] of readEnvFile(file, (key) => lookup(key) ?? known.get(key), scope)) {
        known.set(key, value);
        setKey(merged, [key, value], { key: span, value: span });
      }
    });
    Reflect.deleteProperty(service, 'env_file');
  }
  if (isMap(own)) {
    for (const key of Object.keys(own)) {
      const value = own[key] ?? null;
      const resolved = value === null ? (lookup(key) ?? null) : value;
      // Named without a value and known nowhere: what a file says of it stays unset as well.
      setKey(merged, [key, resolved], spansAt(own, key));
    }
  }
  if (Object.keys(merged).length > 0) service['environment'] = merged;
}

interface FileScope {
  readonly path: Path;
  readonly span: Span | null;
  readonly context: LoadContext;
}

function readEnvFile(
  file: TreeMap,
  lookup: Lookup,
  { path, span, context }: FileScope,
): DotenvEntries {
  const { findings, host, request } = context;
  const written = scalarText(file['path'] as string);
  const name = resolvePath(written, { directory: context.directory, home: context.host.home });
  const read = host.readFile(name);
  if (read.kind !== 'text') {
    if (read.kind === 'absent' && file['required'] === false) return new Map();
    findings.error('env-file', `env file "${name}" cannot be read: ${readFailure(read)}`, {
      path,
      span: spansAt(file, 'path').value ?? span,
      hint: read.kind === 'absent' ? 'create it, or write {path: …, required: false}' : undefined,
      ...similarFile(name, read, host),
    });
    return new Map();
  }
  const { format } = file;
  if (format !== undefined && format !== '' && format !== 'raw') {
    findings.error('invalid-value', `unsupported env_file format "${shownText(format)}"`, {
      path,
      span: spansAt(file, 'format').value ?? span,
      hint: 'the only other format is "raw"',
    });
    return new Map();
  }
  const source = sourceOf(name, read.text, request.workingDirectory);
  return readEntries(source, lookup, { findings, isRaw: format === 'raw' });
}

function resolveLabels(service: TreeMap, path: Path, context: LoadContext): void {
  const files = service['label_file'];
  if (!isList(files)) return;
  const { findings, host, request } = context;
  const own = service['labels'];
  const merged = newMap(spanOf(own) ?? spanOf(files));
  files.forEach((file, index) => {
    if (typeof file !== 'string') return;
    const span = spansAt(files, index).value;
    const read = host.readFile(file);
    if (read.kind !== 'text') {
      findings.error('env-file', `label file "${file}" cannot be read: ${readFailure(read)}`, {
        path: [...path, 'label_file', index],
        span,
        ...similarFile(file, read, host),
      });
      return;
    }
    const source = sourceOf(file, read.text, request.workingDirectory);
    // Labels know no variables but those of their own file.
    const entries = readEntries(source, () => undefined, { findings });
    for (const [key, value] of entries) setKey(merged, [key, value], { key: span, value: span });
  });
  if (isMap(own)) {
    for (const key of Object.keys(own)) setKey(merged, [key, own[key] ?? ''], spansAt(own, key));
  }
  service['labels'] = merged;
  Reflect.deleteProperty(service, 'label_file');
}

/** environment and build.args entries without a value, where no file is read. */
export function resolveValueless(
  root: TreeMap,
  environment: Readonly<Record<string, string>>,
): void {
  const services = root['services'];
  if (!isMap(services)) return;
  for (const service of Object.values(services)) {
    if (!isMap(service)) continue;
    const { environment: own, build } = service;
    if (isMap(own)) fill(own, environment);
    const args = isMap(build) ? build['args'] : undefined;
    if (!isMap(args)) continue;
    fill(args, environment);
    // A build argument that nobody gives a value is not an argument.
    for (const key of Object.keys(args)) if (args[key] === null) Reflect.deleteProperty(args, key);
  }
}

function fill(map: TreeMap, environment: Readonly<Record<string, string>>): void {
  for (const key of Object.keys(map)) {
    const value = environment[key];
    if (map[key] === null && value !== undefined) setKey(map, [key, value], spansAt(map, key));
  }
}
