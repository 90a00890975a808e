import { posix } from 'node:path';
import { ComposeError, ComposeErrors } from '../errors.ts';
import type { FileRead, Host } from '../host.ts';
import { readFailure, similarFile, sourceOf } from './context.ts';
import { addEnvFiles, copyVariables, type OwnVariables } from './env-files.ts';
import { Findings } from './findings.ts';
import { locate } from './remote.ts';
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

/** The variables of a project, and where its files are looked for. */
export interface ProjectSettings {
  /** Gives the project its name where nothing else does. */
  readonly directory: string;
  readonly variables: OwnVariables;
  readonly environmentFiles: readonly string[];
}

/** The files of a project, where they are, and the variables they see. */
export interface Sources extends ProjectSettings {
  /** Relative paths resolve against it. */
  readonly base: string;
  readonly sources: readonly Source[];
}

/** Finds the compose files and env files of a request; reads them, understands only the env files. */
export function findSources(request: LoadRequest, host: Host, findings: Findings): Sources {
  return new Search(request, host, findings).run();
}

/** The same without compose files, for what needs only the name of a project. */
export function findSettings(
  request: LoadRequest,
  host: Host,
  findings: Findings,
): ProjectSettings {
  return new Search(request, host, findings).settings();
}

interface FoundFile {
  readonly file: string;
  readonly shown?: string;
}

class Search {
  readonly #request: LoadRequest;
  readonly #host: Host;
  readonly #findings: Findings;
  readonly #variables: OwnVariables;
  readonly #envFiles: readonly string[];
  readonly #reads = new Map<string, FileRead>();

  constructor(request: LoadRequest, host: Host, findings: Findings) {
    this.#request = request;
    this.#host = host;
    this.#findings = findings;
    const values = Object.create(null) as Record<string, string>;
    for (const [key, value] of Object.entries(host.environment)) {
      if (value !== undefined) values[key] = value;
    }
    values['PWD'] ??= request.workingDirectory;
    this.#variables = { values, places: new Map() };
    this.#envFiles = this.#namedEnvFiles();
  }

