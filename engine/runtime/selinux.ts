/**
 * SELinux: which label a container's programs and files get. The policy of the machine names both
 * (/etc/selinux/NAME/contexts/lxc_contexts), each container has two categories of its own, and programs reach only what has
 * both of them or none (MCS). Words of `label=` are Docker's.
 */
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { EngineError } from '../api/index.ts';

/** Contexts: "user:role:type:level". */
export interface ContainerLabels {
  /** Empty: programs keep the label that the engine has. */
  readonly process: string;
  /** Of its files. */
  readonly mount: string;
}

/** What the next exec of a process changes to; `/proc/PID/attr` of proc(5). */
export const selinuxAttribute = 'attr/exec';

const configFile = '/etc/selinux/config';
const categories = 1024;
/** Kept for files of containers whose programs have no label, so that no other container's can reach them. */
const unlabelledLevel = `s0:c${categories - 2},c${categories - 1}`;

/** What a policy says of containers: their own labels come of it. */
export interface PolicyLabels extends ContainerLabels {
  /** Of image layers, which a program maps through the mount and the kernel asks for both labels. */
  readonly layers: string;
}

/** null: the policy, or its absence, has no labels for containers. */
export function readContainerLabels(): PolicyLabels | null {
  if (!existsSync(configFile)) return null;
  const policy = /^\s*SELINUXTYPE\s*=\s*(\S+)/m.exec(readFileSync(configFile, 'utf8'))?.[1];
  const path = `/etc/selinux/${policy}/contexts/lxc_contexts`;
  return policy !== undefined && existsSync(path)
    ? parseContexts(readFileSync(path, 'utf8'))
    : null;
}

/** Lines `KEY = "CONTEXT"`, without quotes as well. */
export function parseContexts(text: string): PolicyLabels | null {
  const valueOf = (key: string): string =>
    new RegExp(`^\\s*${key}\\s*=\\s*"?([^"\\s]+)`, 'm').exec(text)?.[1] ?? '';
  const [process, mount] = [valueOf('process'), valueOf('file')];
  const layers = valueOf('ro_file');
  if (process === '' || mount === '') return null;
  return { process, mount, layers: layers === '' ? mount : layers };
}

interface Context {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}

function parse(label: string): Context {
  const [user = '', role = '', type = '', ...level] = label.split(':');
  return { user, role, type, level: level.join(':') };
}

function print({ user, role, type, level }: Context): string {
  return [user, role, type, ...(level === '' ? [] : [level])].join(':');
}

export interface LabelRequest {
  /** Behind `label=`: "disable", "type:…". */
  readonly options: readonly string[];
  /** Of whose processes or memory this one shares: its label is taken over. */
  readonly sharedProcess: string | null;
  /** Nothing was asked for, and a container like this is not confined: it is privileged, or sees the host's processes. */
  readonly isUnconfined: boolean;
}

/** `takenLevels` are those of other containers. Throws EngineError `invalid-argument` for a word that is none. */
export function chooseLabels(
  { options, sharedProcess, isUnconfined }: LabelRequest,
  defaults: ContainerLabels,
  takenLevels: ReadonlySet<string>,
): ContainerLabels {
  const inherited =
    options.length > 0 || isUnconfined || sharedProcess === null
      ? []
      : sharedProcess === ''
        ? [disable]
        : partsOf(sharedProcess);
  const words = [...options, ...inherited];
  for (const word of words) checkWord(word);
  const file = parse(defaults.mount);
  if (words.includes(disable) || (options.length === 0 && isUnconfined))
    return { process: '', mount: print({ ...file, level: unlabelledLevel }) };
  const own = parse(defaults.process);
  const hasLevels = own.level !== '';
  const level = hasLevels ? freeLevel(takenLevels) : '';
  const start = {
    process: { ...own, level },
    mount: hasLevels ? { ...file, level } : file,
  };
  const labels = words.reduce(withWord, start);
  return { process: print(labels.process), mount: print(labels.mount) };
}

const disable = 'disable';

function partsOf(label: string): readonly string[] {
  const { user, role, type, level } = parse(label);
  return [
    ...[`user:${user}`, `role:${role}`, `type:${type}`],
    ...(level === '' ? [] : [`level:${level}`]),
  ];
}

function checkWord(word: string): void {
  if (word === disable || /^(user|role|type|level|filetype):[^\s\0:]/.test(word)) return;
  throw new EngineError(
    'invalid-argument',
    `bad label option ${JSON.stringify(word)}, valid options 'disable' or 'user, role, level, type, filetype' followed by ':' and a value`,
  );
}

interface Labels {
  readonly process: Context;
  readonly mount: Context;
}

/** A level and a user are for files as well, so that the programs can reach them. */
function withWord({ process, mount }: Labels, word: string): Labels {
  const at = word.indexOf(':');
  const part = word.slice(0, at);
  const value = word.slice(at + 1);
  if (part === 'filetype') return { process, mount: { ...mount, type: value } };
  const isForFiles = part === 'level' || part === 'user';
  return {
    process: { ...process, [part]: value },
    mount: isForFiles ? { ...mount, [part]: value } : mount,
  };
}

/** Two categories in ascending order, as the kernel prints them. */
function freeLevel(taken: ReadonlySet<string>): string {
  for (;;) {
    const [first, second] = [randomInt(categories), randomInt(categories)];
    const level = `s0:c${Math.min(first, second)},c${Math.max(first, second)}`;
    if (first !== second && level !== unlabelledLevel && !taken.has(level)) return level;
  }
}

/** Both levels of a container whose label may be given up. */
export function levelOf(label: string): string {
  return parse(label).level;
}

/** The label of files that several containers share: it has no category. */
export function sharedLabel(mount: string): string {
  const context = parse(mount);
  return context.level === '' ? mount : print({ ...context, level: 's0' });
}

/** What a program of the host needs its own label on: the directories that a system is made of, and homes. */
const keptPaths: ReadonlySet<string> = new Set([
  ...['/', '/bin', '/boot', '/dev', '/etc', '/etc/passwd', '/etc/pki', '/etc/shadow', '/home'],
  ...['/lib', '/lib64', '/media', '/opt', '/proc', '/root', '/run', '/sbin', '/srv', '/sys'],
  ...['/system', '/tmp', '/usr', '/var', '/var/lib', '/var/log'],
]);

export function mayBeRelabelled(path: string): boolean {
  return !keptPaths.has(path) && !/^\/home\/[^/]+$/.test(path);
}
