/**
 * The part of compose/'s Host that answers for compose files elsewhere. Loading is synchronous and fetching is not: what
 * is asked for and not here yet is noted, fetched between two loads, and answered the next time.
 */
import { realpathSync } from 'node:fs';
import { sep } from 'node:path';
import {
  type FileRead,
  type GitReference,
  type Host,
  type OciReference,
  type RemoteRead,
  shownReference,
} from '../../compose/index.ts';
import { CliError } from '../cli-error.ts';

/** A compose file that came from elsewhere. */
export interface RemoteSource {
  /** As it was written, without a password. */
  readonly shown: string;
  /** What exactly was fetched: `commit 463c6e…`, `sha256:…`. */
  readonly identity: string;
  /** Root of the fetched files on this machine. */
  readonly directory: string;
  /** The compose file below it. */
  readonly file: string;
}

export type FetchResult =
  | {
      readonly kind: 'fetched';
      readonly source: RemoteSource;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'failed'; readonly reason: string; readonly hint?: string };

export type Fetch = (reference: GitReference | OciReference, text: string) => Promise<FetchResult>;

/** How deep compose files elsewhere may name others elsewhere, and how many there may be in all. */
const maxRounds = 10;
const maxReferences = 100;

export class Remotes {
  readonly #env: Host['environment'];
  readonly #results = new Map<string, FetchResult>();
  readonly #pending = new Map<string, GitReference | OciReference>();
  readonly #texts = new Map<string, string>();

  constructor(env: Host['environment']) {
    this.#env = env;
  }

  /** Fetched so far, in the order of their first use. */
  get sources(): readonly RemoteSource[] {
    return [...this.#results.values()].flatMap((result) =>
      result.kind === 'fetched' ? [result.source] : [],
    );
  }

  get warnings(): readonly string[] {
    return [...this.#results.values()].flatMap((result) =>
      result.kind === 'fetched' ? result.warnings : [],
    );
  }

  /** What was read of them, for telling which variables they use. */
  get texts(): readonly string[] {
    return [...this.#texts.values()];
  }

  source(text: string): RemoteSource | undefined {
    const result = this.#results.get(text);
    return result?.kind === 'fetched' ? result.source : undefined;
  }

  /** The host with answers for references elsewhere, and with the files that came from there kept to themselves. */
  extend(host: Host): Host {
    let stdin: string | undefined;
    return {
      ...host,
      // A second load must see what the first has read.
      readStdin: () => (stdin ??= host.readStdin()),
      readFile: (path) => this.#readFile(path, host),
      remote: (text, reference) => this.#answer(text, reference),
    };
  }

  /** Loads until nothing more is to be fetched. */
  async settle<T>(load: () => T, fetch: () => Promise<Fetch>): Promise<T> {
    for (let round = 0; round < maxRounds; round += 1) {
      let outcome: { readonly value: T } | { readonly error: unknown };
      try {
        outcome = { value: load() };
      } catch (error) {
        outcome = { error };
      }
      if (this.#pending.size === 0) {
        if ('error' in outcome) throw outcome.error;
        return outcome.value;
      }
      await this.#fetchPending(await fetch());
    }
    throw new CliError(`compose files elsewhere name others more than ${maxRounds} deep`, {
      hint: `the last was ${shownReference([...this.#results.keys()].at(-1) ?? '')}`,
    });
  }

  async #fetchPending(fetch: Fetch): Promise<void> {
    const wanted = [...this.#pending];
    if (this.#results.size + wanted.length > maxReferences) {
      throw new CliError(`the project names more than ${maxReferences} compose files elsewhere`);
    }
    const fetched = await Promise.all(
      wanted.map(async ([text, reference]) => [text, await fetch(reference, text)] as const),
    );
    for (const [text, result] of fetched) {
      this.#results.set(text, result);
      this.#pending.delete(text);
    }
  }

  #answer(text: string, reference: GitReference | OciReference): RemoteRead {
    const off = switchedOff(reference.kind, this.#env);
    if (off !== null) return off;
    const result = this.#results.get(text);
    if (result === undefined) {
      this.#pending.set(text, reference);
      return { kind: 'pending' };
    }
    return result.kind === 'fetched' ? { kind: 'fetched', file: result.source.file } : result;
  }

  /** No link in what was fetched leads out of it, whoever asks for the file and however its name was put together. */
  #readFile(path: string, host: Host): FileRead {
    const root = this.sources.find(({ directory }) => isBelow(path, directory))?.directory;
    if (root === undefined) return host.readFile(path);
    if (!staysBelow(path, root)) {
      return { kind: 'failed', reason: 'a symbolic link leads out of what was fetched' };
    }
    const read = host.readFile(path);
    if (read.kind === 'text') this.#texts.set(path, read.text);
    return read;
  }
}

export function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root + sep);
}

/** True also for what does not exist: reading it will say so. */
export function staysBelow(path: string, root: string): boolean {
  try {
    return isBelow(realpathSync(path), realpathSync(root));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return true;
    if (code === 'ELOOP' || code === 'EACCES') return false;
    throw error;
  }
}

const switches = {
  git: 'COMPOSE_EXPERIMENTAL_GIT_REMOTE',
  oci: 'COMPOSE_EXPERIMENTAL_OCI_REMOTE',
} as const;

function switchedOff(kind: 'git' | 'oci', env: Host['environment']): RemoteRead | null {
  const name = switches[kind];
  const value = env[name] ?? '';
  if (value === '' || /^(1|t|T|TRUE|true|True)$/.test(value)) return null;
  const what = kind === 'git' ? 'git repositories' : 'OCI artifacts';
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) {
    return { kind: 'failed', reason: `compose files from ${what} are disabled by "${name}"` };
  }
  return { kind: 'failed', reason: `${name} is "${value}", which is neither true nor false` };
}
