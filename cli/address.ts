/**
 * Which engine a command talks to, and why: `--host`, DOCKER_HOST, a docker context, else the embedded engine.
 * Part of the dispatcher's bundle, which answers `version` alone: nothing heavy may be imported here.
 */
import { CliError } from './cli-error.ts';

export interface EngineAddress {
  /** Only the embedded engine is started when nobody answers. */
  readonly isEmbedded: boolean;
  /** `unix://`, `tcp://` or `ssh://`. */
  readonly url: string;
  /** Why this engine, as a phrase: `DOCKER_HOST is set`. */
  readonly reason: string;
}

export interface AddressRequest {
  /** The value of `--host`, if given. */
  readonly host?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Returns null when there is no such file. */
  readonly readFile: (path: string) => string | null;
  /** Hex; a parameter because loading a crypto library costs 3 ms and only a selected context needs it. */
  readonly sha256: (text: string) => string;
}

const defaultRunRoot = '/run/tscompose';
const defaultStateRoot = '/var/lib/tscompose';

/** What `--host` accepts to mean "not the Docker that my environment selects". */
const embeddedWord = 'embedded';

/** Where the embedded engine keeps its sockets; see engine/store/layout.ts, which derives all other paths. */
export function runRootOf(env: AddressRequest['env']): string {
  return nonEmpty(env['TSCOMPOSE_RUN_ROOT']) ?? defaultRunRoot;
}

export function stateRootOf(env: AddressRequest['env']): string {
  return nonEmpty(env['TSCOMPOSE_STATE_ROOT']) ?? defaultStateRoot;
}

export function resolveAddress(request: AddressRequest): EngineAddress {
  const embeddedUrl = `unix://${runRootOf(request.env)}/engine.sock`;
  const chosen =
    fromFlag(request, embeddedUrl) ?? fromEnvironment(request) ?? fromContext(request) ?? null;
  if (chosen === null) {
    const reason = 'no --host, DOCKER_HOST or docker context is set';
    return { isEmbedded: true, url: embeddedUrl, reason };
  }
  // Somebody who exports DOCKER_HOST for the docker CLI's sake still means the engine that we may start.
  return { ...chosen, isEmbedded: chosen.url === embeddedUrl };
}

type Choice = Omit<EngineAddress, 'isEmbedded'>;

function fromFlag({ host }: AddressRequest, embeddedUrl: string): Choice | null {
  if (host === undefined) return null;
  if (host === '') throw new CliError('--host is empty', { hint: hostHint });
  if (host === embeddedWord) return { url: embeddedUrl, reason: '--host embedded is given' };
  return { url: checkScheme(host, '--host'), reason: '--host is given' };
}

function fromEnvironment({ env }: AddressRequest): Choice | null {
  const host = nonEmpty(env['DOCKER_HOST']);
  if (host === undefined) return null;
  return { url: checkScheme(host, 'DOCKER_HOST'), reason: 'DOCKER_HOST is set' };
}

function fromContext(request: AddressRequest): Choice | null {
  const { env, home, readFile, sha256 } = request;
  const directory = nonEmpty(env['DOCKER_CONFIG']) ?? `${home}/.docker`;
  const fromVariable = nonEmpty(env['DOCKER_CONTEXT']);
  const name = fromVariable ?? currentContext(readFile(`${directory}/config.json`));
  // "default" is Docker's name for "no context is selected".
  if (name === undefined || name === 'default') return null;

  const source = fromVariable === undefined ? `${directory}/config.json` : 'DOCKER_CONTEXT';
  const path = `${directory}/contexts/meta/${sha256(name)}/meta.json`;
  const text = readFile(path);
  if (text === null) {
    throw new CliError(`docker context "${name}", selected by ${source}, does not exist`, {
      hint: 'select another with `docker context use`, or name an engine with --host',
    });
  }
  const url = contextHost(text);
  if (url === undefined) {
    throw new CliError(`docker context "${name}" names no engine address in ${path}`, {
      hint: hostHint,
    });
  }
  return {
    url: checkScheme(url, `docker context "${name}"`),
    reason: `docker context "${name}" is selected by ${source}`,
  };
}

const hostHint = 'give an address like unix:///run/docker.sock, or `embedded`';

function checkScheme(address: string, source: string): string {
  if (/^(unix|tcp|https?|ssh):\/\/./u.test(address)) return address;
  throw new CliError(`${source} is no engine address: "${address}"`, { hint: hostHint });
}

function currentContext(config: string | null): string | undefined {
  const value = config === null ? undefined : field(parseJson(config), 'currentContext');
  return typeof value === 'string' ? nonEmpty(value) : undefined;
}

function contextHost(meta: string): string | undefined {
  const host = field(field(field(parseJson(meta), 'Endpoints'), 'docker'), 'Host');
  return typeof host === 'string' ? nonEmpty(host) : undefined;
}

/** A configuration file of another program: one that is not JSON selects nothing. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Record<string, unknown>)[key];
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
