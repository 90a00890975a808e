import type { Rule } from './values.ts';
import type { Site } from '../site.ts';
import {
  flatMapItems,
  isList,
  isMap,
  mapOf,
  newMap,
  spanOf,
  spansAt,
  type TreeMap,
} from '../tree.ts';

/** `[SOURCE:]TARGET[:options]`. */
export const toMounts: Rule = (value, site) => {
  if (!isList(value)) return value;
  return flatMapItems(value, (item, index) => {
    if (typeof item !== 'string') return [item];
    return parseMount(item, site.at(index, spansAt(value, index).value));
  });
};

function parseMount(text: string, site: Site): TreeMap[] {
  const fail = (reason: string): TreeMap[] => {
    site.error('invalid-syntax', `invalid volume "${text}": ${reason}`, {
      hint: 'write [SOURCE:]TARGET[:OPTIONS], as in "data:/var/lib/data" or "./src:/app:ro"',
    });
    return [];
  };
  const parts = splitParts(text);
  if (text === '') return fail('it is empty');
  // So short a text is a target as it stands, as for docker compose.
  if (text.length <= 2) return [mapOf({ type: 'volume', target: text }, site.span)];
  if (parts.includes('')) return fail('a part between colons is empty');
  if (parts.length > 3) return fail('too many colons');
  const [first = '', second, options] = parts;
  if (second === undefined)
    return [mapOf({ type: 'volume', target: first, volume: newMap(site.span) }, site.span)];
  const mount = isPath(first)
    ? mapOf(
        {
          type: 'bind',
          source: first,
          target: second,
          bind: mapOf({ create_host_path: true }, site.span),
        },
        site.span,
      )
    : mapOf(
        { type: 'volume', source: first, target: second, volume: newMap(site.span) },
        site.span,
      );
  return [options === undefined ? mount : withOptions(mount, options, site)];
}

/**
 * A drive letter's colon is part of the path: `C:\src:/app`. Not in `v:/data`: that would leave a target which no
 * engine takes, while a volume may well be called "v".
 */
function splitParts(text: string): string[] {
  const parts = text.split(':');
  if (/^[A-Za-z]:\/[^:]*(:[^:\\/]+)?$/.test(text)) return parts;
  const joined: string[] = [];
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] ?? '';
    const next = parts[at + 1];
    if (/^[A-Za-z]$/.test(part) && next !== undefined && /^[\\/]/.test(next)) {
      joined.push(`${part}:${next}`);
      at += 1;
    } else joined.push(part);
  }
  return joined;
}

function isPath(text: string): boolean {
  return /^([./~\\]|[A-Za-z]:[\\/])/.test(text);
}

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

/** Options that mean nothing here are left out, as docker compose does. */
function withOptions(mount: TreeMap, options: string, site: Site): TreeMap {
  for (const option of options.split(',')) {
    const isBind = mount['type'] === 'bind';
    if (option === 'ro') mount['read_only'] = true;
    else if (option === 'rw') delete mount['read_only'];
    else if (option === 'nocopy' && !isBind) mount['volume'] = mapOf({ nocopy: true }, site.span);
    else if (/^[zZ]$/.test(option)) setBind(mount, 'selinux', option);
    else if (isBind && propagations.includes(option)) setBind(mount, 'propagation', option);
  }
  return mount;
}

function setBind(mount: TreeMap, key: string, value: string): void {
  const bind = mount['bind'] ?? newMap(spanOf(mount));
  if (isMap(bind)) bind[key] = value;
  mount['bind'] = bind;
}

/** `HOST[:CONTAINER[:rwm]]`. */
export const toDevices: Rule = (value, site) => {
  if (!isList(value)) return value;
  return flatMapItems(value, (item, index) => {
    if (typeof item !== 'string') return [item];
    const at = site.at(index, spansAt(value, index).value);
    const parts = item.split(':');
    const [source = '', target, permissions] = parts;
    if (parts.length > 3 || source === '') {
      at.error('invalid-syntax', `invalid device "${item}"`, {
        hint: 'write HOST[:CONTAINER[:PERMISSIONS]], as in "/dev/ttyUSB0:/dev/ttyUSB0:rwm"',
      });
      return [];
    }
    const isCdi = !source.startsWith('/') && source.includes('=');
    const own = isCdi ? {} : { target: target ?? source, permissions: permissions ?? 'rwm' };
    return [mapOf({ source, ...own }, at.span)];
  });
};
