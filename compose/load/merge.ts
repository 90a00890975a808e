import {
  copyTree,
  isList,
  isMap,
  moveEntry,
  newMap,
  type Path,
  pushItem,
  setKey,
  spanOf,
  spansAt,
  type TreeMap,
  type TreeValue,
  newList,
} from './tree.ts';
import { type PathTable, printPath } from './tree-path.ts';
import type { Findings } from './findings.ts';

/** How two values of one attribute become one; both are there and not null. */
export type MergeRule = (base: TreeValue, over: TreeValue, scope: MergeScope) => TreeValue;

export interface MergeScope {
  readonly path: Path;
  readonly findings: Findings;
  /** Path → special merge; what it does not name is merged generically. */
  readonly rules: PathTable<MergeRule>;
}

/** Merges a file onto the ones before it: mappings key by key, sequences appended, the rest replaced. */
export function merge(base: TreeMap, over: TreeMap, scope: Omit<MergeScope, 'path'>): TreeMap {
  return mergeMaps(base, over, { ...scope, path: [] });
}

export function mergeMaps(base: TreeMap, over: TreeMap, scope: MergeScope): TreeMap {
  const result = newMap(spanOf(over) ?? spanOf(base));
  for (const key of Object.keys(base)) moveEntry(base, result, key);
  for (const key of Object.keys(over)) {
    const value = over[key] ?? null;
    const before = result[key];
    const at = { ...scope, path: [...scope.path, key] };
    if (before === undefined) moveEntry(over, result, key);
    else {
      const merged = mergeValues(before, value, at);
      // What stays as it was keeps its position.
      if (merged !== before) setKey(result, [key, merged], spansAt(over, key));
    }
  }
  return result;
}

export function mergeValues(base: TreeValue, over: TreeValue, scope: MergeScope): TreeValue {
  const rule = scope.rules.match(scope.path);
  if (rule !== undefined) return rule(base, over, scope);
  return mergeGeneric(base, over, scope);
}

export function mergeGeneric(base: TreeValue, over: TreeValue, scope: MergeScope): TreeValue {
  if (over === null) return base;
  if (base === null) return over;
  if (isMap(base) && isMap(over)) return mergeMaps(base, over, scope);
  if (isList(base) && isList(over)) return appendLists(base, over);
  if (typeof base === 'object' || typeof over === 'object') {
    scope.findings.error(
      'conflicting-attributes',
      `cannot override ${printPath(scope.path)}: one file has ${shape(base)} and the other ${shape(over)}`,
      {
        path: scope.path,
        span: spanOf(over) ?? spanOf(base),
      },
    );
    return base;
  }
  return over;
}

function shape(value: TreeValue): string {
  if (isList(value)) return 'a list';
  return isMap(value) ? 'a mapping' : 'a single value';
}

export function appendLists(base: readonly TreeValue[], over: readonly TreeValue[]): TreeValue[] {
  const result = newList([], spanOf(over as TreeValue[]) ?? spanOf(base as TreeValue[]));
  for (const list of [base, over] as TreeValue[][]) {
    list.forEach((item, index) => {
      pushItem(result, copyTree(item), spansAt(list, index).value);
    });
  }
  return result;
}
