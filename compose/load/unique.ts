import { type Level, PathTable } from './tree-path.ts';
import {
  isList,
  isMap,
  newList,
  pushItem,
  setKey,
  spanOf,
  spansAt,
  type TreeMap,
  type TreeValue,
} from './tree.ts';
import { scalarText } from './yaml-scalars.ts';

/** What two items of a list must not share; null exempts an item. */
type KeyOf = (item: TreeValue) => string | null;

const keyBeforeEquals: KeyOf = (item) =>
  typeof item === 'object' ? null : (scalarText(item).split('=', 1)[0] ?? null);

const wholeText: KeyOf = (item) => (typeof item === 'object' ? null : scalarText(item));

const pathKey: KeyOf = (item) => (isMap(item) ? textOf(item, 'path') : wholeText(item));

const targetKey: KeyOf = (item) => {
  if (isMap(item)) return textOf(item, 'target');
  if (typeof item !== 'string') return null;
  const parts = item.split(':');
  return parts[1] ?? parts[0] ?? null;
};

const portKey: KeyOf = (item) => {
  if (!isMap(item)) return wholeText(item);
  const [address, published, target, protocol] = ['host_ip', 'published', 'target', 'protocol'].map(
    (key) => textOf(item, key) ?? '',
  );
  return `${address || '0.0.0.0'}:${published ?? ''}:${target ?? ''}/${protocol || 'tcp'}`;
};

/** Secrets and configs by where they end up. */
const fileKey =
  (prefix: string): KeyOf =>
  (item) => {
    if (!isMap(item)) return typeof item === 'string' ? `${prefix}/${item}` : null;
    return textOf(item, 'target') ?? `${prefix}/${textOf(item, 'source') ?? ''}`;
  };

function textOf(map: TreeMap, key: string): string | null {
  const value = map[key];
  return value === undefined || value === null || typeof value === 'object'
    ? null
    : scalarText(value);
}

const service = (key: KeyOf, paths: readonly string[]): (readonly [string, KeyOf])[] =>
  paths.map((path) => [`services.*.${path}`, key]);

/** Path → key that must be unique. The last item with a key takes the place of the first. */
const keys = new PathTable<KeyOf>([
  ...service(keyBeforeEquals, [
    'annotations',
    'build.additional_contexts',
    'build.args',
    'build.labels',
    'build.ssh',
    'build.tags',
    'cap_add',
    'cap_drop',
    'deploy.labels',
    'dns',
    'dns_opt',
    'dns_search',
    'environment',
    'labels',
    'links',
    'networks.*.aliases',
    'networks.*.link_local_ips',
    'profiles',
    'sysctls',
    'tmpfs',
  ]),
  ...service(wholeText, ['expose', 'extra_hosts', 'build.extra_hosts']),
  ...service(pathKey, ['env_file']),
  ...service(targetKey, ['devices', 'volumes']),
  ...service(portKey, ['ports']),
  ...service(fileKey(''), ['configs']),
  ...service(fileKey('/run/secrets'), ['secrets']),
  ['networks.*.labels', keyBeforeEquals],
  ['volumes.*.labels', keyBeforeEquals],
]);

/** Drops repetitions, in place. */
export function unique(root: TreeMap): void {
  visit(root, keys.root);
}

function visit(map: TreeMap, rules: Level<KeyOf>): void {
  for (const key of Object.keys(map)) {
    const value = map[key];
    const below = rules.at(key);
    if (below === null) continue;
    if (isMap(value)) visit(value, below);
    else if (isList(value)) {
      const kept = below.value && withoutRepetition(value, below.value);
      if (kept) setKey(map, [key, kept], spansAt(map, key));
    }
  }
}

function withoutRepetition(list: TreeValue[], keyOf: KeyOf): TreeValue[] | null {
  const last = new Map<string, number>();
  let repetitions = 0;
  list.forEach((item, index) => {
    const key = keyOf(item);
    if (key === null) return;
    if (last.has(key)) repetitions += 1;
    last.set(key, index);
  });
  if (repetitions === 0) return null;
  const seen = new Set<string>();
  const result = newList([], spanOf(list));
  list.forEach((item, index) => {
    const key = keyOf(item);
    if (key === null) pushItem(result, item, spansAt(list, index).value);
    else if (!seen.has(key)) {
      seen.add(key);
      const from = last.get(key) ?? index;
      pushItem(result, list[from] ?? null, spansAt(list, from).value);
    }
  });
  return result;
}
