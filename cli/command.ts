/** What a command is. One file in commands/ defines each; program.ts turns the list into a parser. */
import type { Context } from './context.ts';

/** One flag and the request key it fills. */
export interface OptionSpec<Value> {
  /** As commander reads it: `-t, --timeout <seconds>`. */
  readonly flags: string;
  readonly description: string;
  /** Text → value; throws CliError. With `repeats`, called once for each occurrence. */
  readonly parse?: (text: string) => Value extends readonly (infer Item)[] ? Item : Value;
  readonly choices?: readonly string[];
  /** Occurrences collect into a list. */
  readonly repeats?: boolean;
  readonly default?: Value;
  /** Request keys that make no sense beside this one. */
  readonly conflicts?: readonly string[];
}

/** An option whose value's type does not matter any more: what the parser is built from. */
export type AnyOption = Omit<OptionSpec<unknown>, 'parse'> & {
  readonly parse?: (text: string) => unknown;
};

/** Every key of the request, or null when it is deliberately not a flag. */
export type OptionsOf<Request> = {
  readonly [K in keyof Request]-?: OptionSpec<Exclude<Request[K], undefined>> | null;
};

export interface CommandDefinition<Request> {
  readonly name: string;
  /** For programs only: no help shows it. */
  readonly isHidden?: boolean;
  /** Other names that mean the same. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Positional arguments as commander reads them: `[services...]`; they arrive under their own name. */
  readonly arguments?: readonly { readonly name: string; readonly description: string }[];
  readonly options: OptionsOf<Request>;
  /** What follows the first argument belongs to another program, options included. */
  readonly passesThrough?: boolean;
  /** Shown below the options in `--help`. */
  readonly examples?: readonly string[];
  readonly subcommands?: readonly Command[];
  /** Resolves with the exit code; nothing means 0. */
  readonly run: (request: Request, context: Context) => Promise<number | undefined>;
}

/** A definition whose request type is settled, so that unlike commands fit one list. */
export interface Command {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly arguments: readonly { readonly name: string; readonly description: string }[];
  readonly options: Readonly<Record<string, AnyOption | null>>;
  readonly passesThrough: boolean;
  readonly examples: readonly string[];
  readonly subcommands: readonly Command[];
  readonly isHidden: boolean;
  /** It only has subcommands: alone it shows them. */
  readonly isGroup: boolean;
  readonly run: (request: object, context: Context) => Promise<number | undefined>;
}

/**
 * Files in commands/ import compose/ and the client as types and load them in `run`: starting the program must not
 * evaluate a YAML parser to print a help text.
 */
export function defineCommand<Request extends object>(
  definition: CommandDefinition<Request>,
): Command {
  return {
    aliases: [],
    arguments: [],
    examples: [],
    subcommands: [],
    passesThrough: false,
    isGroup: false,
    isHidden: false,
    ...definition,
    options: definition.options,
    // The parser fills exactly the keys that `options` and `arguments` declare, with the types they declare.
    run: (request, context) => definition.run(request as Request, context),
  };
}

/** Commands about one kind of thing, below a name that does nothing by itself. */
export function defineGroup({
  name,
  summary,
  subcommands,
}: Pick<Command, 'name' | 'summary' | 'subcommands'>): Command {
  return {
    name,
    summary,
    subcommands,
    aliases: [],
    arguments: [],
    examples: [],
    options: {},
    passesThrough: false,
    isGroup: true,
    isHidden: false,
    run: () => Promise.reject(new TypeError(`${name} runs nothing by itself`)),
  };
}
