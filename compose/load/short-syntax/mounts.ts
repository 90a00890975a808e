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
  const parts = mountParts(text);
  if (text === '') return fail('it is empty');
  // So short a text is a target as it stands, as for docker compose.
  if (text.length <= 2) return [mapOf({ type: 'volume', target: text }, site.span)];
  if (parts.includes('')) return fail('a part between colons is empty');
  if (parts.length > 3) return fail('too many colons');
  const [first = '', second, options] = parts;
  warnOfDrive(text, parts, site);
  if (second === undefined)
    return [mapOf({ type: 'volume', target: first, volume: newMap(site.span) }, site.span)];
  const mount = mapOf(
    isPath(first)
      ? { type: 'bind', source: first, target: second }
      : { type: 'volume', source: first, target: second },
    site.span,
  );
  if (options !== undefined) addOptions(mount, options);
  if (isPath(first)) detail(mount, 'bind')['create_host_path'] = true;
  else detail(mount, 'volume');
  return [mount];
}

/** The parts between colons. The colon after a single letter belongs to a drive: `C:\src:/app` has two parts. */
export function mountParts(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (const character of text) {
    if (character === ':' && !/^\p{L}$/u.test(part)) {
      parts.push(part);
      part = '';
    } else part += character;
  }
  return [...parts, part];
}

/** `v:/data` is a drive for every reader of compose files, and rarely meant as one. */
function warnOfDrive(text: string, parts: readonly string[], site: Site): void {
  const letter = /^(\p{L}):\//u.exec(text)?.[1];
  if (letter === undefined || (parts.length > 1 && parts[1]?.startsWith('/') === true)) return;
  site.warn(
    `"${letter}:" in volume "${text}" is read as a Windows drive: for a volume named "${letter}" write type, source and target`,
  );
}

/** What makes the source of a mount a path: anything else is the name of a volume. */
function isPath(text: string): boolean {
  return /^([./~]|\\\\|\p{L}:)/u.test(text);
}

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

/** Options that mean nothing here are left out, as docker compose does. */
function addOptions(mount: TreeMap, options: string): void {
  for (const option of options.split(',')) {
    if (option === 'ro') mount['read_only'] = true;
    else if (option === 'rw') Reflect.deleteProperty(mount, 'read_only');
    else if (option === 'nocopy') detail(mount, 'volume')['nocopy'] = true;
    else if (option === 'z' || option === 'Z') detail(mount, 'bind')['selinux'] = option;
    else if (propagations.includes(option)) detail(mount, 'bind')['propagation'] = option;
  }
}

function detail(mount: TreeMap, kind: 'bind' | 'volume'): TreeMap {
  const existing = mount[kind];
  if (isMap(existing)) return existing;
  const created = newMap(spanOf(mount));
  mount[kind] = created;
  return created;
}

/** `HOST[:CONTAINER[:rwm]]`. */
export const toDevices: Rule = (value, site) => {
  if (!isList(value)) return value;
  return flatMapItems(value, (item, index) => {
    if (typeof item !== 'string') return [item];
    const at = site.at(index, spansAt(value, index).value);
    const parts = item.split(':');
    const [source = '', target, permissions] = parts;
    if (parts.length > 3) {
      at.error('invalid-syntax', `invalid device "${item}"`, {
        hint: 'write HOST[:CONTAINER[:PERMISSIONS]], as in "/dev/ttyUSB0:/dev/ttyUSB0:rwm"',
      });
      return [];
    }
    return [
      mapOf({ source, target: target ?? source, permissions: permissions ?? 'rwm' }, at.span),
    ];
  });
};
