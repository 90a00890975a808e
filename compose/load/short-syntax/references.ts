/** Short forms that name another thing: services, networks, secrets, env files, external resources. */
import type { Rule } from './values.ts';
import {
  flatMapItems,
  isList,
  isMap,
  mapOf,
  mapValues,
  newList,
  newMap,
  pushItem,
  setKey,
  spansAt,
  type TreeMap,
  type TreeValue,
} from '../tree.ts';
import { scalarText } from '../yaml-scalars.ts';

/** A list of names becomes a map from the names. */
function named(
  value: TreeValue,
  make: (span: ReturnType<typeof spansAt>['value']) => TreeValue,
): TreeValue {
  if (!isList(value)) return value;
  const map = newMap();
  value.forEach((name, index) => {
    const { value: span } = spansAt(value, index);
    if (typeof name === 'object' && name !== null) return;
    setKey(map, [scalarText(name), make(span)], { key: span, value: span });
  });
  return map;
}

export const toDependencyMap: Rule = (value) =>
  named(value, (span) => mapOf({ condition: 'service_started', required: true }, span));

/** As above, and what an entry leaves open is written out: not while files may still be merged onto it. */
export const toDependencies: Rule = (value, site) => {
  const map = toDependencyMap(value, site);
  if (!isMap(map)) return map;
  return mapValues(map, (item) => {
    if (isMap(item) && !('required' in item)) item['required'] = true;
    return item;
  });
};

export const toServiceNetworks: Rule = (value) => named(value, () => null);
export const toServiceModels: Rule = (value) => named(value, () => null);

/** A secret or config by its name. */
export const toFileReferences: Rule = (value, site) => {
  if (!isList(value)) return value;
  return flatMapItems(value, (item, index) =>
    typeof item === 'object'
      ? [item]
      : [mapOf({ source: scalarText(item) }, site.at(index, spansAt(value, index).value).span)],
  );
};

export const toEnvFiles: Rule = (value, site) => {
  const entry = (item: TreeValue, at: number | null): TreeValue => {
    if (isMap(item)) {
      if (!('required' in item)) item['required'] = true;
      return item;
    }
    const span = at === null || !isList(value) ? site.span : spansAt(value, at).value;
    return mapOf({ path: item, required: true }, span);
  };
  if (isList(value)) return flatMapItems(value, (item, index) => [entry(item, index)]);
  if (typeof value !== 'string') return value;
  return flatMapItems([value], () => [entry(value, null)]);
};

/** `build: path` is `build: {context: path}`. */
export const toBuild: Rule = (value, site) =>
  typeof value === 'string' ? mapOf({ context: value }, site.span) : value;

export const toExtends: Rule = (value, site) =>
  typeof value === 'string' ? mapOf({ service: value }, site.span) : value;

/** ssh keys of a build: `default`, `id=path`. */
export const toSsh: Rule = (value, site) => {
  if (isList(value)) {
    value.forEach((item, index) => {
      if (typeof item !== 'string' || item === 'default' || item.includes('=')) return;
      const at = site.at(index, spansAt(value, index).value);
      at.error('invalid-syntax', `${at.place} must be "default" or "id=path", not "${item}"`);
    });
  }
  if (!isMap(value)) return value;
  const list = newList([], site.span);
  for (const id of Object.keys(value)) {
    const path = value[id];
    const text = typeof path === 'object' || path === undefined ? '' : scalarText(path);
    pushItem(list, text === '' ? id : `${id}=${text}`, spansAt(value, id).value);
  }
  return list;
};

export const toGpus: Rule = (value, site) => {
  if (value !== 'all') return value;
  return flatMapItems(['all'], () => [mapOf({ count: -1 }, site.span)]);
};

/** `external: {name: x}`, of older files, is `external: true` with `name: x`. */
export const toExternal: Rule = (value, site) => {
  if (!isMap(value)) return value;
  const { external } = value;
  if (!isMap(external)) return value;
  const result: TreeMap = mapValues(value, (item) => item);
  const name = external['name'];
  setKey(result, ['external', true], spansAt(value, 'external'));
  if (typeof name === 'string') {
    const existing = result['name'];
    if (existing !== undefined && existing !== name) {
      site.error(
        'conflicting-attributes',
        `${site.place} has two names: "name" and "external.name"`,
        {
          hint: 'keep "name" and write "external: true"',
        },
      );
    }
    setKey(result, ['name', name], spansAt(external, 'name'));
    site.warn(`"external.name" of ${site.place} is deprecated: write "name" and "external: true"`);
  }
  return result;
};
