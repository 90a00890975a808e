import { toTextLists } from './short-syntax/values.ts';
import { PathTable } from './tree-path.ts';
import { isList, isMap, type Path, setKey, spansAt, type TreeMap, type TreeValue } from './tree.ts';

/** Path of a mapping → what its absent keys mean. */
const defaults = new PathTable<Readonly<Record<string, TreeValue>>>([
  ['services.*.build', { context: '.' }],
  ['services.*.ports.[]', { mode: 'ingress', protocol: 'tcp' }],
  ['services.*.deploy.resources.reservations.devices.[]', { count: -1 }],
  ['services.*.gpus.[]', { count: -1 }],
]);

/** Forms of the finished project: while files are merged, a single value is replaced and a list is added to. */
const forms = new PathTable<(value: TreeValue) => TreeValue>([
  ['services.*.provider.options', toTextLists],
]);

/** Writes implicit defaults out, in place. */
export function setDefaults(root: TreeMap): void {
  visit(root, []);
}

function visit(value: TreeValue, path: Path): void {
  if (isList(value)) {
    value.forEach((item, index) => {
      visit(item, [...path, index]);
    });
    return;
  }
  if (!isMap(value)) return;
  for (const [key, fallback] of Object.entries(defaults.match(path) ?? {})) {
    // Named devices are counted by their names.
    const isCounted = key === 'count' && 'device_ids' in value;
    if (value[key] === undefined && !isCounted) value[key] = fallback;
  }
  if (path.length === 4 && path[2] === 'secrets') setSecretTarget(value);
  for (const key of Object.keys(value)) {
    const form = forms.match([...path, key]);
    if (form) setKey(value, [key, form(value[key] ?? null)], spansAt(value, key));
    visit(value[key] ?? null, [...path, key]);
  }
}

function setSecretTarget(secret: TreeMap): void {
  const { source, target } = secret;
  if (target === undefined && typeof source === 'string') {
    secret['target'] = `/run/secrets/${source}`;
  }
}
