import { posix } from 'node:path';
import { ComposeError } from '../errors.ts';
import { checkProjectName, normalizeProjectName } from '../names.ts';
import { makeError, type Findings } from './findings.ts';
import type { ParsedDocument } from './parse.ts';
import type { LoadRequest } from './request.ts';
import { reportTemplate } from './interpolate.ts';
import { type Lookup, substitute, TemplateError } from './template.ts';
import { spansAt } from './tree.ts';

export interface NameScope {
  readonly request: LoadRequest;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly documents: readonly ParsedDocument[];
  readonly findings: Findings;
}

/** `-p`, COMPOSE_PROJECT_NAME, the last file's `name`, the project directory, the working directory. */
export function projectNameOf(scope: NameScope): string {
  const { request, environment, findings } = scope;
  const given = request.projectName ?? environment['COMPOSE_PROJECT_NAME'];
  const explicit = given === undefined || given === '' ? nameInFiles(scope) : given;
  if (explicit !== null) {
    const isInFile = given === undefined || given === '';
    try {
      checkProjectName(explicit);
    } catch (error) {
      if (!(error instanceof ComposeError)) throw error;
      const span = isInFile ? nameSpan(scope) : null;
      findings.add([makeError(error.code, error.message, { span, hint: error.hint })]);
    }
    return explicit;
  }
  for (const directory of [scope.directory, request.workingDirectory]) {
    const name = normalizeProjectName(posix.basename(directory));
    if (name !== '') return name;
  }
  findings.error('invalid-project-name', 'the project has no name, and its directory gives none', {
    hint: 'set one with -p or with "name:" in the compose file',
  });
  return '';
}

function nameInFiles({ documents, environment, findings }: NameScope): string | null {
  const lookup: Lookup = (name) => environment[name];
  let found: string | null = null;
  for (const { root } of documents) {
    const name = root['name'];
    if (typeof name !== 'string' || name === '') continue;
    try {
      found = substitute(name, { lookup });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      reportTemplate(
        error,
        { text: name, path: ['name'], span: spansAt(root, 'name').value },
        findings,
      );
    }
  }
  return found === '' || found === null ? null : normalizeProjectName(found);
}

function nameSpan({ documents }: NameScope): ReturnType<typeof spansAt>['value'] {
  const last = documents.filter(({ root }) => typeof root['name'] === 'string').at(-1);
  return last === undefined ? null : spansAt(last.root, 'name').value;
}
