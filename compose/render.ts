/**
 * What `config` prints: the canonical model, which loads again as the same project. Both forms are, byte for byte, those
 * of the reference implementation, down to where its JSON says less than its YAML.
 */
import type { Project } from './model/project.ts';
import type { ModelVariable } from './variables.ts';
import { renderJson } from './render/json.ts';
import { mapNode, node, untypedJson, typedJson, yaml } from './render/nodes.ts';
import type { RenderMap } from './render/node.ts';
import { projectShape } from './render/shapes.ts';
import { yamlString } from './render/yaml-scalar.ts';
import { renderYaml } from './render/yaml.ts';

export type ConfigFormat = 'yaml' | 'json';

export function renderConfig(project: Project, format: ConfigFormat): string {
  const model = configModel(project);
  const text =
    format === 'json'
      ? renderJson(projectAsJson(model))
      : renderYaml(node(model, projectShape, yaml));
  // What is printed is interpolated when it is loaded again.
  return text.replaceAll('$', '$$$$');
}

/** A model that was not interpolated and has no shape yet: `$` stays as it was typed, keys are in order. */
export function renderModel(model: object, format: ConfigFormat): string {
  return format === 'json'
    ? renderJson(node(model, null, untypedJson))
    : renderYaml(node(model, null, yaml));
}

/** What `config --variables` prints: JSON indented by four and with names as they are, YAML with small ones. */
export function renderVariables(
  variables: Readonly<Record<string, ModelVariable>>,
  format: ConfigFormat,
): string {
  if (format === 'json') return `${JSON.stringify(variables, null, 4)}\n`;
  const entries = Object.values(variables).map((variable) => {
    const fields = Object.entries<string | boolean>({ ...variable }).map(([key, value]) => {
      const text =
        typeof value === 'string' ? yamlString(value, { indent: 8, isKey: false }) : value;
      return `    ${key.toLowerCase()}: ${String(text).trimEnd()}\n`;
    });
    return `${yamlString(variable.Name, { indent: 4, isKey: true })}:\n${fields.join('')}`;
  });
  return entries.length === 0 ? '{}\n' : entries.join('');
}

type Model = Readonly<Record<string, unknown>>;

function configModel(project: Project): Model {
  const sections = ['networks', 'volumes', 'secrets', 'configs', 'models'] as const;
  // A file to be merged over another has none.
  const named = project.name === '' ? {} : { name: project.name };
  const model: Record<string, unknown> = { ...named, services: project.services };
  for (const section of sections) {
    if (Object.keys(project[section]).length > 0) model[section] = project[section];
  }
  return { ...model, ...project.extensions };
}

/** At the top JSON has one map, sorted; it shows no models, and of `x-…` attributes only those that stand here. */
function projectAsJson({ models: _models, ...model }: Model): RenderMap {
  return mapNode(model, typedJson, (key, value) => {
    const shape = projectShape.order.get(key);
    return shape === undefined ? node(value, null, untypedJson) : node(value, shape, typedJson);
  });
}
