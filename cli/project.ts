/** Flags, environment and working directory → what compose/ is asked to load. Imported when a command needs a project. */
import {
  type Host,
  loadModel,
  loadProject,
  loadProjectName,
  type LoadRequest,
  type LoadResult,
  type LoadSkips,
  type ModelResult,
  type Position,
} from '../compose/index.ts';
import { createHost } from './host.ts';
import type { GlobalRequest } from './options.ts';
import type { Fetcher } from './remote/fetch.ts';
import { Remotes } from './remote/remotes.ts';

export interface ProjectSource {
  readonly global: GlobalRequest;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Ends fetching. */
  readonly signal?: AbortSignal;
}

export interface LoadOptions {
  readonly allResources?: boolean;
  readonly services?: readonly string[];
  readonly skip?: LoadSkips;
}

export interface Loaded extends LoadResult {
  /** What came from elsewhere. */
  readonly remotes: Remotes;
}

export async function loadFrom(source: ProjectSource, options: LoadOptions = {}): Promise<Loaded> {
  const request = requestOf(source);
  const allResources = request.allResources === true || options.allResources === true;
  const { value, remotes } = await withRemotes(source, (host) =>
    loadProject({ ...request, ...options, allResources }, host),
  );
  const fetched = remotes.warnings.map((message) => ({ message }));
  return { ...value, warnings: [...fetched, ...value.warnings], remotes };
}

/** The files with their variables as typed; what a `config` without interpolation shows. */
export async function loadModelFrom(
  source: ProjectSource,
  skip: LoadSkips,
): Promise<Pick<ModelResult, 'model' | 'warnings'>> {
  const request = { ...requestOf(source), skip };
  const { value, remotes } = await withRemotes(source, (host) => loadModel(request, host));
  const fetched = remotes.warnings.map((message) => ({ message }));
  return { model: value.model, warnings: [...fetched, ...value.warnings] };
}

/** What `ps` and `logs` need: they must work while the file has an error somewhere else. */
export async function loadNameFrom(source: ProjectSource): Promise<{ readonly name: string }> {
  const { value } = await withRemotes(source, (host) => loadProjectName(requestOf(source), host));
  return value;
}

/** Loads, fetches what is elsewhere, and loads again until nothing is missing. */
async function withRemotes<T>(
  { env, signal }: ProjectSource,
  load: (host: Host) => T,
): Promise<{ readonly value: T; readonly remotes: Remotes }> {
  const remotes = new Remotes(env);
  const host = remotes.extend(createHost(env));
  let fetcher: Fetcher | undefined;
  try {
    const value = await remotes.settle(
      () => load(host),
      async () => {
        const { createFetcher } = await import('./remote/fetch.ts');
        fetcher ??= createFetcher({ env, signal });
        return fetcher.fetch;
      },
    );
    return { value, remotes };
  } finally {
    fetcher?.[Symbol.dispose]();
  }
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
