import { posix } from 'node:path';
import { ComposeError } from '../errors.ts';
import { checkProjectName, normalizeProjectName } from '../names.ts';
import type { Variables } from './env-files.ts';
import { makeError, type Findings } from './findings.ts';
import type { ParsedDocument } from './parse.ts';
import type { LoadRequest } from './request.ts';
import { reportTemplate } from './interpolate.ts';
import { substitute, TemplateError } from './template.ts';
import { type Span, spansAt } from './tree.ts';

export interface NameScope {
  readonly request: LoadRequest;
  readonly directory: string;
  readonly variables: Variables;
  readonly documents: readonly ParsedDocument[];
  readonly findings: Findings;
}

/** `-p`, COMPOSE_PROJECT_NAME, the last file's `name`, the project directory, the working directory. */
export function projectNameOf(scope: NameScope): string {
  const { request, findings } = scope;
  const given = givenName(request, scope.variables);
  if (given !== null) return checked(given, null, findings);
  const named = nameInFiles(scope);
  if (named !== null) return checked(named.name, named.span, findings);
  for (const directory of [scope.directory, request.workingDirectory]) {
    const name = normalizeProjectName(posix.basename(directory));
    if (name !== '') return name;
  }
  findings.error('invalid-project-name', 'the project has no name, and its directory gives none', {
    hint: 'set one with -p or with "name:" in the compose file',
  });
  return '';
}

/** The name that needs no file. */
export function givenName(request: LoadRequest, { values }: Variables): string | null {
  const { projectName } = request;
  if (projectName !== undefined && projectName !== '') return projectName;
  const set = values['COMPOSE_PROJECT_NAME'];
  return set === undefined || set === '' ? null : set;
}

function checked(name: string, span: Span | null, findings: Findings): string {
  try {
    checkProjectName(name);
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    findings.add([makeError(error.code, error.message, { span, hint: error.hint })]);
  }
  return name;
}

function nameInFiles(
  scope: NameScope,
): { readonly name: string; readonly span: Span | null } | null {
  const { documents, variables, findings } = scope;
  let found: { readonly name: string; readonly span: Span | null } | null = null;
  for (const { root } of documents) {
    const text = root['name'];
    if (typeof text !== 'string' || text === '') continue;
    const { value: span } = spansAt(root, 'name');
    try {
      const isTyped = scope.request.skip?.interpolation === true;
      const name = isTyped ? text : substitute(text, { lookup: (key) => variables.values[key] });
      // As for a directory's name; what nothing is left of is shown as it was.
      found = { name: normalizeProjectName(name) || name, span };
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      reportTemplate(error, { text, path: ['name'], span }, { findings, variables });
    }
  }
  return found;
}