  run(): Sources {
    const settings = this.settings();
    const files = this.#files();
    const directory = this.#fixedDirectory() ?? this.#directoryOf(files);
    if (directory !== settings.directory) this.#readDefaultEnv(directory);
    const [first] = files;
    const isRemoteFirst =
      first?.shown !== undefined && this.#request.projectDirectory === undefined;
    const sources = files.flatMap((file) => this.#read(file));
    this.#findings.throwIfAny();
    return {
      ...settings,
      directory,
      base: isRemoteFirst ? posix.dirname(first.file) : directory,
      sources,
    };
  }

  /** A default .env may name the files, so it is read before they are known, then once more beside them. */
  settings(): ProjectSettings {
    const fixed = this.#fixedDirectory();
    if (fixed !== null && this.#readFile(fixed).kind === 'text') {
      this.#findings.error('invalid-value', `the project directory "${fixed}" is a file`);
    }
    const asked = this.#request.files ?? [];
    const early = fixed ?? this.#directoryOf(asked.flatMap((file) => this.#found(file, [])));
    this.#exportComposeVariables(early);
    if (this.#envFiles.length > 0) this.#addEnvFiles(this.#envFiles);
    else this.#readDefaultEnv(early);
    return { directory: early, variables: this.#variables, environmentFiles: this.#envFiles };
  }

  #fixedDirectory(): string | null {
    const { projectDirectory } = this.#request;
    return projectDirectory === undefined || projectDirectory === ''
      ? null
      : this.#absolute(projectDirectory);
  }

  /** `COMPOSE_…` in a default .env acts as if exported, even where it says that there shall be no default .env. */
  #exportComposeVariables(directory: string): void {
    if (this.#envFiles.length > 0) return;
    const quiet = new Findings();
    const trial = copyVariables(this.#variables);
    addEnvFiles(trial, this.#defaultEnv(directory, quiet), this.#envScope(quiet));
    for (const [key, value] of Object.entries(trial.values)) {
      if (!key.startsWith('COMPOSE_') || this.#variables.values[key] !== undefined) continue;
      this.#variables.values[key] = value;
      const place = trial.places.get(key);
      if (place !== undefined) this.#variables.places.set(key, place);
    }
  }

  #absolute(path: string): string {
    const base = { directory: this.#request.workingDirectory, home: this.#host.home };
    return posix.normalize(resolvePath(path, base));
  }

  /** Of the first file that has one here. */
  #directoryOf(files: readonly FoundFile[]): string {
    const first = files.find(({ file, shown }) => file !== '-' || shown !== undefined);
    const isHere = first !== undefined && first.shown === undefined;
    return isHere ? posix.dirname(first.file) : this.#request.workingDirectory;
  }

  #namedEnvFiles(): string[] {
    const given = this.#request.envFiles ?? [];
    const listed = (this.#variables.values['COMPOSE_ENV_FILES'] ?? '').split(',');
    return (given.length > 0 ? given : listed)
      .filter((file) => file !== '')
      .map((file) => this.#absolute(file));
  }

  #envScope(findings: Findings): Parameters<typeof addEnvFiles>[2] {
    const { workingDirectory } = this.#request;
    const readFile = (path: string): FileRead => this.#readFile(path);
    const list = (path: string): readonly string[] => this.#host.list(path);
    return { host: { readFile, list }, findings, workingDirectory, span: null };
  }

  #addEnvFiles(files: readonly string[]): void {
    addEnvFiles(this.#variables, files, this.#envScope(this.#findings));
  }

  #readDefaultEnv(directory: string): void {
    if (this.#envFiles.length > 0) return;
    this.#addEnvFiles(this.#defaultEnv(directory, this.#findings));
  }

  /** `.env`, where it is wanted and there; a directory of that name is none. */
  #defaultEnv(directory: string, findings: Findings): string[] {
    const text = this.#variables.values['COMPOSE_DISABLE_ENV_FILE'] ?? '';
    if (/^(1|t|true|yes|y|on)$/i.test(text)) return [];
    if (text !== '' && !/^(0|f|false|no|n|off)$/i.test(text)) {
      findings.error(
        'invalid-value',
        `COMPOSE_DISABLE_ENV_FILE must be true or false, not "${text}"`,
      );
    }
    const file = posix.join(directory, '.env');
    const { kind } = this.#readFile(file);
    return kind === 'text' || kind === 'failed' ? [file] : [];
  }

  #files(): readonly FoundFile[] {
    const { values } = this.#variables;
    const asked = (this.#request.files ?? []).filter((file) => file !== '');
    const separator = values['COMPOSE_PATH_SEPARATOR'] ?? '';
    const listed = (values['COMPOSE_FILE'] ?? '').split(separator === '' ? ':' : separator);
    const named = asked.length > 0 ? asked : listed.filter((file) => file !== '');
    if (named.length === 0) return this.#defaultFiles().map((file) => ({ file }));
    const errors: ComposeError[] = [];
    const found = named.flatMap((file) => this.#found(file, errors));
    this.#findings.add(errors);
    return found;
  }

  /** A file that is named, here or elsewhere. */
  #found(text: string, errors: ComposeError[]): FoundFile[] {
    if (text === '-') return [{ file: text }];
    const located = locate(text, this.#host);
    if (located.kind === 'local') return [{ file: this.#absolute(text) }];
    if (located.kind === 'file') return [located];
    const { message, hint } = located;
    errors.push(new ComposeError('file-not-found', message, { hint }));
    return [];
  }

  #defaultFiles(): string[] {
    const start = this.#fixedDirectory() ?? this.#request.workingDirectory;
    for (let directory = start; ; directory = posix.dirname(directory)) {
      const file = this.#chosen(directory, defaultNames, 'compose files');
      if (file !== null) {
        const override = this.#chosen(directory, overrideNames, 'override files');
        return override === null ? [file] : [file, override];
      }
      if (directory === '/') break;
    }
    throw new ComposeErrors([
      new ComposeError('no-configuration', `no compose file in "${start}" or above it`, {
        hint: 'create a compose.yaml there, or name one with -f',
      }),
    ]);
  }

  #chosen(directory: string, names: readonly string[], what: string): string | null {
    const present = names.filter((name) => {
      const { kind } = this.#readFile(posix.join(directory, name));
      return kind === 'text' || kind === 'failed';
    });
    const [first] = present;
    if (first === undefined) return null;
    if (present.length > 1) {
      this.#findings.warn(`several ${what}: ${present.join(', ')}; using ${first}`);
    }
    return posix.join(directory, first);
  }

  #read({ file, shown }: FoundFile): Source[] {
    const { workingDirectory } = this.#request;
    if (file === '-') return [sourceOf('-', this.#host.readStdin(), workingDirectory)];
    const read = this.#readFile(file);
    if (read.kind === 'text') {
      const source = sourceOf(file, read.text, workingDirectory);
      return [shown === undefined ? source : { ...source, shown }];
    }
    this.#findings.error(
      'file-not-found',
      `compose file "${shown ?? file}" cannot be read: ${readFailure(read)}`,
      similarFile(file, read, this.#host),
    );
    return [];
  }

  /** Once each: a file is looked for, and then read. */
  #readFile(file: string): FileRead {
    const known = this.#reads.get(file);
    if (known !== undefined) return known;
    const read = this.#host.readFile(file);
    this.#reads.set(file, read);
    return read;
  }
}
