/** `extra_hosts`: names and addresses. */
import type { Site } from '../site.ts';
import {
  isList,
  isMap,
  newList,
  pushItem,
  type Scalar,
  spansAt,
  type TreeList,
  type TreeMap,
} from '../tree.ts';
import { scalarText, shownText } from '../yaml-scalars.ts';
import type { Rule } from './values.ts';

interface HostEntry {
  readonly text: string;
  readonly at: Site;
}

/** Every form as a sorted list of `name=address`. */
export const toSortedHosts: Rule = (value, site) => {
  if (!isMap(value) && !isList(value)) return value;
  const hosts = isMap(value) ? hostsOfMap(value, site) : hostsOfList(value, site);
  const list = newList([], site.span);
  const seen = new Set<string>();
  for (const { text, at } of hosts.sort((left, right) => (left.text < right.text ? -1 : 1))) {
    if (!seen.has(text)) pushItem(list, text, at.span);
    seen.add(text);
  }
  return list;
};

function hostsOfMap(map: TreeMap, site: Site): HostEntry[] {
  return Object.keys(map).flatMap((name) => {
    const addresses = map[name] ?? null;
    const at = site.at(name, spansAt(map, name).value);
    if (/[:=]/.test(name)) {
      at.error('invalid-syntax', `${at.place} is no host: a name has no ":" and no "="`);
      return [];
    }
    return (isList(addresses) ? addresses : [addresses]).map((address) =>
      hostEntry(name, scalarText(address as Scalar), at),
    );
  });
}

function hostsOfList(list: TreeList, site: Site): HostEntry[] {
  return list.flatMap((item, index) => {
    const at = site.at(index, spansAt(list, index).value);
    const text = scalarText(item as Scalar);
    const end = text.includes('=') ? text.indexOf('=') : text.indexOf(':');
    const name = text.slice(0, end);
    if (end <= 0 || name.includes(':')) {
      at.error('invalid-syntax', `${at.place} must be "host=address", not "${shownText(item)}"`);
      return [];
    }
    // Several addresses of one host stand apart by commas.
    const addresses = text.slice(end + 1).split(',');
    return addresses.map((address) => hostEntry(name, address, at));
  });
}

/** Brackets are for readers: `[::1]` is `::1`. */
function hostEntry(name: string, address: string, at: Site): HostEntry {
  return { text: `${name}=${address.replace(/^\[(.+)\]$/, '$1')}`, at };
}
