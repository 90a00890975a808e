/** The command line of an OCI runtime, as runc and crun have it → what is asked for. */
import { EngineError } from '../api/index.ts';

type OptionKind = 'text' | 'flag' | 'list';
type OptionTable = Readonly<Record<string, OptionKind>>;

export interface Options {
  readonly text: (name: string) => string | undefined;
  readonly flag: (name: string) => boolean;
  readonly list: (name: string) => readonly string[];
}

export interface Invocation {
  readonly global: Options;
  /** Empty: only a global option such as `--version` was given. */
  readonly command: string;
  readonly options: Options;
  readonly words: readonly string[];
}

const globalOptions: OptionTable = {
  root: 'text',
  log: 'text',
  'log-format': 'text',
  'log-level': 'text',
  debug: 'flag',
  'systemd-cgroup': 'flag',
  'cgroup-manager': 'text',
  rootless: 'text',
  criu: 'text',
  version: 'flag',
  help: 'flag',
};

const creation: OptionTable = {
  bundle: 'text',
  config: 'text',
  'console-socket': 'text',
  'pid-file': 'text',
  'preserve-fds': 'text',
  'no-pivot': 'flag',
  'no-new-keyring': 'flag',
  'no-subreaper': 'flag',
};

const limits: OptionTable = {
  resources: 'text',
  memory: 'text',
  'memory-reservation': 'text',
  'memory-swap': 'text',
  'cpu-period': 'text',
  'cpu-quota': 'text',
  'cpu-share': 'text',
  'cpuset-cpus': 'text',
  'cpuset-mems': 'text',
  'blkio-weight': 'text',
  'pids-limit': 'text',
};

const program: OptionTable = {
  process: 'text',
  'console-socket': 'text',
  'pid-file': 'text',
  'preserve-fds': 'text',
  detach: 'flag',
  tty: 'flag',
  cwd: 'text',
  env: 'list',
  user: 'text',
  'additional-gids': 'list',
  cap: 'list',
  'no-new-privs': 'flag',
  'ignore-paused': 'flag',
  'no-subreaper': 'flag',
};

export const commandOptions: Readonly<Record<string, OptionTable>> = {
  create: creation,
  run: { ...creation, detach: 'flag', keep: 'flag' },
  start: {},
  state: {},
  kill: { all: 'flag' },
  delete: { force: 'flag' },
  exec: program,
  pause: {},
  resume: {},
  ps: { format: 'text' },
  list: { format: 'text', quiet: 'flag' },
  update: limits,
  events: { stats: 'flag', interval: 'text' },
  features: {},
};

const letters: Readonly<Record<string, string>> = {
  a: 'all',
  b: 'bundle',
  c: 'cap',
  d: 'detach',
  e: 'env',
  f: 'force',
  g: 'additional-gids',
  h: 'help',
  p: 'process',
  q: 'quiet',
  r: 'resources',
  t: 'tty',
  u: 'user',
  v: 'version',
};

/** Of `exec` and `run` the words behind the container are the program's. */
const takesProgram: ReadonlySet<string> = new Set(['exec']);

export function parseArguments(argv: readonly string[]): Invocation {
  const global = new Found(globalOptions, 'before the command');
  const rest = global.take(argv, 0);
  const [command, ...others] = rest;
  if (command === undefined) return { global, command: '', options: global, words: [] };
  const table = Object.hasOwn(commandOptions, command) ? commandOptions[command] : undefined;
  if (table === undefined) {
    throw new EngineError('invalid-argument', `unknown command "${command}"`, {
      hint: `use one of ${Object.keys(commandOptions).join(', ')}`,
    });
  }
  const options = new Found(table, `of "${command}"`);
  const words = options.take(others, takesProgram.has(command) ? 1 : Number.POSITIVE_INFINITY);
  return { global, command, options, words };
}

class Found implements Options {
  readonly #table: OptionTable;
  readonly #where: string;
  readonly #values = new Map<string, string[]>();

  constructor(table: OptionTable, where: string) {
    this.#table = table;
    this.#where = where;
  }

  /** Takes options until `words` words were seen, and returns the words and all that follows. */
  take(argv: readonly string[], words: number): readonly string[] {
    const found: string[] = [];
    for (let at = 0; at < argv.length;) {
      const argument = argv[at] ?? '';
      if (argument === '--') return [...found, ...argv.slice(at + 1)];
      if (!argument.startsWith('-') || argument === '-') {
        if (found.length >= words) return [...found, ...argv.slice(at)];
        found.push(argument);
        at += 1;
      } else at += this.#takeOption(argument, argv[at + 1]);
    }
    return found;
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  flag(name: string): boolean {
    return this.#values.get(name)?.at(-1) === 'true';
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** How many arguments it took. One dash and two are the same, as Go has it. */
  #takeOption(argument: string, next: string | undefined): number {
    const [written = '', ...value] = argument.replace(/^--?/, '').split('=');
    const name = this.#nameOf(written);
    const kind = this.#table[name];
    if (kind === undefined) {
      throw new EngineError('invalid-argument', `unknown option "${argument}" ${this.#where}`);
    }
    if (value.length > 0) return this.#add(name, value.join('='), 1);
    if (kind === 'flag') return this.#add(name, 'true', 1);
    if (next === undefined) {
      throw new EngineError('invalid-argument', `option "${argument}" needs a value`);
    }
    return this.#add(name, next, 2);
  }

  #nameOf(written: string): string {
    if (Object.hasOwn(this.#table, written)) return written;
    const long = letters[written];
    // "-f" is a format where there is nothing to force, a configuration where there is neither.
    const candidates = [long, written === 'f' ? 'format' : long, written === 'f' ? 'config' : long];
    const known = candidates.find((name) => name !== undefined && Object.hasOwn(this.#table, name));
    return known ?? written;
  }

  #add(name: string, value: string, taken: number): number {
    this.#values.set(name, [...(this.#values.get(name) ?? []), value]);
    return taken;
  }
}
