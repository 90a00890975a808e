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
  type Span,
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

/** As toList, without what is empty: a variable that is not set adds nothing. */
export const toGivenList: Rule = (value, site) => {
  const list = toList(value, site);
  if (!isList(list) || !list.includes('')) return list;
  return flatMapItems(list, (item) => (item === '' ? [] : [item]));
};

/** `K=V` items become a map; what has no "=" gets `missing`. */
function entries(value: TreeValue, site: Site, missing: string | null): TreeValue {
  if (isMap(value)) {
    return mapValues(value, (item) =>
      item === null ? missing : typeof item === 'object' ? item : scalarText(item),
    );
  }
  // Merging asks before the schema was: what is no list of texts is the schema's to refuse.
  if (!isList(value) || value.some((item) => typeof item === 'object')) return value;
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

/** A variable's name ends where a blank stands: what follows was meant to be something else. */
function checkName(entry: string, site: Site, span: Span | null): void {
  const [name = ''] = entry.split('=', 1);
  if (!/\s$/.test(name)) return;
  site.error('invalid-value', `variable "${name}" of ${site.place} ends with a blank`, {
    span,
    hint: `write "${name.trimEnd()}=…"`,
  });
}

/** environment, build.args: a key without value takes the caller's, later. */
export const toVariables: Rule = (value, site) => {
  if (isList(value)) {
    value.forEach((item, index) => {
      if (typeof item === 'object') return;
      checkName(scalarText(item), site, spansAt(value, index).value);
    });
  }
  return entries(value, site, null);
};

/** As above, where files are merged: docker compose then looks at the names in mappings as well. */
export const toMergedVariables: Rule = (value, site) => {
  if (isMap(value)) {
    for (const key of Object.keys(value)) checkName(key, site, spansAt(value, key).key);
  }
  return toVariables(value, site);
};
/** labels and their like: a key without value has the empty one. */
export const toLabels: Rule = (value, site) => entries(value, site, '');

/** build.additional_contexts: as labels, and a name alone says nothing. */
export const toContexts: Rule = (value, site) => {
  if (isList(value)) {
    value.forEach((item, index) => {
      const at = site.at(index, spansAt(value, index).value);
      if (scalarText(item as Scalar).includes('=')) return;
      at.error('invalid-syntax', `${at.place} must be "name=context", not "${shownText(item)}"`);
    });
  }
  return toLabels(value, site);
};

/** Options given as a map: numbers and booleans become text. */
export const toOptions: Rule = (value) =>
  isMap(value)
    ? mapValues(value, (item) =>
        typeof item === 'object' && item !== null ? item : scalarText(item),
      )
    : value;

export const toWords: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  const split = shellWords(value);
  if (split === null) {
    site.error('invalid-value', `${site.place} has a quote or parenthesis without its partner`);
    return value;
  }
  if (split.cut !== null) {
    const rest = value.slice(split.cut).trim();
    site.warn(
      `${site.place} ends before "${rest}": no shell reads it; for one write ["sh", "-c", "…"]`,
    );
  }
  const list = newList([], site.span);
  for (const word of split.words) pushItem(list, word, site.span);
  return list;
};

/** A healthcheck's test as text is a line for the container's shell. */
export const toHealthTest: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  return newList(['CMD-SHELL', value], site.span);
};

export const toDuration: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  const parsed = parseDuration(value);
  if (parsed !== null) return formatDuration(parsed);
  site.error('invalid-value', `${site.place} is no duration: "${value}"`, {
    hint: 'write a number with a unit (us, ms, s, m, h, d, w), as in "1m30s"',
  });
  return value;
};

export const toBytes: Rule = (value, site) => {
  // A part of a byte is no size: docker compose reads 1.5 as none.
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : '0';
  if (typeof value !== 'string') return value;
  const parsed = parseBytes(value);
  if (parsed !== null) return String(parsed);
  site.error('invalid-value', `${site.place} is no size: "${value}"`, {
    hint: 'write a number of bytes, or one with a unit (k, m, g, t), as in "512m"',
  });
  return value;
};

/** Whole numbers; a fraction counts for nothing. Text must be one by now: variables are substituted. */
export const toInteger: Rule = (value, site) => {
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value !== 'string' || /^[-+]?\d+$/.test(value)) return toNumber(value, site);
  site.error('invalid-type', `${site.place} must be a whole number, not "${value}"`);
  return value;
};

/** How many of something. */
export const toAmount: Rule = (value, site) => {
  const amount = toInteger(value, site);
  if (typeof amount !== 'number' || amount >= 0) return amount;
  site.error('invalid-value', `${site.place} must be at least 0, not ${amount}`);
  return amount;
};

/** Text that must be a number by now: variables are substituted. */
export const toNumber: Rule = (value, site) => {
  if (typeof value !== 'string') return value;
  if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value.trim())) return Number(value);
  site.error('invalid-type', `${site.place} must be a number, not "${value}"`);
  return value;
};

/** Real-time slices: microseconds, or a duration. */
export const toMicroseconds: Rule = (value, site) => {
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value !== 'string') return value;
  if (/^\d+$/.test(value)) return Number(value);
  const parsed = parseDuration(value);
  if (parsed !== null) return Number(parsed / 1000n);
  site.error('invalid-value', `${site.place} must be a number of microseconds or a duration`);
  return value;
};

/** A path in the container, without the parts that say nothing; of an empty one "." is left. */
export const toCleanPath: Rule = (value) => {
  if (typeof value !== 'string') return value;
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

/** Options of a provider: every one a list of texts. */
export function toTextLists(value: TreeValue): TreeValue {
  if (!isMap(value)) return value;
  return mapValues(value, (item) => {
    const items = isList(item) ? item : [item];
    return newList(
      items.map((one) => (typeof one === 'object' && one !== null ? one : scalarText(one))),
      spanOf(item),
    );
  });
}
