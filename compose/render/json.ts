/** JSON as Go's encoding/json indents it: two spaces, and `<`, `>`, `&` escaped so that it may stand in HTML. */
import { isRenderList, isRenderMap, type RenderNode } from './node.ts';

export function renderJson(node: RenderNode): string {
  return value(node, '\n');
}

/** Without line breaks and spaces: the text that is hashed. */
export function compactJson(node: RenderNode): string {
  if (isRenderList(node)) return `[${node.map(compactJson).join(',')}]`;
  if (isRenderMap(node)) {
    return `{${[...node].map(([key, item]) => `${text(key)}:${compactJson(item)}`).join(',')}}`;
  }
  return typeof node === 'string' ? text(node) : JSON.stringify(node);
}

/** `edge` is a line break with the indentation of the line on which the value begins. */
function value(node: RenderNode, edge: string): string {
  const inner = `${edge}  `;
  if (isRenderList(node)) {
    if (node.length === 0) return '[]';
    return `[${inner}${node.map((item) => value(item, inner)).join(`,${inner}`)}${edge}]`;
  }
  if (isRenderMap(node)) {
    if (node.size === 0) return '{}';
    const entries = [...node].map(([key, item]) => `${text(key)}: ${value(item, inner)}`);
    return `{${inner}${entries.join(`,${inner}`)}${edge}}`;
  }
  return typeof node === 'string' ? text(node) : JSON.stringify(node);
}

function text(string: string): string {
  return JSON.stringify(string).replaceAll(
    /[<>&\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
