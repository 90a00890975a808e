/** Values → nodes: the attributes of objects in the order of their shape, the keys of maps sorted. */
import { compareKeys } from './key-order.ts';
import type { RenderMap, RenderNode } from './node.ts';
import type { ObjectShape, Shape } from './shapes.ts';

/** What of the model a form shows, and how it sorts. */
export interface Dialect {
  readonly isJson: boolean;
  readonly compare: (left: string, right: string) => number;
  /** What an empty list is printed as. */
  readonly emptyList: readonly [] | null;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

export const yaml: Dialect = { isJson: false, compare: compareKeys, emptyList: [] };
export const typedJson: Dialect = { isJson: true, compare: compareText, emptyList: [] };
/** Of values whose type nothing declares: an empty list is none to the reference implementation. */
export const untypedJson: Dialect = { ...typedJson, emptyList: null };

type Model = Readonly<Record<string, unknown>>;

export function node(value: unknown, shape: Shape | null, dialect: Dialect): RenderNode {
  if (Array.isArray(value)) {
    if (value.length === 0) return dialect.emptyList;
    const item = shape?.kind === 'list' ? shape.of : null;
    return value.map((entry) => node(entry, item, dialect));
  }
  if (shape?.kind === 'object' && shape.quirks.isLimits === true) return limits(value, dialect);
  if (typeof value !== 'object' || value === null) return value as RenderNode;
  if (shape?.kind === 'object') return objectNode(value as Model, shape, dialect);
  const of = shape?.kind === 'map' ? shape.of : null;
  return mapNode(value as Model, dialect, (_key, item) => node(item, of, dialect));
}

export function mapNode(
  map: Model,
  dialect: Dialect,
  make: (key: string, value: unknown) => RenderNode,
): RenderMap {
  const result = new Map<string, RenderNode>();
  for (const key of Object.keys(map).sort(dialect.compare)) {
    if (map[key] !== undefined) result.set(key, make(key, map[key]));
  }
  return result;
}

function objectNode(map: Model, shape: ObjectShape, dialect: Dialect): RenderMap {
  const { order, quirks } = shape;
  const added = { ...quirks.always, ...(dialect.isJson && quirks.alwaysInJson) };
  const shown: Model = { ...added, ...map };
  const result = new Map<string, RenderNode>();
  for (const [key, of] of order) {
    const value = shown[key];
    if (value === undefined || (!dialect.isJson && isHollow(key, value))) continue;
    const isCapital = dialect.isJson && quirks.capitalisedInJson === true;
    result.set(isCapital ? capitalised(key) : key, node(value, of, dialect));
  }
  if (dialect.isJson || quirks.dropsExtensions === true) return result;
  const extensions = Object.keys(map).filter((key) => !order.has(key));
  for (const key of extensions.sort(dialect.compare)) {
    result.set(key, node(map[key], null, dialect));
  }
  return result;
}

/** A ulimit: one number for both limits, unless it is zero; JSON leaves zeros out. */
function limits(value: unknown, { isJson }: Dialect): RenderNode {
  if (typeof value === 'number' && value !== 0) return value;
  const pair = typeof value === 'object' ? (value as Model | null) : null;
  const entries = ['soft', 'hard'].map((key) => [key, Number(pair?.[key] ?? 0)] as const);
  return new Map(isJson ? entries.filter(([, limit]) => limit !== 0) : entries);
}

/** Attributes that JSON shows also where they say nothing, and YAML does not. */
const shownWhenHollow = new Set(['command', 'entrypoint', 'ipam', 'placement', 'resources']);

function isHollow(key: string, value: unknown): boolean {
  if (!shownWhenHollow.has(key)) return false;
  return (
    value === null ||
    (typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0)
  );
}

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
