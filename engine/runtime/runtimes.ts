/**
 * Which runtimes can make a sandbox: our shim, OCI runtimes that are found where distributions install them, and those
 * that the engine's configuration names. Never one that an image, a request or an environment points to: whatever is
 * run here runs as the engine does.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../api/index.ts';

/** An OCI runtime's command. */
export interface ForeignRuntime {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Before everything else that it is given. */
  readonly args: readonly string[];
}

/** Of the engine's configuration, in the form of dockerd's. */
export type RuntimeSettings = Readonly<
  Record<string, { readonly path: string; readonly runtimeArgs?: readonly string[] }>
>;

export const ownRuntime = 'tscompose';
/** Docker's own, by its old name and by that of containerd's shim for it. */
const dockersOwn = 'runc';
const aliases: Readonly<Record<string, string>> = {
  '': ownRuntime,
  'io.containerd.runc.v2': ownRuntime,
};
const knownNames = ['crun', 'runc'];
const directories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export class Runtimes {
  readonly #settings: RuntimeSettings;
  readonly #directories: readonly string[];

  /** Throws EngineError for settings that cannot be. */
  constructor(settings: RuntimeSettings = {}, searched: readonly string[] = directories) {
    for (const [name, { path }] of Object.entries(settings)) checkSetting(name, path);
    this.#settings = settings;
    this.#directories = searched;
  }

  /** By name, as they are now: one may be installed while the engine runs. */
  list(): readonly ForeignRuntime[] {
    const found = knownNames.flatMap((name) => this.#search(name) ?? []);
    const configured = Object.entries(this.#settings).map(([name, { path, runtimeArgs = [] }]) => ({
      ...{ name, path, args: runtimeArgs },
    }));
    const byName = new Map([...found, ...configured].map((runtime) => [runtime.name, runtime]));
    return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** null is our own. Throws EngineError `invalid-argument`, in Docker's words, for a name that is none. */
  find(written: string | undefined): ForeignRuntime | null {
    const name = aliases[written ?? ''] ?? written ?? ownRuntime;
    if (name === ownRuntime) return null;
    const runtimes = this.list();
    const found = runtimes.find((runtime) => runtime.name === name);
    if (found !== undefined) return found;
    // Clients repeat what dockerd calls its default; where there is no runc it means ours.
    if (name === dockersOwn) return null;
    const names = [ownRuntime, ...runtimes.map((runtime) => runtime.name)];
    throw new EngineError('invalid-argument', `unknown or invalid runtime name: ${name}`, {
      hint: `there are: ${names.join(', ')}; others can be named in the engine's configuration`,
    });
  }

  #search(name: string): ForeignRuntime | null {
    const path = this.#directories.map((directory) => join(directory, name)).find(isProgram);
    return path === undefined ? null : { name, path, args: [] };
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function checkSetting(name: string, path: string): void {
  const reserved = [ownRuntime, ...Object.keys(aliases)];
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/.test(name) || reserved.includes(name)) {
    throw new EngineError(
      'invalid-argument',
      `runtime name ${JSON.stringify(name)} is reserved or invalid`,
    );
  }
  if (!path.startsWith('/') || path.includes('\0') || path.split('/').includes('..')) {
    throw new EngineError(
      'invalid-argument',
      `the path of runtime "${name}" is not absolute: ${JSON.stringify(path)}`,
    );
  }
}
