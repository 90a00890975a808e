/**
 * The tree: a document before it is typed, as plain values that remember where they were written.
 * Maps have no prototype, so a key called "__proto__" is a key. Positions hang on the identity of maps
 * and lists; a scalar's position is kept by the map or list that holds it.
 */

export type Scalar = string | number | boolean | null;
export type TreeValue = Scalar | TreeMap | TreeList;
export interface TreeMap {
  [key: string]: TreeValue;
}
export type TreeList = TreeValue[];
export type Path = readonly (string | number)[];

/** A file's text, kept for excerpts. */
export interface Source {
  /** Absolute, or "-" for standard input. */
  readonly file: string;
  /** As shown to the user. */
  readonly shown: string;
  readonly text: string;
}

/** Half-open range of offsets into a source. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  /** Where the value stood that this one took the place of, in a file merged before. */
  readonly overrides?: Span | null;
}

interface Origin {
  span: Span | null;
  entries: Map<string | number, Spans> | null;
}

/** Makes what it is given, so that a class that extends it adds its private field to that. */
const Given = function (holder: object): object {
  return holder;
} as unknown as new (holder: object) => object;

/**
 * Hangs the origin on a map or list, unseen by whoever looks at its keys. A WeakMap does the same, and with twenty
 * thousand holders the garbage collector takes longer for it than everything else in loading does.
 */
class Stamp extends Given {
  readonly #origin: Origin = { span: null, entries: null };

  static get(holder: object): Origin | undefined {
    return #origin in holder ? holder.#origin : undefined;
  }
}

function originOf(holder: TreeMap | TreeList): Origin {
  const known = Stamp.get(holder);
  if (known !== undefined) return known;
  return Stamp.get(new Stamp(holder)) ?? { span: null, entries: null };
}

export function isMap(value: TreeValue | undefined): value is TreeMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: TreeValue | undefined): value is TreeList {
  return Array.isArray(value);
}

export function newMap(span: Span | null = null): TreeMap {
  const map = Object.create(null) as TreeMap;
  originOf(map).span = span;
  return map;
}

export function newList(items: readonly TreeValue[] = [], span: Span | null = null): TreeList {
  const list = [...items];
  originOf(list).span = span;
  return list;
}

/** A map of constants, all of it written where `span` is. */
export function mapOf(entries: Readonly<Record<string, TreeValue>>, span: Span | null): TreeMap {
  const map = newMap(span);
  for (const [key, value] of Object.entries(entries)) map[key] = value;
  return map;
}

export interface Spans {
  readonly key?: Span | null | undefined;
  readonly value?: Span | null | undefined;
}

/** Both spans of an entry, null where it was not written. */
export interface EntrySpans {
  readonly key: Span | null;
  readonly value: Span | null;
}

export function setKey(
  map: TreeMap,
  [key, value]: readonly [string, TreeValue],
  spans: Spans = {},
): void {
  map[key] = value;
  const origin = originOf(map);
  if (spans.key || spans.value) (origin.entries ??= new Map()).set(key, spans);
  else origin.entries?.delete(key);
}

export function pushItem(list: TreeList, value: TreeValue, span: Span | null): void {
  if (span) (originOf(list).entries ??= new Map()).set(list.length, { value: span });
  list.push(value);
}

/** Spans of an entry, for handing to setKey or pushItem when it moves to another holder. */
export function spansAt(holder: TreeMap | TreeList, key: string | number): EntrySpans {
  const origin = Stamp.get(holder);
  const spans = origin?.entries?.get(key);
  if (spans?.key && spans.value) return spans as EntrySpans;
  const own = Array.isArray(holder) ? holder[key as number] : holder[key];
  return {
    key: spans?.key ?? null,
    value: spans?.value ?? spanOf(own) ?? origin?.span ?? null,
  };
}

/** Where a map or list as a whole was written. */
export function spanOf(value: TreeValue | undefined): Span | null {
  if (typeof value !== 'object' || value === null) return null;
  return Stamp.get(value)?.span ?? null;
}

export function moveEntry(from: TreeMap, to: TreeMap, key: string): void {
  setKey(to, [key, from[key] ?? null], spansAt(from, key));
}

/** A new map with every value replaced; keys and positions stay. */
export function mapValues(
  map: TreeMap,
  change: (value: TreeValue, key: string) => TreeValue,
): TreeMap {
  const result = newMap(spanOf(map));
  for (const key of Object.keys(map)) {
    setKey(result, [key, change(map[key] ?? null, key)], spansAt(map, key));
  }
  return result;
}

/** A new list; one item may become several, or none. */
export function flatMapItems(
  list: TreeList,
  change: (value: TreeValue, index: number) => readonly TreeValue[],
): TreeList {
  const result = newList([], spanOf(list));
  list.forEach((item, index) => {
    for (const value of change(item, index)) {
      pushItem(result, value, spansAt(list, index).value);
    }
  });
  return result;
}

/** Deep copy with positions. */
export function copyTree<T extends TreeValue>(value: T): T {
  if (isList(value)) return flatMapItems(value, (item) => [copyTree(item)]) as T;
  if (isMap(value)) return mapValues(value, copyTree) as T;
  return value;
}

export function getAt(root: TreeValue, path: Path): TreeValue | undefined {
  let value: TreeValue | undefined = root;
  for (const step of path) {
    if (isList(value)) value = value[Number(step)];
    else if (isMap(value)) value = value[String(step)];
    else return undefined;
  }
  return value;
}

/** Spans of the last step that the user wrote, walking down as far as anything was written. */
export function spansOfPath(root: TreeValue, path: Path): EntrySpans {
  let holder: TreeValue | undefined = root;
  let found: EntrySpans = { key: null, value: spanOf(root) };
  for (const step of path) {
    if (!isMap(holder) && !isList(holder)) break;
    const key = isList(holder) ? Number(step) : String(step);
    const spans = spansAt(holder, key);
    const next: TreeValue | undefined = isList(holder)
      ? holder[Number(step)]
      : holder[String(step)];
    if (next === undefined) break;
    if (spans.value ?? spans.key)
      found = { key: spans.key ?? spans.value, value: spans.value ?? spans.key };
    holder = next;
  }
  return found;
}
