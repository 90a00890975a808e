/** Loading a project, in the order of the lists below. Read this file first. */
import { ComposeErrors } from '../errors.ts';
import type { Host } from '../host.ts';
import { validateTree } from '../schema/validate.ts';
import { canonical } from './canonical.ts';
import { checkConsistency, checkTopLevel } from './check.ts';
import type { LoadContext } from './context.ts';
import { setDefaults } from './defaults.ts';
import { copyVariables } from './env-files.ts';
import { resolveServiceFiles, resolveValueless } from './environment.ts';
import { applyExtends } from './extends.ts';
import { Findings, keySpan, makeError, valueSpan } from './findings.ts';
import { applyIncludes } from './include.ts';
import { interpolate } from './interpolate.ts';
import { mergeRules } from './merge-rules.ts';
import { merge } from './merge.ts';
import { normalize } from './normalize.ts';
import { parse, type OddKey, type ParsedDocument } from './parse.ts';
import type { FilePhase, FileScope, TreePhase } from './phases.ts';
import { activeProfiles, profilesOfNamed, splitByProfile } from './profiles.ts';
import { givenName, projectNameOf } from './project-name.ts';
import type { LoadRequest, LoadResult, ModelResult } from './request.ts';
import { resolvePaths } from './resolve-paths.ts';
import { findSettings, findSources, type Sources } from './source.ts';
import { applyTags, takeTags } from './tags.ts';
import { toProject } from './to-project.ts';
import { getAt, newMap, type Source, spansAt, type TreeMap } from './tree.ts';
import { dropValuelessArguments, typedForms } from './typed-model.ts';
import { unique } from './unique.ts';

/** Applied to every document, in this order, before it is merged onto the ones before it. */
export const perFile: readonly FilePhase[] = [
  interpolateFile,
  dropVersion,
  requireServices,
  (scope) => {
    applyIncludes(scope, loadTree);
  },
  // After the includes, so that a service may extend one that came in with them.
  (scope) => {
    applyExtends(scope.root, scope);
  },
];

/** Applied to the merged tree each time a document was added. Canonical forms can reveal repetitions. */
export const perMerge: readonly TreePhase[] = [unique, validate, canonicalForm, unique];

/** Applied once to the tree of every project, included ones as well. */
export const perProject: readonly TreePhase[] = [setDefaults, resolveRelative, fillValueless];

export function loadProject(request: LoadRequest, host: Host): LoadResult {
  const { root, context, name, sources } = load(request, host);
  return finish(root, context, { name, sources });
}

/** The merged tree alone, for showing it before its variables have values; no service is left out. */
export function loadModel(request: LoadRequest, host: Host): ModelResult {
  const skip = { ...request.skip, interpolation: true };
  const { root, context, name } = load({ ...request, skip }, host);
  if (skip.normalization !== true) {
    root['name'] = name;
    normalize(root, name);
  }
  dropValuelessArguments(root);
  context.findings.throwIfAny();
  return { model: root, warnings: context.findings.warnings };
}

interface Loaded extends FinishScope {
  readonly root: TreeMap;
  readonly context: LoadContext;
}

function load(request: LoadRequest, host: Host): Loaded {
  const findings = new Findings();
  const sources = findSources(request, host, findings);
  const documents = sources.sources.map((source) => ({ source, parsed: parse(source, findings) }));
  findings.throwIfAny();
  const all = documents.flatMap(({ parsed }) => parsed);
  if (all.every(({ root }) => Object.keys(root).length === 0)) throw emptyFile(sources);
  const { directory, base, variables } = sources;
  const name = projectNameOf({ request, directory, findings, documents: all, variables });
  const { values: environment, places } = copyVariables(variables);
  environment['COMPOSE_PROJECT_NAME'] = name;
  const context: LoadContext = { request, host, findings, environment, places, directory: base };
  return { root: mergeDocuments(documents, context, []), context, name, sources };
}

/**
 * What a command needs that only addresses a project: its name. No file is needed where a flag or a variable gives it,
 * and what else is wrong in a file does not matter.
 */
export function loadProjectName(request: LoadRequest, host: Host): { readonly name: string } {
  const findings = new Findings();
  const settings = findSettings(request, host, findings);
  const given = givenName(request, settings.variables);
  const sources = given === null ? findSources(request, host, findings) : null;
  const documents = (sources?.sources ?? []).flatMap(documentsOfName);
  const { directory, variables } = sources ?? settings;
  const name = projectNameOf({ request, directory, variables, documents, findings });
  findings.throwIfAny();
  return { name };
}

/** Where a file cannot be understood, its line with the name still can. */
function documentsOfName(source: Source): readonly ParsedDocument[] {
  const quiet = new Findings();
  const documents = parse(source, quiet);
  if (quiet.errors.length === 0) return documents;
  const text = source.text.replaceAll(/^(?!name:).*$/gm, (line) => ' '.repeat(line.length));
  return parse({ ...source, text }, new Findings());
}

