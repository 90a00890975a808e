/** Host ports to try for one request, in order. */
import { readFile } from 'node:fs/promises';
import type { PortRequest } from '../model.ts';
import type { PortRange } from './refusals.ts';

const mostAttempts = 512;
/** proc_sys_net(5), net.ipv4.ip_local_port_range: its default. */
const defaultRange = { first: 32_768, last: 60_999 } as const;

export function* askedPorts({
  published,
  lastPublished = published,
}: PortRequest): Generator<number> {
  for (let port = published; port <= lastPublished; port++) yield port;
}

/** Ports nobody has asked for by number. */
export class EphemeralPorts {
  #next: number | null = null;

  /** Begins anywhere, so that an engine that was just restarted does not first ask for every port it gave before. */
  *try({ first, last }: PortRange): Generator<number> {
    const size = last - first + 1;
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const current = this.#next ?? first + Math.floor(Math.random() * size);
      const port = first + ((current - first + size) % size);
      this.#next = port + 1;
      yield port;
    }
  }
}

export async function ephemeralRange(): Promise<PortRange> {
  const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '');
  const [first, last] = text.trim().split(/\s+/).map(Number);
  if (first === undefined || last === undefined || !(first < last)) return defaultRange;
  return { first, last };
}
