/**
 * What of the kernel and the file system belongs to one engine, cheaply enough to be asked after every kill. It reads
 * /proc of a network, mount and pid namespace that nobody else is in. What containers that the engine knows account for
 * is left out: the rest must be what an engine without containers has.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vethName } from '../../../network/names.ts';

export interface AuditRoots {
  readonly stateRoot: string;
  readonly runRoot: string;
  readonly instance: string;
}

/** What the engine says there is. */
export interface Known {
  readonly containers: readonly string[];
  readonly running: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
}

/** What every container of ours runs. */
export const containerCommand = 'sleep 1000';
/** With and without an init. */
const programs = [containerCommand, `/sbin/docker-init -- ${containerCommand}`].map(
  (command) => `process ${command}`,
);

/** Of the host, which containers of ours publish. */
export const reservedPorts: readonly number[] = [18_080, 18_053];

export function lightAudit(roots: AuditRoots, known: Known): readonly string[] {
  const running = marksOf(known.running, known.networks);
  const bridges = known.networks.map((id) => `tsc${id.slice(0, 12)}`);
  const withoutRunning = (line: string): boolean => !running.some((mark) => line.includes(mark));
  const withoutBridges = (line: string): boolean => !bridges.some((name) => line.includes(name));
  // What they have been given, and the file system it is on.
  const given = join(roots.runRoot, 'files');
  const withoutGiven = (line: string): boolean =>
    known.containers.length === 0 || !(line === `mount / ${given}` || line.includes(`${given}/`));
  const ofState = [...known.containers, ...known.networks, ...known.volumes];
  return [
    ...[...links(), ...routes()].filter(withoutBridges).filter(withoutRunning),
    // Rules of a running container are told by addresses.
    ...(known.running.length > 0 ? [] : rules().filter(withoutBridges)),
    ...[...mounts(), ...cgroups(roots.instance), ...sockets()]
      .filter(withoutRunning)
      .filter(withoutGiven),
    ...without(
      withoutProxy(processes(), known),
      known.running.flatMap(() => programs),
    ).filter(withoutRunning),
    ...tree(roots.runRoot)
      .filter(withoutRunning)
      .filter(withoutGiven)
      // Of execs, which go with their containers.
      .filter((line) => known.containers.length === 0 || !line.includes('/records/execs/')),
    // The images are the host's, which somebody may change meanwhile.
    ...['containers', 'records/containers', 'records/networks', 'records/volumes', 'volumes']
      .concat(['snapshots/active', 'tmp'])
      .flatMap((name) => tree(join(roots.stateRoot, name)))
      .filter((line) => !ofState.some((name) => line.includes(`/${name}`))),
  ].sort();
}

/** One program twice: it answers for names, and while a container runs that publishes ports, it leads them on. */
function withoutProxy(found: readonly string[], { running }: Known): readonly string[] {
  const isResolver = (line: string): boolean => line.startsWith('process tscompose-resolver ');
  const resolvers = found.filter(isResolver);
  if (running.length === 0 || resolvers.length < 2) return found;
  return [...found.filter((line) => !isResolver(line)), ...resolvers.slice(1)];
}

/** What names of a container's kernel objects are made of, see engine/store/layout.ts and network/names.ts. */
function marksOf(ids: readonly string[], networks: readonly string[]): readonly string[] {
  return ids.flatMap((id) => [
    id.slice(0, 32),
    ...networks.map((network) => vethName(id, network)),
    ...reservedPorts.map((port) => `:${port.toString(16).toUpperCase()}`),
    '/resolver/proxy.sock',
  ]);
}

export function differences(
  before: readonly string[],
  after: readonly string[],
): readonly string[] {
  return [
    ...without(after, before).map((line) => `+ ${line}`),
    ...without(before, after).map((line) => `- ${line}`),
  ];
}

function without(lines: readonly string[], other: readonly string[]): readonly string[] {
  const rest = [...other];
  return lines.filter((line) => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** The interfaces of this network namespace, proc_pid_net(5). */
function links(): readonly string[] {
  return linesOf('/proc/self/net/dev')
    .slice(2)
    .map((line) => `link ${line.split(':')[0]?.trim() ?? ''}`);
}

function routes(): readonly string[] {
  return linesOf('/proc/self/net/route')
    .slice(1)
    .map((line) => `route ${line.split('\t').slice(0, 3).join(' ')}`);
}

function rules(): readonly string[] {
  const text = execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
  return text
    .split('\n')
    .map((line) => line.trim().replace(/counter packets \d+ bytes \d+/, 'counter'))
    .filter((line) => line !== '')
    .map((line) => `rule ${line}`);
}

/** Root and mount point: proc_pid_mountinfo(5), fields 4 and 5. */
function mounts(): readonly string[] {
  return linesOf('/proc/self/mountinfo').map(
    (line) => `mount ${line.split(' ').slice(3, 5).join(' ')}`,
  );
}

function cgroups(instance: string): readonly string[] {
  const root = '/sys/fs/cgroup';
  const places = ['.', ...readdirSync(root)];
  return [
    ...new Set(
      places.flatMap((place) =>
        // The parent stays with the engine, or goes with the last container.
        tree(join(root, place, instance), 'directories')
          .slice(1)
          .map((path) => `cgroup ${path}`),
      ),
    ),
  ];
}

/** All of this pid namespace but whoever asks and what it has just started. */
function processes(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const state = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        return [`process ${state === 'Z' ? 'zombie ' : ''}${command || name}`];
      } catch (error) {
        if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
        throw error;
      }
    });
}

/** Listening: state 0A of TCP, 07 of UDP, flag 00010000 of unix(7); proc_pid_net(5). */
function sockets(): readonly string[] {
  const inet = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((name) =>
    linesOf(`/proc/self/net/${name}`)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === '0A' || state === '07')
      .map(([, address = '']) => `socket ${name} ${address}`),
  );
  const unix = linesOf('/proc/self/net/unix')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , flags, , , , path]) => flags === '00010000' && path !== undefined)
    .map(([, , , , , , , path = '']) => `socket unix ${path}`);
  return [...inet, ...unix];
}

/** A record store keeps the file of a replaced record for the next one, see engine/store/record-directory.ts. */
function tree(path: string, only?: 'directories'): readonly string[] {
  let entries;
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
  const below = entries.flatMap((entry) => {
    const child = join(path, entry.name);
    if (entry.isDirectory()) return tree(child, only);
    return only === 'directories' || child.endsWith('.tmp~') ? [] : [child];
  });
  return [path, ...below];
}
