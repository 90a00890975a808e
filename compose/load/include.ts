import { posix } from 'node:path';
import { type LoadContext, readFailure, similarFile, sourceOf } from './context.ts';
import { addEnvFiles, copyVariables } from './env-files.ts';
import { mergeRules } from './merge-rules.ts';
import { merge } from './merge.ts';
import type { FileScope } from './phases.ts';
import { warnOfUnknownKeys } from './schema-findings.ts';
import { locate } from './remote.ts';
import { resolvePath } from './resolve-paths.ts';
import { applyTags } from './tags.ts';
import {
  isList,
  isMap,
  moveEntry,
  newMap,
  type Source,
  type Span,
  spanOf,
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
  if (list === null) Reflect.deleteProperty(root, 'include');
  if (!isList(list)) return;
  const section = newMap();
  moveEntry(root, section, 'include');
  Reflect.deleteProperty(root, 'include');
  warnOfUnknownKeys(section, scope.context.findings);
  list.forEach((entry, index) => {
    const span = spansAt(list, index).value;
    const included = new Include(scope, span, loadTree).load(entry);
    if (included === null) return;
    applyTags(included, scope.taken);
    keepNew(included, root);
    const rules = { findings: scope.context.findings, rules: mergeRules(scope.context.request) };
    const merged = merge(included, root, rules);
    for (const key of Object.keys(merged)) moveEntry(merged, root, key);
  });
}

/** Of an included project only its resources count, and those that are there already as they are not twice. */
function keepNew(included: TreeMap, root: TreeMap): void {
  for (const kind of Object.keys(included)) {
    const [own, known] = [included[kind], root[kind]];
    if (!kinds.includes(kind)) Reflect.deleteProperty(included, kind);
    else if (isMap(own) && isMap(known)) {
      for (const name of Object.keys(own)) {
        if (name in known && isSame(own[name], known[name])) Reflect.deleteProperty(own, name);
      }
    }
  }
}

function isSame(left: TreeValue | undefined, right: TreeValue | undefined): boolean {
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((item, index) => isSame(item, right[index]));
  }
  if (isMap(left) && isMap(right)) {
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => key in right && isSame(left[key], right[key]))
    );
  }
  return left === right;
}

interface Text {
  readonly text: string;
  readonly span: Span | null;
}

/** One entry of the list. */
class Include {
  readonly #scope: FileScope;
  readonly #context: LoadContext;
  readonly #span: Span | null;
  readonly #loadTree: LoadTree;

  constructor(scope: FileScope, span: Span | null, loadTree: LoadTree) {
    this.#scope = scope;
    this.#context = scope.context;
    this.#span = span;
    this.#loadTree = loadTree;
  }

  load(entry: TreeValue): TreeMap | null {
    const options = isMap(entry) ? entry : null;
    const paths = options === null ? this.#texts(entry) : this.#texts(options, 'path');
    const files = paths.map(({ text, span }) => this.#locate(text, span));
    const [first] = files;
    if (paths.length === 0) this.#error('an include needs a path', this.#span);
    if (first === undefined || first === null) return null;
    const chain = [...this.#scope.includedFrom, this.#scope.source.file];
    if (this.#isCycle(files, { chain, paths })) return null;
    const sources = files.map((file, index) => this.#read(file, paths[index]));
    if (!sources.every((source) => source !== null)) return null;
    const [own] = options === null ? [] : this.#texts(options, 'project_directory');
    const directory = own === undefined ? posix.dirname(first) : this.#absolute(own.text);
    return this.#loadTree(sources, this.#contextIn(directory, options), chain);
  }

  #error(message: string, span: Span | null, hint?: string): void {
    this.#context.findings.error('include', message, { span, hint });
  }

  #texts(value: TreeValue, key?: string): Text[] {
    const own = key === undefined ? value : isMap(value) ? (value[key] ?? null) : null;
    const span = key !== undefined && isMap(value) ? spansAt(value, key).value : this.#span;
    const texts = isList(own)
      ? own.map((item, index) => ({ item, span: spansAt(own, index).value ?? spanOf(own) }))
      : [{ item: own, span }];
    return texts.flatMap(({ item, span: at }) =>
      typeof item === 'string' && item !== '' ? [{ text: item, span: at }] : [],
    );
  }

  #absolute(path: string): string {
    const { directory, host } = this.#context;
    return posix.normalize(resolvePath(path, { directory, home: host.home }));
  }

  #locate(text: string, span: Span | null): string | null {
    const located = locate(text, this.#context.host);
    if (located.kind === 'local') return this.#absolute(text);
    if (located.kind === 'file') return located.file;
    this.#error(located.message, span, located.hint);
    return null;
  }

  #isCycle(
    files: readonly (string | null)[],
    { chain, paths }: { readonly chain: readonly string[]; readonly paths: readonly Text[] },
  ): boolean {
    const index = files.findIndex((file) => file !== null && chain.includes(file));
    const repeated = files[index];
    if (repeated === undefined || repeated === null) return false;
    const steps = [...chain.slice(chain.indexOf(repeated)), repeated].map((file) =>
      posix.basename(file),
    );
    const message = `files include each other in a circle: ${steps.join(' → ')}`;
    this.#error(message, paths[index]?.span ?? this.#span);
    return true;
  }

  #read(file: string | null, path: Text | undefined): Source | null {
    if (file === null) return null;
    const { host, request } = this.#context;
    const read = host.readFile(file);
    if (read.kind === 'text') return sourceOf(file, read.text, request.workingDirectory);
    const message = `included file "${file}" cannot be read: ${readFailure(read)}`;
    const span = path?.span ?? this.#span;
    this.#context.findings.error('include', message, { span, ...similarFile(file, read, host) });
    return null;
  }

  /** The caller's variables win over the included project's own. */
  #contextIn(directory: string, options: TreeMap | null): LoadContext {
    const { host, findings, request, environment, places } = this.#context;
    const variables = copyVariables({ values: environment, places });
    const given = options === null ? [] : this.#texts(options, 'env_file');
    const { workingDirectory } = request;
    if (given.length === 0) {
      const file = posix.join(directory, '.env');
      const { kind } = host.readFile(file);
      const files = kind === 'text' || kind === 'failed' ? [file] : [];
      addEnvFiles(variables, files, { host, findings, workingDirectory, span: this.#span });
    } else {
      const files = given
        .map(({ text, span }) => ({ file: this.#absolute(text), span }))
        .filter(({ file }) => file !== '/dev/null');
      addEnvFiles(variables, files, { host, findings, workingDirectory, span: null });
    }
    return { ...this.#context, directory, environment: variables.values, places: variables.places };
  }
}
