import { posix } from 'node:path';
import { ComposeError, ComposeErrors } from '../errors.ts';
import type { Host } from '../host.ts';
import { readFailure, sourceOf } from './context.ts';
import { readEntries } from './environment.ts';
import type { Findings } from './findings.ts';
import type { LoadRequest } from './request.ts';
import { resolvePath } from './resolve-paths.ts';
import type { Source } from './tree.ts';

const defaultNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const overrideNames = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];

/** The files of a project, where they are, and the variables they see. */
export interface Sources {
  readonly directory: string;
  readonly sources: readonly Source[];
  readonly environment: Record<string, string>;
  readonly environmentFiles: readonly string[];
}

/** Finds the compose files and env files of a request; reads them, understands only the env files. */
export function findSources(request: LoadRequest, host: Host, findings: Findings): Sources {
  const search = new Search(request, host, findings);
  return search.run();
}

class Search {
  readonly #request: LoadRequest;
  readonly #host: Host;
  readonly #findings: Findings;
  readonly #environment = Object.create(null) as Record<string, string>;

  constructor(request: LoadRequest, host: Host, findings: Findings) {
    this.#request = request;
    this.#host = host;
    this.#findings = findings;
    for (const [key, value] of Object.entries(host.environment)) {
      if (value !== undefined) this.#environment[key] = value;
    }
    this.#environment['PWD'] ??= request.workingDirectory;
  }

  run(): Sources {
    const { workingDirectory, projectDirectory } = this.#request;
    const fixed = projectDirectory === undefined ? null : this.#absolute(projectDirectory);
    const asked = this.#request.files ?? [];
    const envFiles = this.#envFiles();
    for (const file of envFiles) this.#readEnvFile(file);
    const firstAsked = asked[0];
    // A default .env may name the files, so it is read before they are known, then once more beside them.
    const early =
      fixed ?? (firstAsked === undefined ? workingDirectory : this.#directoryOf(firstAsked));
    if (envFiles.length === 0) this.#readDefaultEnv(early);
    const files = this.#files();
    const directory = fixed ?? this.#directoryOf(files[0] ?? '-');
    if (envFiles.length === 0 && directory !== early) this.#readDefaultEnv(directory);
    const sources = files.flatMap((file) => this.#read(file));
    this.#findings.throwIfAny();
    return { directory, sources, environment: this.#environment, environmentFiles: envFiles };
  }

  #absolute(path: string): string {
    const base = { directory: this.#request.workingDirectory, home: this.#host.home };
    return posix.normalize(resolvePath(path, base));
  }

  #directoryOf(file: string): string {
    return file === '-' ? this.#request.workingDirectory : posix.dirname(this.#absolute(file));
  }

  #envFiles(): string[] {
    const given = this.#request.envFiles ?? [];
    const listed = (this.#environment['COMPOSE_ENV_FILES'] ?? '').split(',').filter(Boolean);
    return (given.length > 0 ? given : listed).map((file) => this.#absolute(file));
  }

  #readEnvFile(file: string): void {
    const read = this.#host.readFile(file);
    if (read.kind === 'text') this.#addVariables(file, read.text, { doesOverride: true });
    else {
      this.#findings.error('env-file', `env file "${file}" cannot be read: ${readFailure(read)}`);
    }
  }

  #readDefaultEnv(directory: string): void {
    const isOff = /^(1|true|yes|y|on)$/i.test(this.#environment['COMPOSE_DISABLE_ENV_FILE'] ?? '');
    const file = posix.join(directory, '.env');
    const read = isOff ? null : this.#host.readFile(file);
    if (read?.kind === 'text') this.#addVariables(file, read.text, { doesOverride: false });
    else if (read?.kind === 'failed') {
      this.#findings.error('env-file', `"${file}" cannot be read: ${read.reason}`);
    }
  }

  /** Variables of the caller win over every file; a later --env-file wins over an earlier one. */
  #addVariables(
    file: string,
    text: string,
    { doesOverride }: { readonly doesOverride: boolean },
  ): void {
    const source = sourceOf(file, text, this.#request.workingDirectory);
    const lookup = (name: string): string | undefined => this.#environment[name];
    for (const [key, value] of readEntries(source, lookup, { findings: this.#findings })) {
      if (this.#host.environment[key] !== undefined) continue;
      if (doesOverride || this.#environment[key] === undefined) this.#environment[key] = value;
    }
  }

  #files(): string[] {
    const asked = this.#request.files ?? [];
    if (asked.length > 0) return asked.map((file) => (file === '-' ? file : this.#absolute(file)));
    const listed = this.#environment['COMPOSE_FILE'];
    if (listed !== undefined && listed !== '') {
      const separator = this.#environment['COMPOSE_PATH_SEPARATOR'] ?? ':';
      return listed
        .split(separator)
        .filter(Boolean)
        .map((file) => this.#absolute(file));
    }
    return this.#defaultFiles();
  }

  #defaultFiles(): string[] {
    const start =
      this.#request.projectDirectory === undefined
        ? this.#request.workingDirectory
        : this.#absolute(this.#request.projectDirectory);
    for (let directory = start; ; directory = posix.dirname(directory)) {
      const [first, ...others] = this.#present(directory, defaultNames);
      if (first !== undefined) {
        if (others.length > 0) {
          const names = [first, ...others].map((file) => posix.basename(file)).join(', ');
          this.#findings.warn(`several compose files: ${names}; using ${posix.basename(first)}`);
        }
        return [first, ...this.#present(directory, overrideNames).slice(0, 1)];
      }
      if (directory === '/') break;
    }
    throw new ComposeErrors([
      new ComposeError('no-configuration', `no compose file in "${start}" or above it`, {
        hint: 'create a compose.yaml there, or name one with -f',
      }),
    ]);
  }

  #present(directory: string, names: readonly string[]): string[] {
    return names
      .map((name) => posix.join(directory, name))
      .filter((file) => {
        const { kind } = this.#host.readFile(file);
        return kind === 'text' || kind === 'failed';
      });
  }

  #read(file: string): Source[] {
    const { workingDirectory } = this.#request;
    if (file === '-') return [sourceOf('-', this.#host.readStdin(), workingDirectory)];
    const read = this.#host.readFile(file);
    if (read.kind === 'text') return [sourceOf(file, read.text, workingDirectory)];
    this.#findings.error(
      'file-not-found',
      `compose file "${file}" cannot be read: ${readFailure(read)}`,
    );
    return [];
  }
}
