/**
 * Answers compared with dockerd's by key path and JSON type. The recorded shapes are facts in the project's shared
 * directory, beside the repository; without it the comparison is skipped.
 */
import { existsSync, readFileSync } from 'node:fs';

/** `State.Health.Log[].Start` → `['string']`; `*` stands for keys that are data. */
export type Shape = Readonly<Record<string, readonly string[]>>;

export interface RecordedAnswer {
  readonly status: number;
  readonly shape: Shape;
}

const recordedPath = new URL(
  '../../../shared/conformance/engine-shapes/golden.json',
  import.meta.url,
).pathname;

/** Null where the recording is not at hand. */
export function readRecordedShapes(): Readonly<Record<string, RecordedAnswer>> | null {
  if (!existsSync(recordedPath)) return null;
  return JSON.parse(readFileSync(recordedPath, 'utf8')) as Record<string, RecordedAnswer>;
}

export interface ShapeDifferences {
  /** Recorded, and not in the answer at all although what holds it is. */
  readonly missing: readonly string[];
  /** In the answer with a type that dockerd never sent. */
  readonly mistyped: readonly string[];
  /** In the answer only. */
  readonly surplus: readonly string[];
}

export function compareShape(answer: unknown, { shape }: RecordedAnswer): ShapeDifferences {
  const found = new Map<string, Set<string>>();
  collect(answer, { path: '', shape, found });
  const missing = Object.keys(shape).filter((path) => {
    const parent = parentOf(path);
    const holder = found.get(parent);
    // Keys of data, list items, and what stands below a null or an empty list cannot be missing.
    if (path === '' || /(\*|\[\])$/.test(path)) return false;
    return !found.has(path) && holder?.has('object') === true;
  });
  const entries = [...found];
  return {
    missing,
    mistyped: entries
      .filter(([path, types]) => shape[path] !== undefined && !isSubset(types, shape[path]))
      .map(
        ([path, types]) => `${path}: ${[...types].join('|')}, not ${(shape[path] ?? []).join('|')}`,
      ),
    surplus: entries.map(([path]) => path).filter((path) => shape[path] === undefined),
  };
}

interface Walk {
  readonly path: string;
  readonly shape: Shape;
  readonly found: Map<string, Set<string>>;
}

function collect(value: unknown, { path, shape, found }: Walk): void {
  const types = found.get(path) ?? new Set<string>();
  types.add(typeOf(value));
  found.set(path, types);
  if (Array.isArray(value)) {
    for (const item of value) collect(item, { path: `${path}[]`, shape, found });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, entry] of Object.entries(value)) {
      collect(entry, { path: childPath(path, key, shape), shape, found });
    }
  }
}

function childPath(path: string, key: string, shape: Shape): string {
  const prefix = path === '' ? '' : `${path}.`;
  return `${prefix}*` in shape ? `${prefix}*` : `${prefix}${key}`;
}

/** Keys that hold dots stand below `*` only, so the last dot or bracket ends the parent. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('.'), 0));
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Null is Go's nil list, map or pointer, which it sends for "none" in some states and not in others. */
function isSubset(types: ReadonlySet<string>, allowed: readonly string[]): boolean {
  return [...types].every(
    (type) =>
      allowed.includes(type) || type === 'null' || (allowed.length === 1 && allowed[0] === 'null'),
  );
}
