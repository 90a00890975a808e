/** Who holds a port of this host, from /proc: the answer to "address already in use". */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import type { Protocol } from '../model.ts';
import { requireAddress } from '../ipam/address.ts';
import type { Address } from '../ipam/address.ts';
import { isLittleEndian } from '../netlink/bytes.ts';

export interface PortOwner {
  readonly pid: number;
  readonly program: string;
  readonly user: string;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
}

export interface SocketEntry {
  /** IPv4 as a number; null for an IPv6 address that no IPv4 traffic reaches. */
  readonly address: number | null;
  /** Of a socket of IPv6; null for one of IPv4. */
  readonly ipv6: bigint | null;
  readonly port: number;
  readonly isListening: boolean;
  readonly inode: string;
}

/** null when nobody is found, as for a port that is reserved and not listened on, or without permission to look. */
export async function findPortOwner(
  protocol: Protocol,
  hostIp: string,
  port: number,
): Promise<PortOwner | null> {
  // The kernel shows SCTP sockets without the inode that leads to their process.
  if (protocol === 'sctp') return null;
  const wanted = requireAddress(hostIp);
  const tables = await Promise.all([protocol, `${protocol}6`].map((name) => readTable(name)));
  const holders = tables
    .flat()
    .filter((entry) => entry.port === port && entry.inode !== '0')
    .filter((entry) => clash(entry, wanted))
    .sort((one, other) => Number(other.isListening) - Number(one.isListening));
  const inodes = new Set(holders.map(({ inode }) => `socket:[${inode}]`));
  const pid = inodes.size === 0 ? null : await findHolder(inodes);
  return pid === null ? null : await describeProcess(pid);
}

/** proc_pid_net(5): the lines of /proc/net/{tcp,tcp6,udp,udp6}. */
export function parseSocketTable(text: string): readonly SocketEntry[] {
  return text.split('\n').slice(1).flatMap(parseSocketLine);
}

function parseSocketLine(line: string): SocketEntry[] {
  const columns = line.trim().split(/\s+/);
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(columns[1] ?? '');
  const inode = columns[9];
  if (match === null || inode === undefined) return [];
  const [, address = '', port = ''] = match;
  return [
    {
      address: address.length === 8 ? hexAddress(address) : mappedAddress(address),
      ipv6: address.length === 8 ? null : wholeAddress(address),
      port: Number.parseInt(port, 16),
      isListening: columns[3] === listening,
      inode,
    },
  ];
}

const listening = '0A';

/** What is bound for IPv6 takes IPv4 too, unless it was told not to. */
function clash({ address, ipv6 }: SocketEntry, { family, value }: Address): boolean {
  const bound = family === 6 ? ipv6 : address;
  return bound !== null && (BigInt(bound) === 0n || value === 0n || BigInt(bound) === value);
}

/** Printed as a number, so its bytes are swapped on most machines. */
function hexAddress(text: string): number {
  const bytes = Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return new DataView(bytes.buffer).getUint32(0, isLittleEndian);
}

/** `::` takes IPv4 as well; `::ffff:a.b.c.d` is a.b.c.d. */
function mappedAddress(text: string): number | null {
  const words = (text.match(/.{8}/g) ?? []).map(hexAddress);
  const [first, second, third, last = 0] = words;
  if (first !== 0 || second !== 0) return null;
  if (third === 0xffff) return last;
  return third === 0 && last === 0 ? 0 : null;
}

function wholeAddress(text: string): bigint {
  const words = (text.match(/.{8}/g) ?? []).map(hexAddress);
  return words.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
}

async function readTable(name: string): Promise<readonly SocketEntry[]> {
  try {
    return parseSocketTable(await readFile(`/proc/net/${name}`, 'utf8'));
  } catch {
    // No IPv6 in this kernel, or no /proc: then nothing is known, and the port is in use all the same.
    return [];
  }
}

async function findHolder(links: ReadonlySet<string>): Promise<number | null> {
  for (const name of await readdir('/proc')) {
    if (/^\d+$/.test(name) && (await holdsAny(`/proc/${name}/fd`, links))) return Number(name);
  }
  return null;
}

/** False too for a process that has ended meanwhile or that we may not look into. */
async function holdsAny(directory: string, links: ReadonlySet<string>): Promise<boolean> {
  const names = await readdir(directory).catch((): string[] => []);
  const targets = await Promise.all(
    names.map((name) => readlink(`${directory}/${name}`).catch(() => '')),
  );
  return targets.some((target) => links.has(target));
}

async function describeProcess(pid: number): Promise<PortOwner | null> {
  try {
    const directory = `/proc/${pid}`;
    const [program, { uid }, started] = await Promise.all([
      readFile(`${directory}/comm`, 'utf8'),
      stat(directory),
      startTime(directory),
    ]);
    return { pid, program: program.trimEnd(), user: await userName(uid), startedAt: started };
  } catch {
    // It has ended since: whoever asks again may succeed.
    return null;
  }
}

/** proc_pid_stat(5): field 22, in clock ticks of 1/100 s since boot, which is in /proc/stat. */
async function startTime(directory: string): Promise<string> {
  const own = await readFile(`${directory}/stat`, 'utf8');
  const ticks = Number(own.slice(own.lastIndexOf(')') + 2).split(' ')[19]);
  const boot = Number(/^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1]);
  return new Date(boot * 1000 + ticks * 10).toISOString();
}

async function userName(uid: number): Promise<string> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const line = text.split('\n').find((entry) => entry.split(':')[2] === String(uid));
  return line?.split(':')[0] ?? String(uid);
}
