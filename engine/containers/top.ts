/**
 * The processes of a container as ps(1) shows them. `-ef`, which clients ask for unless told otherwise, is read from
 * /proc here; for any other format the host's own ps is asked, never anything of the container's.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { EngineError } from '../api/index.ts';
import type { ContainerTop } from '../api/index.ts';
import type { ContainerContext } from './context.ts';
import { isAlive } from './state.ts';

type Context = Pick<ContainerContext, 'containers' | 'cgroups'>;

const defaultArguments = '-ef';

/** `psArguments` as given by a client, split at blanks; empty is `-ef`. */
export async function topContainer(
  ctx: Context,
  ref: string,
  psArguments: string,
): Promise<ContainerTop> {
  const container = ctx.containers.find(ref);
  if (!isAlive(container.status)) {
    throw new EngineError('conflict', `container ${container.id} is not running`);
  }
  if (container.status === 'restarting') {
    throw new EngineError(
      'conflict',
      `Container ${container.id} is restarting, wait until the container is running`,
    );
  }
  const pids = ctx.cgroups.pids(container.id);
  const wanted = psArguments === '' ? defaultArguments : psArguments;
  return wanted === defaultArguments ? fromProc(pids) : await fromPs(pids, wanted);
}

const titles = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];
const ticksPerSecond = 100;

function fromProc(pids: readonly number[]): ContainerTop {
  const users = readUsers();
  const bootSeconds = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
  const rows = [...pids]
    .sort((left, right) => left - right)
    .map((pid) => readProcess(pid))
    .filter((found) => found !== null)
    .map((found) => rowOf(found, { users, bootSeconds }));
  return { Titles: titles, Processes: rows };
}

interface ProcessFacts {
  readonly pid: number;
  readonly uid: number;
  readonly parent: number;
  readonly terminal: number;
  readonly cpuSeconds: number;
  /** Since boot. */
  readonly startedSeconds: number;
  readonly command: string;
}

/** proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5); null when it has ended. */
function readProcess(pid: number): ProcessFacts | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    // The name in parentheses may hold anything; fields are counted from behind it, the first is the state.
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (number: number): number => Number(fields[number - 3]);
    return {
      pid,
      uid: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]),
      parent: field(4),
      terminal: field(7),
      cpuSeconds: (field(14) + field(15)) / ticksPerSecond,
      startedSeconds: field(22) / ticksPerSecond,
      command: line === '' ? `[${name}]` : line.replace(/\0+$/, '').replaceAll('\0', ' '),
    };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

function rowOf(
  found: ProcessFacts,
  { users, bootSeconds }: { users: ReadonlyMap<number, string>; bootSeconds: number },
): readonly string[] {
  const now = Date.now() / 1000;
  const started = bootSeconds + found.startedSeconds;
  const alive = Math.max(1, now - started);
  return [
    users.get(found.uid) ?? String(found.uid),
    String(found.pid),
    String(found.parent),
    String(Math.min(99, Math.trunc((100 * found.cpuSeconds) / alive))),
    startTime(new Date(started * 1000), new Date(now * 1000)),
    terminalName(found.terminal),
    cpuTime(found.cpuSeconds),
    found.command,
  ];
}

/** ps(1): the time of today's, the day of this year's, else the year. */
function startTime(started: Date, now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  if (started.toDateString() === now.toDateString())
    return `${two(started.getHours())}:${two(started.getMinutes())}`;
  if (started.getFullYear() !== now.getFullYear()) return String(started.getFullYear());
  return `${started.toLocaleString('en-US', { month: 'short' })}${two(started.getDate())}`;
}

/** Unix98 pseudo terminals have the majors 136 to 143, Documentation/admin-guide/devices.txt. */
function terminalName(device: number): string {
  if (device === 0) return '?';
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  return major === 4 ? `tty${minor}` : '?';
}

function cpuTime(seconds: number): string {
  const whole = Math.trunc(seconds);
  const parts = [Math.trunc(whole / 3600), Math.trunc(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** The host's names, as ps on the host shows them; the container's are its own affair. */
function readUsers(): ReadonlyMap<number, string> {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const entries = lines
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 3)
    .map(([name = '', , uid]) => [Number(uid), name] as const);
  // The first line of an id is the one that counts.
  return new Map(entries.reverse());
}

const run = promisify(execFile);

/** Needs a column of process ids to tell whose processes they are, as dockerd does. */
async function fromPs(pids: readonly number[], psArguments: string): Promise<ContainerTop> {
  if (pids.length === 0) return { Titles: [], Processes: [] };
  const words = psArguments.split(/\s+/).filter((word) => word !== '');
  const { stdout } = await run('ps', words, {
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    maxBuffer: 16 << 20,
  }).catch((error: unknown) => {
    throw psFailure(psArguments, error);
  });
  const [header = '', ...lines] = stdout.trimEnd().split('\n');
  const columns = header.split(/\s+/).filter((word) => word !== '');
  const pidColumn = columns.indexOf('PID');
  if (pidColumn === -1) {
    throw new EngineError('invalid-argument', `Couldn't find PID field in ps output`, {
      hint: 'ask for the column "pid" as well',
    });
  }
  const wanted = new Set(pids.map(String));
  const rows = lines.map((line) => splitRow(line, columns.length));
  return { Titles: columns, Processes: rows.filter((row) => wanted.has(row[pidColumn] ?? '')) };
}

/** The last column may have blanks in it. */
function splitRow(line: string, columns: number): readonly string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, columns - 1), words.slice(columns - 1).join(' ')];
}

function psFailure(psArguments: string, error: unknown): EngineError {
  const { code, stderr = '' } = error as { readonly code?: unknown; readonly stderr?: string };
  if (code === 'ENOENT') {
    return new EngineError('not-implemented', 'the host has no ps to ask', {
      hint: 'install procps, or leave the arguments out',
      cause: error,
    });
  }
  const [reason = ''] = stderr.trim().split('\n');
  return new EngineError('invalid-argument', `ps ${psArguments}: ${reason}`, { cause: error });
}
