/** The list of commands and the global options become a parser. */
import { Argument, Command as Parser, CommanderError, Option } from 'commander';
import { CliError } from './cli-error.ts';
import type { AnyOption, Command } from './command.ts';
import { commands } from './commands/index.ts';
import { globalOptions, type GlobalRequest } from './options.ts';
import { versionLine } from './version-text.ts';
import { version } from './product.ts';

/** What the command line asks for. */
export type Invocation =
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly request: object;
      readonly global: GlobalRequest;
    }
  /** `--help`, `--version`, a group without, or no command: text for standard output. */
  | { readonly kind: 'text'; readonly text: string };

/** Throws CliError for a line that cannot be understood. */
export function parseCommandLine(argv: readonly string[]): Invocation {
  let invocation: Invocation | undefined;
  let text = '';
  let told = '';
  const program = new Parser('tscompose')
    .description('Run multi-container applications from a compose file, with no daemon to set up.')
    .usage('[global options] <command> [options] [services...]')
    // `logs -f` follows while `-f` before it names a file, so each option belongs to where it stands.
    .enablePositionalOptions()
    .version(versionLine(version).trimEnd(), '-v, --version', 'show the version')
    .configureHelp({ sortOptions: false, showGlobalOptions: false })
    .helpOption('-h, --help', 'show help')
    .showSuggestionAfterError(true);
  addOptions(program, globalOptions);
  for (const command of commands) {
    addCommand(program, command, (request) => {
      invocation = {
        kind: 'run',
        command: request.command,
        request: request.values,
        global: program.opts(),
      };
    });
  }
  for (const parser of withDescendants(program)) {
    parser.exitOverride().configureOutput({
      writeOut: (part) => {
        text += part;
      },
      writeErr: (part) => {
        told += part;
      },
    });
  }
  try {
    if (argv.length === 0) return { kind: 'text', text: program.helpInformation() };
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'text', text };
    // A group alone: what there is below it.
    if (error.code === 'commander.help') return { kind: 'text', text: told };
    throw usageError(error, argv);
  }
  if (invocation === undefined) return { kind: 'text', text: program.helpInformation() };
  return invocation;
}

interface Request {
  readonly command: Command;
  readonly values: object;
}

function addCommand(parent: Parser, command: Command, found: (request: Request) => void): void {
  const parser = parent
    .command(command.name, { hidden: command.isHidden })
    .aliases([...command.aliases])
    .summary(command.summary)
    .description(command.summary.charAt(0).toUpperCase() + command.summary.slice(1) + '.')
    .helpOption('-h, --help', 'show help');
  for (const argument of command.arguments) {
    parser.addArgument(new Argument(argument.name, argument.description));
  }
  addOptions(parser, command.options);
  if (command.passesThrough) parser.passThroughOptions();
  if (command.examples.length > 0) {
    parser.addHelpText(
      'after',
      `\nExamples:\n${command.examples.map((line) => `  ${line}\n`).join('')}`,
    );
  }
  for (const subcommand of command.subcommands) addCommand(parser, subcommand, found);
  if (command.isGroup) return;
  parser.action(() => {
    found({ command, values: { ...parser.opts(), ...argumentsOf(parser, command) } });
  });
}

function argumentsOf(parser: Parser, command: Command): Record<string, unknown> {
  return Object.fromEntries(
    command.arguments.flatMap(({ name }, index) => {
      const value: unknown = parser.processedArgs[index];
      return value === undefined ? [] : [[name.replaceAll(/[^a-z]/gu, ''), value]];
    }),
  );
}

function addOptions(parser: Parser, specs: Readonly<Record<string, AnyOption | null>>): void {
  for (const [key, spec] of Object.entries(specs)) {
    if (spec !== null) parser.addOption(toOption(key, spec));
  }
}

function toOption(key: string, spec: AnyOption): Option {
  const option = new Option(spec.flags, spec.description);
  option.attributeName = () => key;
  // `--no-start` is a flag like others, absent or true: commander would make it the negation of a flag `--start`
  // that is true by default.
  option.negate = false;
  const { choices, parse, repeats } = spec;
  if (choices !== undefined) option.choices(choices);
  const read = parse === undefined ? undefined : namingFlag(spec.flags, parse);
  if (repeats === true) {
    option.argParser((text: string, earlier: readonly unknown[] | undefined) => [
      ...(earlier ?? []),
      read === undefined ? text : read(text),
    ]);
  } else if (read !== undefined) {
    option.argParser((text: string) => read(text));
  }
  if (spec.default !== undefined) option.default(spec.default);
  if (spec.conflicts !== undefined) option.conflicts([...spec.conflicts]);
  return option;
}

/** A value that cannot be read is reported with the flag that it was given to. */
function namingFlag(flags: string, parse: (text: string) => unknown): (text: string) => unknown {
  const flag = /--[\w-]+/u.exec(flags)?.[0] ?? flags;
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof CliError) || error.message.includes(flag)) throw error;
      throw new CliError(`${flag}: ${error.message}`, { hint: error.hint });
    }
  };
}

function withDescendants(parser: Parser): Parser[] {
  return [parser, ...parser.commands.flatMap(withDescendants)];
}

/** Commander's findings in our form: quotes, a hint apart from the message. */
function usageError({ message, code }: CommanderError, argv: readonly string[]): CliError {
  const [first = '', ...rest] = message.split('\n');
  const text = first.replace(/^error: /u, '').replaceAll("'", '"');
  const suggestion = /\(Did you mean (.*)\?\)/u.exec(rest.join(' '))?.[1];
  const misplaced = code === 'commander.unknownOption' ? misplacedGlobal(text, argv) : undefined;
  const hint =
    misplaced ?? (suggestion === undefined ? fallbackHint(argv) : `did you mean "${suggestion}"?`);
  return new CliError(text, { hint });
}

/** `tscompose up --progress plain`: right option, wrong place. */
function misplacedGlobal(text: string, argv: readonly string[]): string | undefined {
  const flag = /"(-[^"=]*)/u.exec(text)?.[1] ?? '';
  const isGlobal = Object.values(globalOptions).some(
    (spec) => spec?.flags.split(/[ ,]+/u).includes(flag) === true,
  );
  const command = argv.find((word) =>
    commands.some(({ name, aliases }) => name === word || aliases.includes(word)),
  );
  if (!isGlobal || command === undefined) return undefined;
  return `put ${flag} before the command: \`tscompose ${flag} … ${command}\``;
}

function fallbackHint(argv: readonly string[]): string {
  const command = argv.find((word) =>
    commands.some(({ name, aliases }) => name === word || aliases.includes(word)),
  );
  return `\`tscompose ${command === undefined ? '' : `${command} `}--help\` shows what there is`;
}
