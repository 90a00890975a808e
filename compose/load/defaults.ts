import { toTextLists } from './short-syntax/values.ts';
import { type Level, PathTable } from './tree-path.ts';
import {
  isList,
  isMap,
  setKey,
  spansAt,
  type TreeList,
  type TreeMap,
  type TreeValue,
} from './tree.ts';

/** What a value becomes, or what is written into it. */
type Fill = (value: TreeValue) => TreeValue;

/** Absent keys of a mapping and what they mean. */
function absent(fallbacks: Readonly<Record<string, TreeValue>>): Fill {
  return (value) => {
    if (!isMap(value)) return value;
    for (const [key, fallback] of Object.entries(fallbacks)) {
      // Named devices are counted by their names.
      const isCounted = key === 'count' && 'device_ids' in value;
      if (value[key] === undefined && !isCounted) value[key] = fallback;
    }
    return value;
  };
}

function secretTarget(secret: TreeValue): TreeValue {
  if (!isMap(secret)) return secret;
  const { source, target } = secret;
  if (target === undefined && typeof source === 'string') {
    secret['target'] = `/run/secrets/${source}`;
  }
  return secret;
}

/** Path → what is implied there. */
const defaults = new PathTable<Fill>([
  ['services.*.build', absent({ context: '.' })],
  ['services.*.ports.[]', absent({ mode: 'ingress', protocol: 'tcp' })],
  ['services.*.deploy.resources.reservations.devices.[]', absent({ count: -1 })],
  ['services.*.gpus.[]', absent({ count: -1 })],
  ['services.*.secrets.[]', secretTarget],
  // A form of the finished project: while files are merged, a single value is replaced and a list is added to.
  ['services.*.provider.options', toTextLists],
]);

/** Writes implicit defaults out, in place. */
export function setDefaults(root: TreeMap): void {
  visit(root, defaults.root);
}

function visit(holder: TreeMap | TreeList, rules: Level<Fill>): void {
  for (const key of isList(holder) ? holder.keys() : Object.keys(holder)) {
    const below = rules.at(key);
    if (below === null) continue;
    const value = (isList(holder) ? holder[Number(key)] : holder[String(key)]) ?? null;
    const filled = below.value === undefined ? value : below.value(value);
    if (filled !== value && isMap(holder)) {
      setKey(holder, [String(key), filled], spansAt(holder, key));
    }
    if (isMap(filled) || isList(filled)) visit(filled, below);
  }
}
