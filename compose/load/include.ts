import { posix } from 'node:path';
import { type LoadContext, readFailure, sourceOf } from './context.ts';
import { readEntries } from './environment.ts';
import { mergeRules } from './merge-rules.ts';
import { merge } from './merge.ts';
import type { FileScope } from './phases.ts';
import { resolvePath } from './resolve-paths.ts';
import {
  isList,
  isMap,
  moveEntry,
  type Source,
  type Span,
  spansAt,
  type TreeMap,
  type TreeValue,
} from './tree.ts';

export type LoadTree = (
  sources: readonly Source[],
  context: LoadContext,
  includedFrom: readonly string[],
) => TreeMap;

const kinds = ['services', 'networks', 'volumes', 'secrets', 'configs', 'models'];

/**
 * Loads every included project on its own (its directory, its .env below the caller's variables) and puts the
 * including file over it: what both define is merged (compose-spec 14-include).
 */
export function applyIncludes(scope: FileScope, loadTree: LoadTree): void {
  const { root } = scope;
  const list = root['include'];
  if (!isList(list)) return;
  Reflect.deleteProperty(root, 'include');
  list.forEach((entry, index) => {
    const included = includeOne(entry, { scope, span: spansAt(list, index).value }, loadTree);
    if (included === null) return;
    const rules = { findings: scope.context.findings, rules: mergeRules() };
    const merged = merge(onlyResources(included), root, rules);
    for (const key of Object.keys(merged)) moveEntry(merged, root, key);
  });
}

function onlyResources(tree: TreeMap): TreeMap {
  for (const key of Object.keys(tree)) if (!kinds.includes(key)) Reflect.deleteProperty(tree, key);
  return tree;
}

interface EntryScope {
  readonly scope: FileScope;
  readonly span: Span | null;
}

function includeOne(
  entry: TreeValue,
  { scope, span }: EntryScope,
  loadTree: LoadTree,
): TreeMap | null {
  const { context } = scope;
  const { findings, host, request } = context;
  const options = isMap(entry) ? entry : { path: entry };
  const paths = strings(options['path'] ?? null).map((path) => absolute(path, context));
  const [first] = paths;
  if (first === undefined) {
    findings.error('include', 'an include needs a path', { span });
    return null;
  }
  const chain = [...scope.includedFrom, scope.source.file];
  const repeated = paths.find((path) => chain.includes(path));
  if (repeated !== undefined) {
    const steps = [...chain.slice(chain.indexOf(repeated)), repeated].map((file) =>
      posix.basename(file),
    );
    findings.error('include', `files include each other in a circle: ${steps.join(' → ')}`, {
      span,
    });
    return null;
  }
  const sources = paths.flatMap((path) => {
    const read = host.readFile(path);
    if (read.kind === 'text') return [sourceOf(path, read.text, request.workingDirectory)];
    findings.error('include', `included file "${path}" cannot be read: ${readFailure(read)}`, {
      span,
    });
    return [];
  });
  if (sources.length < paths.length) return null;
  const own = options['project_directory'];
  const directory =
    typeof own === 'string' && own !== '' ? absolute(own, context) : posix.dirname(first);
  const environment = environmentOf(options['env_file'] ?? null, { directory, context, span });
  return loadTree(sources, { ...context, directory, environment }, chain);
}

function strings(value: TreeValue): string[] {
  const list = isList(value) ? value : [value];
  return list.filter((item): item is string => typeof item === 'string' && item !== '');
}

function absolute(path: string, { directory, host }: LoadContext): string {
  return posix.normalize(resolvePath(path, { directory, home: host.home }));
}

interface EnvironmentScope {
  readonly directory: string;
  readonly context: LoadContext;
  readonly span: Span | null;
}

/** The caller's variables win over the included project's own. */
function environmentOf(
  files: TreeValue,
  { directory, context, span }: EnvironmentScope,
): Record<string, string> {
  const { host, findings, request } = context;
  const environment = Object.assign(Object.create(null), context.environment) as Record<
    string,
    string
  >;
  const given = strings(files).map((file) => absolute(file, context));
  for (const file of given.length > 0 ? given : [posix.join(directory, '.env')]) {
    if (file === '/dev/null') continue;
    const read = host.readFile(file);
    if (read.kind !== 'text') {
      if (given.length === 0) continue;
      findings.error('env-file', `env file "${file}" cannot be read: ${readFailure(read)}`, {
        span,
      });
      continue;
    }
    const source = sourceOf(file, read.text, request.workingDirectory);
    for (const [key, value] of readEntries(source, (name) => environment[name], { findings })) {
      if (context.environment[key] === undefined) environment[key] = value;
    }
  }
  return environment;
}
