import {
  copyTree,
  type EntrySpans,
  isList,
  isMap,
  moveEntry,
  newMap,
  type Path,
  pushItem,
  setKey,
  type Span,
  spanOf,
  spansAt,
  type TreeMap,
  type TreeValue,
  newList,
} from './tree.ts';
import { placeOf } from '../schema/validate.ts';
import type { PathTable } from './tree-path.ts';
import type { Findings } from './findings.ts';

/** How two values of one attribute become one; both are there and not null. */
export type MergeRule = (base: TreeValue, over: TreeValue, scope: MergeScope) => TreeValue;

export interface MergeScope {
  readonly path: Path;
  readonly findings: Findings;
  /** Path → special merge; what it does not name is merged generically. */
  readonly rules: PathTable<MergeRule>;
  /** What holds the two values, under the last step of the path. */
  readonly holders?: { readonly base: TreeMap; readonly over: TreeMap };
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
    const at = { ...scope, path: [...scope.path, key], holders: { base: result, over } };
    if (before === undefined) moveEntry(over, result, key);
    else {
      const merged = mergeValues(before, value, at);
      // What stays as it was keeps its position.
      if (merged !== before)
        setKey(result, [key, merged], overriding(spansAt(over, key), result, key));
    }
  }
  return result;
}

/** A single value that takes another's place remembers where that one stood, for errors. */
function overriding(spans: EntrySpans, base: TreeMap, key: string): EntrySpans {
  if (spans.value === null || typeof base[key] === 'object') return spans;
  return { key: spans.key, value: { ...spans.value, overrides: spansAt(base, key).value } };
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
  // A single value gives way to anything; the schema says whether that may stand there.
  if (typeof base === 'object') {
    reportShapes(base, over, scope);
    return base;
  }
  return over;
}

/** Two files that disagree: the later one is shown, and where the earlier one says otherwise. */
function reportShapes(base: TreeValue, over: TreeValue, scope: MergeScope): void {
  const { holders, path } = scope;
  const key = String(path.at(-1));
  const spanIn = (holder: TreeMap | undefined, value: TreeValue): Span | null =>
    holder === undefined ? spanOf(value) : spansAt(holder, key).value;
  scope.findings.error(
    'conflicting-attributes',
    `${placeOf(path)} cannot be merged: it is ${shape(over)} here and was ${shape(base)} before`,
    {
      path,
      span: spanIn(holders?.over, over) ?? spanIn(holders?.base, base),
      related: [{ message: `${shape(base)} at`, span: spanIn(holders?.base, base) }],
      hint: 'use the same form in both places, or "!override" to replace what was before',
    },
  );
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
