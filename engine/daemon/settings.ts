/** The engine's configuration: a file of JSON in the state root that the host's administrator may write. */
import { readFile } from 'node:fs/promises';
import { EngineError } from '../api/index.ts';
import type { RuntimeSettings } from '../runtime/index.ts';

export interface Settings {
  /** OCI runtimes by name, as dockerd's daemon.json has them. */
  readonly runtimes: RuntimeSettings;
}

/** No file is no configuration. Throws EngineError for one that is wrong: an engine must not guess what was meant. */
export async function readSettings(path: string): Promise<Settings> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { runtimes: {} };
    throw error;
  }
  return parseSettings(text, path);
}

export function parseSettings(text: string, path: string): Settings {
  const wrong = (what: string, cause?: unknown): EngineError =>
    new EngineError('invalid-argument', `"${path}": ${what}`, { cause });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw wrong('this is no JSON', error);
  }
  if (!isMap(parsed)) throw wrong('an object is expected');
  const { runtimes = {}, ...others } = parsed;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw wrong(`unknown setting "${unknown}"`);
  if (!isMap(runtimes)) throw wrong('"runtimes" is no object');
  for (const [name, runtime] of Object.entries(runtimes)) {
    if (!isRuntime(runtime)) {
      throw wrong(`runtime "${name}" needs a "path", and may have "runtimeArgs", a list of texts`);
    }
  }
  return { runtimes: runtimes as RuntimeSettings };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRuntime(value: unknown): boolean {
  if (!isMap(value)) return false;
  const { path, runtimeArgs = [], ...others } = value;
  const hasArgs = Array.isArray(runtimeArgs) && runtimeArgs.every((arg) => typeof arg === 'string');
  return typeof path === 'string' && hasArgs && Object.keys(others).length === 0;
}
