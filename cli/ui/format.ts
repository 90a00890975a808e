/** Ages, commands and ports as people read them. */
import type { ContainerPort } from '../../engine/api/index.ts';

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

const longestCommand = 20;

/** `"node server.mjs"`, cut to twenty characters. */
export function formatCommand(command: string): string {
  const characters = Array.from(command);
  const cut =
    characters.length > longestCommand
      ? `${characters.slice(0, longestCommand - 1).join('')}…`
      : command;
  return `"${cut}"`;
}

/** `0.0.0.0:8080->80/tcp, 81/tcp`, in the order of the container's ports. */
export function formatPorts(ports: readonly ContainerPort[]): string {
  return [...ports].sort(comparePorts).map(formatPort).join(', ');
}

function formatPort({ IP, PrivatePort, PublicPort, Type }: ContainerPort): string {
  const target = `${PrivatePort}/${Type}`;
  if (PublicPort === undefined) return target;
  const address = IP?.includes(':') === true ? `[${IP}]` : (IP ?? '0.0.0.0');
  return `${address}:${PublicPort}->${target}`;
}

export function comparePorts(left: ContainerPort, right: ContainerPort): number {
  return (
    left.PrivatePort - right.PrivatePort ||
    (left.PublicPort ?? 0) - (right.PublicPort ?? 0) ||
    compareText(left.Type, right.Type) ||
    compareText(left.IP ?? '', right.IP ?? '')
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
