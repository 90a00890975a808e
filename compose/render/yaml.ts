/** Block YAML as the encoder of go-yaml v3 lays it out with an indent of two. */
import {
  isRenderList,
  isRenderMap,
  type RenderList,
  type RenderMap,
  type RenderNode,
} from './node.ts';
import { fitsAsKey, yamlNumber, yamlString } from './yaml-scalar.ts';

const step = 2;

export function renderYaml(node: RenderNode): string {
  const text = block(node, 0);
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** A node at a column, without the indentation of its first line and without the break after its last. */
function block(node: RenderNode, column: number): string {
  if (isRenderMap(node)) return node.size === 0 ? '{}' : mapping(node, column);
  if (isRenderList(node)) return node.length === 0 ? '[]' : sequence(node, column);
  return scalar(node, column);
}

function scalar(value: Exclude<RenderNode, RenderList | RenderMap>, indent: number): string {
  if (typeof value === 'string') return yamlString(value, { indent, isKey: false });
  return typeof value === 'number' ? yamlNumber(value) : String(value);
}

function mapping(map: RenderMap, column: number): string {
  const entries = [...map].map(([key, value]) => entry(key, value, column));
  return joined(entries, column);
}

function sequence(list: RenderList, column: number): string {
  return joined(
    list.map((item) => `- ${block(item, column + step)}`),
    column,
  );
}

/** A block scalar that ends with a line break brings the break before the next entry along. */
function joined(entries: readonly string[], column: number): string {
  const pad = ' '.repeat(column);
  let result = '';
  for (const text of entries) {
    if (result !== '') result += result.endsWith('\n') ? pad : `\n${pad}`;
    result += text;
  }
  return result;
}

function entry(key: string, value: RenderNode, column: number): string {
  const inner = column + step;
  if (!fitsAsKey(key)) {
    const written = `? ${yamlString(key, { indent: inner, isKey: false })}`;
    return joined([written, `: ${block(value, inner)}`], column);
  }
  const written = yamlString(key, { indent: inner, isKey: true });
  const isNested =
    (isRenderMap(value) && value.size > 0) || (isRenderList(value) && value.length > 0);
  const separator = isNested ? `\n${' '.repeat(inner)}` : ' ';
  return `${written}:${separator}${block(value, inner)}`;
}
