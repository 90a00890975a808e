import { appendLists, mergeGeneric, type MergeRule } from './merge.ts';
import type { LoadRequest } from './request.ts';
import { Site } from './site.ts';
import {
  toBuild,
  toDependencyMap,
  toServiceModels,
  toServiceNetworks,
  toSsh,
} from './short-syntax/references.ts';
import { toSortedHosts } from './short-syntax/hosts.ts';
import { type Rule, toLabels, toMergedVariables } from './short-syntax/values.ts';
import { PathTable } from './tree-path.ts';
import {
  isList,
  isMap,
  moveEntry,
  newList,
  pushItem,
  spanOf,
  spansAt,
  type TreeValue,
} from './tree.ts';
import { scalarText } from './yaml-scalars.ts';

/** A value of its own kind is not a second part of the first (compose-spec 13-merge.md#shell-commands). */
const replace: MergeRule = (_base, over) => over;

/** Both sides in the same form, then as maps. */
const inForm =
  (rule: Rule): MergeRule =>
  (base, over, scope) => {
    const [left, right] = [base, over].map((value) =>
      rule(value, new Site(scope.path, spanOf(value), scope.findings)),
    );
    return mergeGeneric(left ?? null, right ?? null, scope);
  };

const asList = (value: TreeValue): TreeValue[] => {
  if (isList(value)) return value;
  const list = newList([], spanOf(value));
  if (value !== null) pushItem(list, value, spanOf(value));
  return list;
};

const append: MergeRule = (base, over) => appendLists(asList(base), asList(over));

/** Options of two different drivers have nothing to do with each other. */
const mergeLogging: MergeRule = (base, over, scope) => {
  if (!isMap(base) || !isMap(over)) return mergeGeneric(base, over, scope);
  const isOther =
    over['driver'] !== undefined &&
    base['driver'] !== undefined &&
    over['driver'] !== base['driver'];
  return isOther ? over : mergeGeneric(base, over, scope);
};

/** A variable without a value asks for the caller's, also where a file before gave it one. */
const mergeVariables: MergeRule = (base, over, scope) => {
  const [left, right] = [base, over].map((value) =>
    toMergedVariables(value, new Site(scope.path, spanOf(value), scope.findings)),
  );
  const merged = mergeGeneric(left ?? null, right ?? null, scope);
  if (!isMap(right) || !isMap(merged)) return merged;
  for (const key of Object.keys(right)) if (right[key] === null) moveEntry(right, merged, key);
  return merged;
};

/** Pools are those of the later file; what it leaves open of a subnet, the earlier one says. */
const mergePools: MergeRule = (base, over, scope) => {
  if (!isList(base) || !isList(over)) return mergeGeneric(base, over, scope);
  const result = newList([], spanOf(over));
  const subnetOf = (pool: TreeValue): TreeValue | undefined =>
    isMap(pool) ? pool['subnet'] : undefined;
  over.forEach((pool, index) => {
    const before = base.find((other) => subnetOf(other) === subnetOf(pool));
    const merged = before === undefined ? pool : mergeGeneric(before, pool, scope);
    pushItem(result, merged, spansAt(over, index).value);
  });
  return result;
};

const service = (rule: MergeRule, names: readonly string[]): (readonly [string, MergeRule])[] =>
  names.map((name) => [`services.*.${name}`, rule]);

/** As `K=V` texts, which is what both forms have in common before anything is converted. */
const entriesOf = (value: TreeValue): TreeValue[] => {
  if (!isMap(value)) return asList(value);
  return Object.keys(value)
    .sort()
    .map((key) => {
      const item = value[key];
      return item === null || typeof item === 'object' || item === undefined
        ? key
        : `${key}=${scalarText(item)}`;
    });
};

/** Later entries take the place of earlier ones with their key. */
const mergeEntries: MergeRule = (base, over) => {
  const byKey = new Map<string, TreeValue>();
  for (const entry of [...entriesOf(base), ...entriesOf(over)]) {
    const text = typeof entry === 'object' ? '' : scalarText(entry);
    byKey.set(text.split('=', 1)[0] ?? '', entry);
  }
  return newList([...byKey.values()], spanOf(over) ?? spanOf(base));
};

interface EntryRules {
  readonly variables: MergeRule;
  readonly labels: MergeRule;
}

let canonicalTable: PathTable<MergeRule> | undefined;
let typedTable: PathTable<MergeRule> | undefined;

/** Path → special merge (compose-spec 13-merge.md). Without interpolation entries stay the texts that they are. */
export function mergeRules({ skip }: Pick<LoadRequest, 'skip'>): PathTable<MergeRule> {
  if (skip?.interpolation === true) {
    return (typedTable ??= tableOf({ variables: mergeEntries, labels: mergeEntries }));
  }
  return (canonicalTable ??= tableOf({ variables: mergeVariables, labels: inForm(toLabels) }));
}

function tableOf({ variables, labels }: EntryRules): PathTable<MergeRule> {
  return new PathTable<MergeRule>([
    ...service(replace, ['command', 'entrypoint', 'healthcheck.test', 'ulimits.*']),
    ...service(variables, ['environment', 'build.args']),
    ...service(labels, [
      'annotations',
      'build.additional_contexts',
      'build.labels',
      'deploy.labels',
      'labels',
      'sysctls',
    ]),
    ...service(append, ['dns', 'dns_opt', 'dns_search', 'env_file', 'label_file', 'tmpfs']),
    ...service(inForm(toSortedHosts), ['extra_hosts', 'build.extra_hosts']),
    ...service(inForm(toBuild), ['build']),
    ...service(inForm(toDependencyMap), ['depends_on']),
    ...service(inForm(toServiceModels), ['models']),
    ...service(inForm(toServiceNetworks), ['networks']),
    ...service(inForm(toSsh), ['build.ssh']),
    ...service(mergeLogging, ['logging']),
    ['networks.*.ipam.config', mergePools],
    ['networks.*.labels', labels],
    ['volumes.*.labels', labels],
    ['secrets.*.labels', labels],
    ['configs.*.labels', labels],
  ]);
}
