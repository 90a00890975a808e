import { appendLists, mergeGeneric, type MergeRule } from './merge.ts';
import { Site } from './site.ts';
import {
  toBuild,
  toDependencyMap,
  toServiceModels,
  toServiceNetworks,
  toSsh,
} from './short-syntax/references.ts';
import { toSortedHosts } from './short-syntax/hosts.ts';
import { type Rule, toLabels, toVariables } from './short-syntax/values.ts';
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
    toVariables(value, new Site(scope.path, spanOf(value), scope.findings)),
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

let table: PathTable<MergeRule> | undefined;

/** Path → special merge (compose-spec 13-merge.md). */
export function mergeRules(): PathTable<MergeRule> {
  table ??= new PathTable<MergeRule>([
    ...service(replace, ['command', 'entrypoint', 'healthcheck.test', 'ulimits.*']),
    ...service(mergeVariables, ['environment', 'build.args']),
    ...service(inForm(toLabels), [
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
    ['networks.*.labels', inForm(toLabels)],
    ['volumes.*.labels', inForm(toLabels)],
    ['secrets.*.labels', inForm(toLabels)],
    ['configs.*.labels', inForm(toLabels)],
  ]);
  return table;
}
