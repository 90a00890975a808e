/**
 * The leak audit: what of the kernel and the file system belongs to us now, as sorted lines by kind, so that two
 * moments can be compared. It reads the network namespace it runs in, the whole machine's mounts and cgroups, and the
 * processes that live in this network namespace or in a cgroup of the instance.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import { tempPrefix } from './temp-dir.ts';

const run = promisify(execFile);

export interface AuditScope {
  /** Cgroup parent directory name and nftables prefix of the engine under test. */
  readonly instance: string;
  /** Directories whose whole content is compared, such as an engine's run root. */
  readonly directories: readonly string[];
  /** Pids of processes whose descriptors are compared by kind; the engine. */
  readonly descriptorsOf?: readonly number[];
}

export type Audit = ReadonlyMap<string, readonly string[]>;

export async function takeAudit(scope: AuditScope): Promise<Audit> {
  const kinds: Record<string, Promise<readonly string[]>> = {
    links: links(),
    routes: lines('ip', ['route', 'show', 'table', 'all']),
    rules: firewallRules(),
    mounts: mounts(),
    'network namespaces': networkNamespaceMounts(),
    cgroups: cgroups(scope.instance),
    processes: processes(scope.instance),
    'listening sockets': lines('ss', ['-H', '-l', '-n', '-t', '-u', '-x']).then(stableSockets),
    'temporary files': temporaryFiles(),
    files: Promise.all(scope.directories.map((path) => tree(path))).then((found) =>
      // A record store keeps the file of a replaced record for the next one, see engine/store/record-directory.ts.
      found.flat().filter((path) => !path.endsWith('.tmp~')),
    ),
    descriptors: Promise.all((scope.descriptorsOf ?? []).map(descriptors)).then((found) =>
      found.flat(),
    ),
  };
  const entries = await Promise.all(
    Object.entries(kinds).map(async ([kind, found]) => [kind, [...(await found)].sort()] as const),
  );
  return new Map(entries);
}

/** What others on the machine make and remove as well: that something of it is gone is not our doing. */
const sharedKinds: ReadonlySet<string> = new Set([
  'mounts',
  'network namespaces',
  'temporary files',
]);

/** Lines such as `+ links: tsc12ab` (appeared) and `- rules: …` (gone); empty when nothing changed. */
export function compareAudits(before: Audit, after: Audit): readonly string[] {
  return [...after].flatMap(([kind, now]) => {
    const then = before.get(kind) ?? [];
    const gone = sharedKinds.has(kind) ? [] : without(then, now);
    return [
      ...without(now, then).map((line) => `+ ${kind}: ${line}`),
      ...gone.map((line) => `- ${kind}: ${line}`),
    ];
  });
}

/** Waits until nothing differs from `before`: the kernel finishes namespaces in the background. */
export async function expectNoLeaks(before: Audit, scope: AuditScope): Promise<void> {
  await eventually(
    async () => {
      const leaks = compareAudits(before, await takeAudit(scope));
      if (leaks.length > 0) throw new Error(`left behind:\n${leaks.join('\n')}`);
    },
    { timeoutMs: 5_000, intervalMs: 100 },
  );
}

