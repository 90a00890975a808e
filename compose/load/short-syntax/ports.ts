import type { Rule } from './values.ts';
import type { Site } from '../site.ts';
import { flatMapItems, isList, mapOf, spansAt, type TreeMap } from '../tree.ts';
import { scalarText } from '../yaml-scalars.ts';

const hint = 'write [IP:][HOST:]CONTAINER[/PROTOCOL], as in "8080:80" or "127.0.0.1:5353:53/udp"';

/** `[IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/proto]`; equal ranges become one entry per port. */
export const toPorts: Rule = (value, site) => {
  if (!isList(value)) return value;
  return flatMapItems(value, (item, index) => {
    if (typeof item === 'object') return [item];
    const at = site.at(index, spansAt(value, index).value);
    return parsePort(scalarText(item), at);
  });
};

/** What is wrong, and which part of the text. */
type Fail = (reason: string, part?: string) => TreeMap[];

function parsePort(text: string, site: Site): TreeMap[] {
  const fail: Fail = (reason, part = text) => {
    // The container's port is the last, so that "80" of "80:80" is found there.
    const start = part === '' ? text.length : text.lastIndexOf(part);
    site.error('invalid-syntax', `invalid port "${text}": ${reason}`, {
      hint,
      ...(text !== '' && {
        part: { text, start: part === '' ? start - 1 : start, end: start + part.length },
      }),
    });
    return [];
  };
  const [quote] = /[\u2018-\u201d]/.exec(text) ?? [];
  if (quote !== undefined) return fail('typographic quotes are no quotes to YAML', quote);
  const [spec = '', given = '', ...rest] = text.split('/');
  const protocol = given === '' ? 'tcp' : given;
  if (rest.length > 0 || !/^(tcp|udp|sctp)$/i.test(protocol)) {
    const part = rest.length > 0 ? text : protocol;
    return fail('the protocol must be tcp, udp or sctp', part);
  }
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(?:([^:]*):)?([^:]*)$/.exec(spec);
  if (match === null) return fail('too many parts');
  // With one colon the part before it is the host's port, with two it is the address.
  const hasTwo = match[2] !== undefined;
  const address = hasTwo ? (match[1] ?? '').replace(/^\[(.*)\]$/, '$1') : '';
  const host = hasTwo ? (match[2] ?? '') : (match[1] ?? '');
  if (address !== '' && !isAddress(address)) return fail(`"${address}" is no IP address`, address);
  const target = range(match[3] ?? '');
  if (typeof target === 'string') return fail(`container port ${target}`, match[3]);
  if (target[0] < 1) return fail('container ports begin at 1', match[3]);
  const published = host === '' ? null : range(host);
  if (typeof published === 'string') return fail(`host port ${published}`, host);
  return expandPorts({ address, published, target, protocol: protocol.toLowerCase() }, site, fail);
}

interface ParsedPort {
  readonly address: string;
  readonly published: readonly [number, number] | null;
  readonly target: readonly [number, number];
  readonly protocol: string;
}

function expandPorts(
  { address, published, target, protocol }: ParsedPort,
  site: Site,
  fail: Fail,
): TreeMap[] {
  const count = target[1] - target[0] + 1;
  if (count > 1 && !site.takesExpansion(count)) return [];
  const entry = (port: number, host: string | null): TreeMap =>
    mapOf(
      {
        mode: 'ingress',
        ...(address !== '' && { host_ip: address }),
        target: port,
        ...(host !== null && { published: host }),
        protocol,
      },
      site.span,
    );
  const ports = Array.from({ length: count }, (_, index) => target[0] + index);
  if (published === null) return ports.map((port) => entry(port, null));
  const [first, last] = published;
  if (count === 1) return [entry(target[0], first === last ? String(first) : `${first}-${last}`)];
  if (last - first + 1 !== count) {
    const reason = `${last - first + 1} host ports cannot publish ${count} container ports`;
    return fail(reason, first === last ? String(first) : `${first}-${last}`);
  }
  return ports.map((port, index) => entry(port, String(first + index)));
}

/** Ports as [first, last], or what is wrong with them. */
function range(text: string): readonly [number, number] | string {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return text === '' ? 'is missing' : `"${text}" is no number`;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last > 65_535) return `${last} is above 65535`;
  if (last < first) return `range "${text}" runs backwards`;
  return [first, last];
}

export function isAddress(text: string): boolean {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4 !== null) return v4.slice(1).every(isByte);
  return text.includes(':') && isV6(text);
}

/** A leading zero would be octal to some readers, and is refused by all that could tell. */
function isByte(part: string): boolean {
  return Number(part) <= 255 && !/^0\d/.test(part);
}

function isV6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  const hasV4 = last.includes('.');
  if (hasV4 && !isAddress(last)) return false;
  const words = hasV4 ? groups.slice(0, -1) : groups;
  if (!words.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word))) return false;
  const count = words.length + (hasV4 ? 2 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}
