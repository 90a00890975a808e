/** What is rendered: plain values whose maps keep the order in which they are to be printed. */

export type RenderNode = null | boolean | number | string | RenderList | RenderMap;
export type RenderList = readonly RenderNode[];
/** A Map, because an object would move keys that look like numbers to its front. */
export type RenderMap = ReadonlyMap<string, RenderNode>;

export function isRenderMap(node: RenderNode | undefined): node is RenderMap {
  return node instanceof Map;
}

export function isRenderList(node: RenderNode | undefined): node is RenderList {
  return Array.isArray(node);
}