interface SourceDocuments {
  readonly source: Source;
  readonly parsed: readonly ParsedDocument[];
}

/** The tree of several files that make one project; also what include runs for another project. */
export function loadTree(
  sources: readonly Source[],
  context: LoadContext,
  includedFrom: readonly string[],
): TreeMap {
  const { findings } = context;
  const documents = sources.map((source) => ({ source, parsed: parse(source, findings) }));
  findings.throwIfAny();
  return mergeDocuments(documents, context, includedFrom);
}

function mergeDocuments(
  documents: readonly SourceDocuments[],
  context: LoadContext,
  includedFrom: readonly string[],
): TreeMap {
  const { findings } = context;
  let tree = newMap();
  for (const { source, parsed } of documents) {
    for (const { root, tags, oddKeys } of parsed) {
      const taken = takeTags(root, tags);
      const scope: FileScope = { root, source, taken, context, includedFrom };
      for (const phase of perFile) phase(scope);
      applyTags(tree, taken);
      tree = merge(tree, root, { findings, rules: mergeRules(context.request) });
      for (const phase of perMerge) phase(tree, context);
      for (const key of oddKeys) reportKey(key, findings);
    }
  }
  for (const phase of perProject) phase(tree, context);
  return tree;
}

/** Docker Compose refuses them as well: a name should not hang on how YAML reads it. */
function reportKey({ type, text, span }: OddKey, findings: Findings): void {
  findings.error('invalid-type', `a key must be a string, not the ${type} ${text}`, {
    span,
    label: 'put it in quotes',
  });
}

interface FinishScope {
  readonly name: string;
  readonly sources: Sources;
}

function finish(root: TreeMap, context: LoadContext, { name, sources }: FinishScope): LoadResult {
  const { request, findings, environment } = context;
  const skip = request.skip ?? {};
  checkTopLevel(root, findings);
  if (skip.normalization !== true) normalize(root, name);
  const split = splitByProfile(root['services'], [
    ...activeProfiles(request.profiles, environment),
    ...profilesOfNamed(root['services'], request.services ?? []),
  ]);
  root['services'] = split.enabled;
  if (skip.consistency !== true) {
    const doesWarn = skip.engineRules === true;
    const { services } = request;
    checkConsistency(root, findings, { disabled: split.disabled, doesWarn, services });
  }
  resolveServiceFiles(root, context);
  findings.throwIfAny();
  const project = toProject(root, {
    name,
    sources,
    environment,
    disabled: split.disabled,
    request,
    host: context.host,
  });
  return { project, warnings: findings.warnings };
}

function interpolateFile({ root, context }: FileScope): void {
  const { request, findings, environment, places } = context;
  const lookup = request.skip?.interpolation === true ? null : (key: string) => environment[key];
  interpolate(root, { findings, lookup, variables: { values: environment, places } });
}

function dropVersion({ root, context }: FileScope): void {
  if (root['version'] === undefined) return;
  const { key } = spansAt(root, 'version');
  context.findings.warn('the key "version" is obsolete and ignored: remove it', key);
  Reflect.deleteProperty(root, 'version');
}

/** Said of each file, because merged with others an empty section would vanish. */
function requireServices({ root, context }: FileScope): void {
  const { services } = root;
  if (services !== null) return;
  context.findings.error('invalid-type', '"services" must be a mapping, not empty', {
    path: ['services'],
    span: spansAt(root, 'services').key,
    hint: 'define a service below it, or remove it',
  });
}

function validate(root: TreeMap, { request, findings }: LoadContext): void {
  if (request.skip?.validation === true) return;
  const isTyped = request.skip?.interpolation === true;
  for (const { code, message, path, isKey, label, hint } of validateTree(root)) {
    // What a variable stands for may be right.
    const value = getAt(root, path);
    if (isTyped && !isKey && typeof value === 'string' && value.includes('$')) continue;
    const span = isKey ? keySpan(root, path) : valueSpan(root, path);
    findings.error(code, message, { path, span, label, hint });
  }
  findings.throwIfAny();
}

function canonicalForm(root: TreeMap, { request, findings }: LoadContext): void {
  if (request.skip?.interpolation === true) typedForms(root);
  else canonical(root, findings);
}

function fillValueless(root: TreeMap, { request, environment }: LoadContext): void {
  if (request.skip?.interpolation !== true) resolveValueless(root, environment);
}

function resolveRelative(root: TreeMap, { request, directory, host }: LoadContext): void {
  if (request.skip?.pathResolution === true) return;
  resolvePaths(root, { directory, home: host.home });
}

function emptyFile({ sources }: Sources): ComposeErrors {
  const [source] = sources;
  const span = source ? { source, start: 0, end: 0 } : null;
  return new ComposeErrors([
    makeError('empty-file', 'the compose file is empty', {
      span,
      hint: 'start with "services:" and a service below it',
    }),
  ]);
}
