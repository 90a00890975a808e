/**
 * What `config` prints: the canonical model, which loads again as the same project. Both forms are, byte for byte, those
 * of the reference implementation, down to where its JSON says less than its YAML.
 */
import type { Project } from './model/project.ts';
import { renderJson } from './render/json.ts';
import { compareKeys } from './render/key-order.ts';
import type { RenderMap, RenderNode } from './render/node.ts';
import { projectShape, type ObjectShape, type Shape } from './render/shapes.ts';
import { renderYaml } from './render/yaml.ts';

export type ConfigFormat = 'yaml' | 'json';

export function renderConfig(project: Project, format: ConfigFormat): string {
  const model = configModel(project);
  const text =
    format === 'json'
      ? renderJson(projectAsJson(model))
      : renderYaml(objectOf(model, projectShape, yamlDialect));
  // What is printed is interpolated when it is loaded again.
  return text.replaceAll('$', '$$$$');
}

/** A model that was not interpolated and has no shape yet: `$` stays as it was typed, keys are in order. */
export function renderModel(model: object, format: ConfigFormat): string {
  return format === 'json'
    ? renderJson(nodeOf(model, null, jsonDialect))
    : renderYaml(nodeOf(model, null, yamlDialect));
}

type Model = Readonly<Record<string, unknown>>;

function configModel(project: Project): Model {
  const sections = ['networks', 'volumes', 'secrets', 'configs', 'models'] as const;
  const model: Record<string, unknown> = { name: project.name, services: project.services };
  for (const section of sections) {
    if (Object.keys(project[section]).length > 0) model[section] = project[section];
  }
  return { ...model, ...project.extensions };
}

interface Dialect {
  readonly isJson: boolean;
  readonly compare: (left: string, right: string) => number;
}

const yamlDialect: Dialect = { isJson: false, compare: compareKeys };
const jsonDialect: Dialect = {
  isJson: true,
  compare: (left, right) => (left < right ? -1 : Number(left > right)),
};

/** At the top JSON has one map, sorted; it shows no models, and of `x-…` attributes only those that stand here. */
function projectAsJson({ models: _models, ...model }: Model): RenderMap {
  return mapOf(model, jsonDialect, (key) => projectShape.order.get(key) ?? null);
}

function nodeOf(value: unknown, shape: Shape | null, dialect: Dialect): RenderNode {
  if (Array.isArray(value)) {
    const item = shape?.kind === 'list' ? shape.of : null;
    return value.map((entry) => nodeOf(entry, item, dialect));
  }
  if (typeof value !== 'object' || value === null) return value as RenderNode;
  if (shape?.kind === 'object') return objectOf(value as Model, shape, dialect);
  return mapOf(value as Model, dialect, () => (shape?.kind === 'map' ? shape.of : null));
}

function mapOf(
  map: Model,
  dialect: Dialect,
  shapeOf: (key: string) => Shape | null,
): Map<string, RenderNode> {
  const result = new Map<string, RenderNode>();
  for (const key of Object.keys(map).sort(dialect.compare)) {
    if (map[key] !== undefined) result.set(key, nodeOf(map[key], shapeOf(key), dialect));
  }
  return result;
}

function objectOf(map: Model, shape: ObjectShape, dialect: Dialect): RenderMap {
  const { order, quirks } = shape;
  const shown = dialect.isJson ? { ...quirks.alwaysInJson, ...map } : map;
  const result = new Map<string, RenderNode>();
  for (const [key, of] of order) {
    const value = shown[key];
    if (value === undefined || (!dialect.isJson && isHollow(key, value))) continue;
    const isCapital = dialect.isJson && quirks.capitalisedInJson === true;
    result.set(isCapital ? capitalised(key) : key, nodeOf(value, of, dialect));
  }
  const extensions = Object.keys(map).filter((key) => !order.has(key));
  if (dialect.isJson || quirks.dropsExtensions === true) return result;
  for (const key of extensions.sort(dialect.compare)) {
    result.set(key, nodeOf(map[key], null, dialect));
  }
  return result;
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
