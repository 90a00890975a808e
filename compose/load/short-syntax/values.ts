/** Rules for attributes whose short and long form differ in type only. */
import { posix } from 'node:path';
import { formatDuration, parseBytes, parseDuration } from '../../units.ts';
import { shellWords } from '../shell-words.ts';
import type { Site } from '../site.ts';
import {
  flatMapItems,
  isList,
  isMap,
  mapValues,
  newList,
  newMap,
  pushItem,
  type Scalar,
  setKey,
  spanOf,
  spansAt,
  type TreeValue,
} from '../tree.ts';
import { scalarText, shownText } from '../yaml-scalars.ts';

export type Rule = (value: TreeValue, site: Site) => TreeValue;

export const toText: Rule = (value) => (typeof value === 'object' ? value : scalarText(value));

/** One string or several become several. */
export const toList: Rule = (value, site) => {
  if (value === null) return value;
  if (isList(value))
    return flatMapItems(value, (item, index) => [toText(item, site.at(index, null))]);
  const list = newList([], site.span);
  pushItem(list, toText(value, site), site.span);
  return list;
};

/** `K=V` items become a map; what has no "=" gets `missing`. */
function entries(value: TreeValue, site: Site, missing: string | null): TreeValue {
  if (isMap(value)) {
    return mapValues(value, (item) =>
      item === null ? missing : typeof item === 'object' ? item : scalarText(item),
    );
  }
  if (!isList(value)) return value;
  const map = newMap(spanOf(value) ?? site.span);
  value.forEach((item, index) => {
    const text = scalarText(item as Scalar);
    const equals = text.indexOf('=');
    const { value: span } = spansAt(value, index);
    const key = equals === -1 ? text : text.slice(0, equals);
    setKey(map, [key, equals === -1 ? missing : text.slice(equals + 1)], {
      key: span,
      value: span,
    });
  });
  return map;
}

/** environment, build.args: a key without value takes the caller's, later. */
export const toVariables: Rule = (value, site) => entries(value, site, null);
/** labels and their like: a key without value has the empty one. */
export const toLabels: Rule = (value, site) => entries(value, site, '');

/** Options given as a map: numbers and booleans become text. */
export const toOptions: Rule = (value) =>
  isMap(value)
    ? mapValues(value, (item) =>
        typeof item === 'object' && item !== null ? item : scalarText(item),
      )
    : value;

export const toWords: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  const words = shellWords(value);
  if (words === null) {
    site.error('invalid-value', `${site.place} has a quote that is not closed`);
    return value;
  }
  const list = newList([], site.span);
  for (const word of words) pushItem(list, word, site.span);
  return list;
};

/** A healthcheck's test as text is a line for the container's shell. */
export const toHealthTest: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  return newList(value === '' ? [] : ['CMD-SHELL', value], site.span);
};

export const toDuration: Rule = (value, site) => {
  if (typeof value !== 'string' || value === '') return value;
  const parsed = parseDuration(value);
  if (parsed !== null) return formatDuration(parsed);
  site.error('invalid-value', `${site.place} is no duration: "${value}"`, {
    hint: 'write a number with a unit (us, ms, s, m, h, d, w), as in "1m30s"',
  });
  return value;
};

export const toBytes: Rule = (value, site) => {
  if (typeof value === 'number') return String(Math.trunc(value));
  if (typeof value !== 'string' || value === '') return value;
  const parsed = parseBytes(value);
  if (parsed !== null) return String(parsed);
  site.error('invalid-value', `${site.place} is no size: "${value}"`, {
    hint: 'write a number of bytes, or one with a unit (k, m, g, t), as in "512m"',
  });
  return value;
};

/** Text that must be a number by now: variables are substituted. */
export const toNumber: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  if (/^[-+]?(\d+\.?\d*|\.\d+)$/.test(value.trim())) return Number(value);
  site.error('invalid-type', `${site.place} must be a number, not "${value}"`);
  return value;
};

