/** Values as Go sees them: objects are structs, a Map is a map, and both print as fmt does. */

/** What an absent key of a map prints. */
export const noValue: unique symbol = Symbol('no value');

/** A method of values that know their own JSON. */
export const ownJson: unique symbol = Symbol('own JSON');

export function isTrue(value: unknown): boolean {
  if (value === noValue || value === null || value === undefined) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return typeof value === 'object' || Boolean(value);
}

/** `%v`. */
export function printed(value: unknown): string {
  if (value === noValue) return '<no value>';
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`;
  if (value instanceof Map) {
    const entries = [...(value as Map<string, unknown>)].sort(byKey);
    return `map[${entries.map(([key, item]) => `${key}:${printed(item)}`).join(' ')}]`;
  }
  if (typeof value === 'object') return `{${Object.values(value).map(printed).join(' ')}}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Go's JSON: maps sorted, and outside of templates `<`, `>` and `&` as escapes, lest they end up in a page. */
export function toJson(value: unknown, { escapesHtml }: { readonly escapesHtml: boolean }): string {
  if (hasOwnJson(value)) return value[ownJson]();
  const text = JSON.stringify(value, (_, item: unknown) =>
    item instanceof Map
      ? Object.fromEntries([...(item as ReadonlyMap<string, unknown>)].sort(byKey))
      : item,
  );
  const safe = text.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  if (!escapesHtml) return safe;
  return safe.replaceAll('&', '\\u0026').replaceAll('<', '\\u003c').replaceAll('>', '\\u003e');
}

function hasOwnJson(value: unknown): value is { readonly [ownJson]: () => string } {
  return typeof value === 'object' && value !== null && ownJson in value;
}

export function typeName(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (Array.isArray(value)) return 'slice';
  if (value instanceof Map) return 'map';
  return value === null || value === undefined ? 'nil' : typeof value;
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