function without(lines: readonly string[], other: readonly string[]): readonly string[] {
  const rest = [...other];
  return lines.filter((line) => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

async function lines(file: string, args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run(file, [...args], { maxBuffer: 64 << 20 });
  return stdout.split('\n').filter((line) => line.trim() !== '');
}

async function links(): Promise<readonly string[]> {
  const found = JSON.parse((await run('ip', ['-j', 'link', 'show'])).stdout) as {
    ifname: string;
    link_netnsid?: number;
  }[];
  return found.map((link) => link.ifname);
}

async function firewallRules(): Promise<readonly string[]> {
  const found = await lines('nft', ['list', 'ruleset']);
  return found.map((line) => line.trim().replace(/counter packets \d+ bytes \d+/, 'counter'));
}

async function mounts(): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  // Fields 4 and 5 are root and mount point, see proc_pid_mountinfo(5); the ids before them are recycled.
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ').slice(2, 5).join(' '));
}

async function networkNamespaceMounts(): Promise<readonly string[]> {
  const found = await mounts();
  return found.filter((line) => line.includes(' net:['));
}

/** Below the engine's own directories, which stay as long as it runs: `instanceCgroups` is for its end. */
async function cgroups(instance: string): Promise<readonly string[]> {
  const own = await instanceCgroups(instance);
  const found = await Promise.all(own.map((path) => tree(path, 'directories')));
  return found.flat().filter((path) => !own.includes(path));
}

/** The engine's own directories, one in each hierarchy. */
export async function instanceCgroups(instance: string): Promise<readonly string[]> {
  const hierarchies = await readdir('/sys/fs/cgroup', { withFileTypes: true });
  const roots = ['.', ...hierarchies.filter((entry) => entry.isDirectory()).map((e) => e.name)];
  return roots
    .map((root) => join('/sys/fs/cgroup', root, instance))
    .filter((path) => existsSync(path));
}

async function processes(instance: string): Promise<readonly string[]> {
  const ownNamespace = await readlink('/proc/self/ns/net');
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(gone);
      if (stat === undefined) return [];
      const [, parent] = fieldsOfStat(stat);
      const namespaces = await Promise.all(
        [pid, parent].map((id) => readlink(`/proc/${id ?? '0'}/ns/net`).catch(gone)),
      );
      const group = (await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(gone)) ?? '';
      const isZombieOfOurs = fieldsOfStat(stat)[0] === 'Z' && namespaces[1] === ownNamespace;
      const isOurs =
        namespaces[0] === ownNamespace || group.includes(`/${instance}/`) || isZombieOfOurs;
      return isOurs && !isOfTheTest(pid, parent) ? [await describeProcess(pid, stat)] : [];
    }),
  );
  return found.flat();
}

/** State and parent pid; the name before them may hold spaces and brackets, see proc_pid_stat(5). */
function fieldsOfStat(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** The runner itself and what this audit has just started. */
function isOfTheTest(pid: string, parent: string | undefined): boolean {
  return pid === String(process.pid) || parent === String(process.pid);
}

async function describeProcess(pid: string, stat: string): Promise<string> {
  const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(gone)) ?? '';
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  // Of the states only one tells of a mistake; the others change by themselves.
  const state = fieldsOfStat(stat)[0] === 'Z' ? 'zombie ' : '';
  return `${pid} ${state}${command.replaceAll('\0', ' ').trim() || name}`;
}

function stableSockets(found: readonly string[]): readonly string[] {
  // Netid, state, local address; queue lengths and inode numbers change by themselves.
  return found.map((line) => {
    const columns = line.split(/\s+/);
    return [columns[0], columns[1], columns[4]].join(' ');
  });
}

async function temporaryFiles(): Promise<readonly string[]> {
  const found = await readdir(tmpdir());
  return found.filter((name) => name.startsWith(tempPrefix));
}

async function tree(path: string, only?: 'directories'): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(gone);
  if (entries === undefined) return [];
  const below = await Promise.all(
    entries.map(async (entry) => {
      const child = join(path, entry.name);
      if (entry.isDirectory()) return await tree(child, only);
      return only === 'directories' ? [] : [child];
    }),
  );
  return [path, ...below.flat()];
}

async function descriptors(pid: number): Promise<readonly string[]> {
  const names = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(
    names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(gone)),
  );
  return targets
    .filter((target) => target !== undefined)
    .map((target) => `${pid} ${kindOf(target)}`);
}

/** `socket:[123]` → `socket`: numbers differ between two moments without anything being leaked. */
function kindOf(target: string): string {
  return target.replace(/:\[\d+\]$/, '');
}

/** Processes and files may vanish while they are looked at; anything else is an error of the audit. */
function gone(error: NodeJS.ErrnoException): undefined {
  if (['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'].includes(error.code ?? '')) return undefined;
  throw error;
}