/** Real-time slices: microseconds, or a duration. */
export const toMicroseconds: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  if (/^\d+$/.test(value)) return Number(value);
  const parsed = parseDuration(value);
  if (parsed !== null) return Number(parsed / 1000n);
  site.error('invalid-value', `${site.place} must be a number of microseconds or a duration`);
  return value;
};

/** A path in the container, without the parts that say nothing. */
export const toCleanPath: Rule = (value) => {
  if (typeof value !== 'string' || value === '') return value;
  const path = posix.normalize(value);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
};

/** An octal file mode: 0440 is read by YAML as the number 288, "0440" stays text. */
export const toModeText: Rule = (value, site) => {
  if (typeof value === 'number') return `0${value.toString(8)}`;
  if (typeof value !== 'string') return value;
  if (/^0?[0-7]{1,4}$/.test(value)) return `0${parseInt(value, 8).toString(8)}`;
  site.error('invalid-value', `${site.place} must be an octal mode such as "0440", not "${value}"`);
  return value;
};

export const toModeNumber: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  if (/^0?o?[0-7]{1,5}$/.test(value)) return parseInt(value.replace('o', ''), 8);
  site.error('invalid-value', `${site.place} must be an octal mode such as "1777", not "${value}"`);
  return value;
};

/** "all" or a number. */
export const toCount: Rule = (value, site) => {
  if (value === 'all') return -1;
  if (typeof value !== 'string') return value;
  if (/^-?\d+$/.test(value)) return Number(value);
  site.error('invalid-value', `${site.place} must be a number or "all", not "${value}"`);
  return value;
};

/** A map attribute that is there and empty means the map without entries. */
export const toMap: Rule = (value, site) => (value === null ? newMap(site.span) : value);

export const toSortedHosts: Rule = (value, site) => {
  const hosts: { readonly text: string; readonly at: Site }[] = [];
  if (isMap(value)) {
    for (const host of Object.keys(value)) {
      const addresses = value[host];
      const at = site.at(host, spansAt(value, host).value);
      for (const address of isList(addresses) ? addresses : [addresses]) {
        hosts.push(...hostEntries(host, scalarText(address as Scalar), at));
      }
    }
  } else if (isList(value)) {
    value.forEach((item, index) => {
      const at = site.at(index, spansAt(value, index).value);
      const host = splitHost(scalarText(item as Scalar));
      if (host === null) {
        at.error('invalid-syntax', `${at.place} must be "host=address", not "${shownText(item)}"`);
      } else hosts.push(...hostEntries(host.name, host.addresses, at));
    });
  } else return value;
  const list = newList([], site.span);
  const seen = new Set<string>();
  for (const { text, at } of hosts.sort((left, right) => compare(left.text, right.text))) {
    if (!seen.has(text)) pushItem(list, text, at.span);
    seen.add(text);
  }
  return list;
};

function compare(left: string, right: string): number {
  const [leftHost = ''] = left.split('=');
  const [rightHost = ''] = right.split('=');
  if (leftHost === rightHost) return 0;
  return leftHost < rightHost ? -1 : 1;
}

function splitHost(text: string): { readonly name: string; readonly addresses: string } | null {
  const at = text.includes('=') ? text.indexOf('=') : text.indexOf(':');
  if (at <= 0) return null;
  return { name: text.slice(0, at).trim(), addresses: text.slice(at + 1).trim() };
}

/** Several addresses of one host stand apart by commas. */
function hostEntries(host: string, addresses: string, at: Site): { text: string; at: Site }[] {
  return addresses
    .split(',')
    .map((address) => ({ text: `${host}=${bareAddress(address.trim())}`, at }));
}

function bareAddress(address: string): string {
  return address.replace(/^\[(.*)\]$/, '$1');
}

/** Options of a provider: every one a list of texts. */
export const toTextLists: Rule = (value) => {
  if (!isMap(value)) return value;
  return mapValues(value, (item) => {
    const items = isList(item) ? item : [item];
    return newList(
      items.map((one) => (typeof one === 'object' && one !== null ? one : scalarText(one))),
      spanOf(item),
    );
  });
};
