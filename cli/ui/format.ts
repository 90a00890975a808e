/** Ages, commands and ports as people read them. */
import type { ContainerPort } from '../../engine/api/index.ts';
import { ellipsis, quote } from './go-text.ts';

/** `2 minutes`: one unit, rounded down, as docker words it. */
export function formatAge(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.round(seconds / 3600);
  if (seconds < 1) return 'Less than a second';
  if (seconds < 2) return '1 second';
  if (seconds < 60) return `${Math.floor(seconds)} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** `"node server.mjs"`, cut to twenty characters. */
export function formatCommand(command: string): string {
  return quote(ellipsis(command, 20));
}

/**
 * `0.0.0.0:8080->80/tcp, 81/tcp`: neighbours that keep their number are a range, what is published under another number
 * comes last.
 */
export function formatPorts(ports: readonly ContainerPort[]): string {
  const ranges = new Map<string, { readonly first: number; last: number }>();
  const texts: string[] = [];
  const mapped: string[] = [];
  for (const { IP = '', PrivatePort, PublicPort, Type } of [...ports].sort(comparePorts)) {
    if (IP !== '' && PublicPort !== PrivatePort) {
      mapped.push(`${hostPort(IP, String(PublicPort ?? 0))}->${PrivatePort}/${Type}`);
      continue;
    }
    const key = `${IP}/${Type}`;
    const range = ranges.get(key);
    if (range !== undefined && PrivatePort === range.last + 1) {
      range.last = PrivatePort;
      continue;
    }
    if (range !== undefined) texts.push(formatRange(key, range));
    // One key stays where it first stood: setting it again does not move it.
    ranges.set(key, { first: PrivatePort, last: PrivatePort });
  }
  for (const [key, range] of ranges) texts.push(formatRange(key, range));
  return [...texts, ...mapped].join(', ');
}

function formatRange(
  key: string,
  { first, last }: { readonly first: number; readonly last: number },
): string {
  const [address = '', type = ''] = key.split('/');
  const range = first === last ? String(first) : `${first}-${last}`;
  return `${address === '' ? '' : `${hostPort(address, range)}->`}${range}/${type}`;
}

function hostPort(address: string, port: string): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export function comparePorts(left: ContainerPort, right: ContainerPort): number {
  return (
    left.PrivatePort - right.PrivatePort ||
    compareText(left.IP ?? '', right.IP ?? '') ||
    (left.PublicPort ?? 0) - (right.PublicPort ?? 0) ||
    compareText(left.Type, right.Type)
  );
}

/** By code unit: the same order on every machine, whatever its locale. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Seconds as a person reads a duration: `0.2s`, `12.0s`, `2m05s`. */
export function formatElapsed(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}
