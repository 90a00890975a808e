/** What could stand where the cursor is, from the same list of commands as the parser and the help. */
import type { AnyOption, Command } from './command.ts';

/** What only a compose file or an engine knows. */
export type NameKind =
  'containers' | 'images' | 'networks' | 'profiles' | 'projects' | 'services' | 'volumes';

export interface Candidate {
  readonly word: string;
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Names of these as well. */
  readonly names: NameKind | null;
  /** Values of the options before the command, which say what file and engine is meant. */
  readonly global: Readonly<Record<string, unknown>>;
}

export interface Grammar {
  readonly commands: readonly Command[];
  readonly globalOptions: Options;
}

type Options = Readonly<Record<string, AnyOption | null>>;

/** `words`: all behind the program's name, the last one being typed and perhaps empty. */
export function complete(words: readonly string[], grammar: Grammar): Completion {
  const current = words.at(-1) ?? '';
  const line = readLine(words.slice(0, -1), grammar);
  const { global } = line;
  const found = possibilities(line, current, grammar);
  const candidates = found.candidates.filter(({ word }) => word.startsWith(current));
  return { candidates, names: found.names, global };
}

type Found = Pick<Completion, 'candidates' | 'names'>;

const nothing: Found = { candidates: [], names: null };

interface Line {
  /** From the outermost group to the command. */
  readonly path: readonly Command[];
  readonly arguments: number;
  /** An option whose value is being typed. */
  readonly open: readonly [key: string, option: AnyOption] | null;
  readonly isOnlyArguments: boolean;
  readonly global: Readonly<Record<string, unknown>>;
}

function readLine(words: readonly string[], grammar: Grammar): Line {
  const reader = new LineReader(grammar);
  for (const word of words) reader.read(word);
  return reader;
}

class LineReader implements Line {
  readonly path: Command[] = [];
  readonly global: Record<string, unknown> = {};
  arguments = 0;
  open: Line['open'] = null;
  isOnlyArguments = false;
  readonly #grammar: Grammar;

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
  }

  read(word: string): void {
    if (this.open !== null) this.#readValue(this.open, word);
    else if (this.isOnlyArguments || !isOption(word)) this.#readName(word);
    else if (word === '--') this.isOnlyArguments = true;
    else this.#readOption(word);
  }

  #readValue(open: NonNullable<Line['open']>, word: string): void {
    if (this.path.length === 0) keep(this.global, open, word);
    this.open = null;
  }

  #readName(word: string): void {
    const command = this.path.at(-1);
    const children = childrenOf(command, this.#grammar);
    const child = this.isOnlyArguments ? undefined : children.find((one) => isNamed(one, word));
    if (child !== undefined) this.path.push(child);
    else this.arguments += 1;
    if (command?.passesThrough === true) this.isOnlyArguments = true;
  }

  #readOption(word: string): void {
    const [flag = '', value] = word.split(/=(.*)/su);
    const options = this.path.at(-1)?.options ?? this.#grammar.globalOptions;
    for (const [key, option] of Object.entries(options)) {
      if (option === null || !flagsOf(option).includes(flag)) continue;
      if (value === undefined && takesValue(option)) this.open = [key, option];
      else if (this.path.length === 0) keep(this.global, [key, option], value ?? true);
    }
  }
}

function keep(
  global: Record<string, unknown>,
  [key, { repeats }]: readonly [string, AnyOption],
  value: unknown,
): void {
  const earlier = global[key];
  if (repeats !== true) global[key] = value;
  else global[key] = [...(Array.isArray(earlier) ? (earlier as unknown[]) : []), value];
}

function possibilities(line: Line, current: string, grammar: Grammar): Found {
  const { path, open, isOnlyArguments } = line;
  const command = path.at(-1);
  if (open !== null) return valuesOf(open);
  if (isOption(current) && !isOnlyArguments) {
    return { candidates: flagsFor(command?.options ?? grammar.globalOptions), names: null };
  }
  const children = childrenOf(command, grammar);
  if (line.arguments === 0 && children.length > 0) {
    const candidates = children.map(({ name, summary }) => ({ word: name, description: summary }));
    return { candidates, names: null };
  }
  return command === undefined ? nothing : argumentsOf(path, line.arguments);
}

function childrenOf(command: Command | undefined, { commands }: Grammar): readonly Command[] {
  return (command === undefined ? commands : command.subcommands).filter(
    ({ isHidden }) => !isHidden,
  );
}

function isNamed({ name, aliases }: Command, word: string): boolean {
  return name === word || aliases.includes(word);
}

function isOption(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

function flagsOf({ flags }: AnyOption): string[] {
  return flags.split(/[ ,]+/u).filter((word) => word.startsWith('-'));
}

function takesValue({ flags }: AnyOption): boolean {
  return flags.includes('<');
}

function flagsFor(options: Options): Candidate[] {
  const own = Object.values(options).flatMap((option) =>
    option === null
      ? []
      : flagsOf(option)
          .filter((flag) => flag.startsWith('--'))
          .map((word) => ({ word, description: option.description })),
  );
  return [...own, { word: '--help', description: 'show help' }];
}

const namesOfOptions: Readonly<Record<string, NameKind>> = {
  attach: 'services',
  exitCodeFrom: 'services',
  noAttach: 'services',
  profile: 'profiles',
  projectName: 'projects',
};

/** Files are what the shell completes where we have nothing. */
function valuesOf([key, { choices = [] }]: readonly [string, AnyOption]): Found {
  return {
    candidates: choices.map((word) => ({ word, description: '' })),
    names: namesOfOptions[key] ?? null,
  };
}

const namesOfArguments: Readonly<Record<string, NameKind>> = {
  container: 'containers',
  network: 'networks',
  reference: 'images',
  service: 'services',
  services: 'services',
};

/** `names` are of the kind that their group is about. */
const namesOfGroups: Readonly<Record<string, NameKind>> = {
  container: 'containers',
  image: 'images',
  network: 'networks',
  volume: 'volumes',
};

/** Where something new is named there is nothing to offer. */
const makers: ReadonlySet<string> = new Set(['create']);

function argumentsOf(path: readonly Command[], count: number): Found {
  const command = path.at(-1);
  const group = path.at(-2)?.name ?? '';
  if (command === undefined || (group !== '' && makers.has(command.name))) return nothing;
  const last = command.arguments.at(-1);
  const argument = command.arguments[count] ?? (last?.name.includes('...') === true ? last : null);
  if (argument === null) return nothing;
  const name = argument.name.replaceAll(/[^a-z]/gu, '');
  const names = name === 'names' ? namesOfGroups[group] : namesOfArguments[name];
  return { candidates: [], names: names ?? null };
}
