/** Flags, environment and working directory → what compose/ is asked to load. Imported when a command needs a project. */
import {
  loadProject,
  loadProjectName,
  type LoadRequest,
  type LoadResult,
  type LoadSkips,
  type Position,
} from '../compose/index.ts';
import { createHost } from './host.ts';
import type { GlobalRequest } from './options.ts';

export interface ProjectSource {
  readonly global: GlobalRequest;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
}

export interface LoadOptions {
  readonly allResources?: boolean;
  readonly services?: readonly string[];
  readonly skip?: LoadSkips;
}

export function loadFrom(source: ProjectSource, options: LoadOptions = {}): LoadResult {
  const request = requestOf(source);
  const allResources = request.allResources === true || options.allResources === true;
  return loadProject({ ...request, ...options, allResources }, createHost(source.env));
}

/** What `ps` and `logs` need: they must work while the file has an error somewhere else. */
export function loadNameFrom(source: ProjectSource): { readonly name: string } {
  return loadProjectName(requestOf(source), createHost(source.env));
}

export function warningText({
  message,
  position,
}: {
  readonly message: string;
  readonly position?: Position;
}): string {
  if (position === undefined) return message;
  return `${position.file}:${position.line}:${position.column}: ${message}`;
}

function requestOf({ global, workingDirectory }: ProjectSource): LoadRequest {
  const { file, projectName, projectDirectory, profile, envFile, allResources } = global;
  return {
    workingDirectory,
    ...(file !== undefined && { files: file }),
    ...(projectName !== undefined && { projectName }),
    ...(projectDirectory !== undefined && { projectDirectory }),
    ...(profile !== undefined && { profiles: profile }),
    ...(envFile !== undefined && { envFiles: envFile }),
    ...(allResources !== undefined && { allResources }),
  };
}
