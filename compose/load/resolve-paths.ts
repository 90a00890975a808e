import { posix } from 'node:path';
import { type Level, PathTable } from './tree-path.ts';
import { isList, isMap, setKey, spansAt, type TreeList, type TreeMap } from './tree.ts';

export interface PathBase {
  readonly directory: string;
  /** null: `~` stays as written. */
  readonly home: string | null;
}

type Resolve = (text: string, base: PathBase, holder: TreeMap | TreeList) => string;

export function resolvePath(text: string, { directory, home }: PathBase): string {
  // Also "~name", which a shell would look up: docker compose knows one home only.
  if (home !== null && text.startsWith('~')) return posix.join(home, text.slice(1));
  if (/^([A-Za-z]:)?\\/.test(text) || /^[A-Za-z]:\//.test(text)) return text;
  const path = posix.isAbsolute(text) ? text : posix.resolve(directory, text);
  return path;
}

/** An empty path is the project directory itself. */
const always: Resolve = (text, base) => resolvePath(text, base);

const unlessEmpty: Resolve = (text, base) => (text === '' ? text : resolvePath(text, base));

/** Git and archive URLs, other services, images are no paths. */
const unlessUrl: Resolve = (text, base) => {
  if (/:\/\/|^(git@|github\.com\/|service:)/.test(text) || text === '') return text;
  // A drive of another system means nothing to a build on this one.
  if (text.startsWith('~')) return resolvePath(text, base);
  return posix.isAbsolute(text) ? text : posix.resolve(base.directory, text);
};

const bindSource: Resolve = (text, base, holder) =>
  isMap(holder) && holder['type'] === 'bind' ? always(text, base, holder) : text;

/** Path → what of it is relative to the project directory. */
const rules = new PathTable<Resolve>([
  ['services.*.build.context', unlessUrl],
  ['services.*.build.additional_contexts.*', unlessUrl],
  ['services.*.build.ssh.[]', (text, base) => sshPath(text, base)],
  ['services.*.env_file.[].path', unlessEmpty],
  ['services.*.label_file.[]', unlessEmpty],
  ['services.*.extends.file', unlessEmpty],
  ['services.*.develop.watch.[].path', unlessEmpty],
  ['services.*.volumes.[].source', bindSource],
  ['configs.*.file', always],
  ['secrets.*.file', always],
]);

function sshPath(text: string, base: PathBase): string {
  const at = text.indexOf('=');
  return at === -1 ? text : `${text.slice(0, at)}=${always(text.slice(at + 1), base, [])}`;
}

/** Makes paths absolute, in place. */
export function resolvePaths(root: TreeMap, base: PathBase): void {
  visit(root, rules.root, base);
  const { volumes } = root;
  for (const volume of isMap(volumes) ? Object.values(volumes) : []) {
    if (isMap(volume)) resolveDevice(volume, base);
  }
}

/** Volumes that mount a directory of the host, where they name the driver that does so. */
function resolveDevice({ driver, driver_opts: options }: TreeMap, base: PathBase): void {
  if (driver !== 'local' || !isMap(options) || options['o'] !== 'bind') return;
  const { device } = options;
  if (typeof device !== 'string') return;
  setKey(options, ['device', resolvePath(device, base)], spansAt(options, 'device'));
}

function visit(holder: TreeMap | TreeList, rules: Level<Resolve>, base: PathBase): void {
  const keys = isList(holder) ? [...holder.keys()] : Object.keys(holder);
  for (const key of keys) {
    const below = rules.at(key);
    if (below === null) continue;
    const value = isList(holder) ? holder[Number(key)] : holder[String(key)];
    if (isMap(value) || isList(value)) visit(value, below, base);
    else if (typeof value === 'string' && below.value !== undefined) {
      const resolved = below.value(value, base, holder);
      if (isList(holder)) holder[Number(key)] = resolved;
      else setKey(holder, [String(key), resolved], spansAt(holder, key));
    }
  }
}
