/** Go's text/template, as far as one line on a command line goes: no named templates. */
import { splitTemplate, templateError, type Piece, type Word } from './scan.ts';

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipe: Pipe }
  | Branch
  | { readonly kind: 'break' | 'continue' };

export interface Branch {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: Pipe;
  readonly then: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** `$x := a b | c`: the value of each command is the last argument of the next. */
export interface Pipe {
  readonly variables: readonly string[];
  /** `=` instead of `:=`. */
  readonly isAssignment: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

export type Operand =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'nil' }
  | { readonly kind: 'function'; readonly name: string }
  | {
      readonly kind: 'path';
      readonly base:
        | { readonly kind: 'dot' }
        | { readonly kind: 'variable'; readonly name: string }
        | { readonly kind: 'pipe'; readonly pipe: Pipe };
      readonly fields: readonly string[];
    };

const keywords = new Set(['if', 'with', 'range', 'else', 'end', 'break', 'continue']);
const unsupported = new Set(['define', 'template', 'block']);

/** Throws CliError in Go's words. */
export function parseTemplate(source: string): readonly Node[] {
  const parser = new Parser(splitTemplate(source));
  return parser.whole();
}

class Parser {
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  whole(): Node[] {
    const { nodes, end } = this.#list();
    if (end !== null) throw templateError(`unexpected {{${end.name}}}`);
    return nodes;
  }

  /** To the next `else` or `end` that belongs to the list. */
  #list(): {
    readonly nodes: Node[];
    readonly end: { readonly name: string; readonly words: readonly Word[] } | null;
  } {
    const nodes: Node[] = [];
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      if (piece.kind === 'text') {
        nodes.push(piece);
        continue;
      }
      const { name, words } = keywordOf(piece.words);
      if (name === 'else' || name === 'end') return { nodes, end: { name, words } };
      nodes.push(this.#node(name, words));
    }
    return { nodes, end: null };
  }

  #next(): Piece | undefined {
    const piece = this.#pieces[this.#at];
    this.#at += 1;
    return piece;
  }

  #node(name: string | null, words: readonly Word[]): Node {
    if (name === 'if' || name === 'with' || name === 'range') return this.#branch(name, words);
    if (name === 'break' || name === 'continue') return { kind: name };
    return { kind: 'output', pipe: parsePipe(words, 'command') };
  }

  #branch(kind: Branch['kind'], words: readonly Word[]): Branch {
    const pipe = parsePipe(words, kind);
    const { nodes: then, end } = this.#list();
    if (end === null) throw templateError('unexpected EOF');
    if (end.name === 'end') return { kind, pipe, then, otherwise: [] };
    // `{{else if x}}` is `{{else}}{{if x}}` that shares its end.
    const { name, words: condition } = keywordOf(end.words);
    if (name === 'if' || name === 'with') {
      return { kind, pipe, then, otherwise: [this.#branch(name, condition)] };
    }
    const { nodes: otherwise, end: last } = this.#list();
    if (last === null) throw templateError('unexpected EOF');
    if (last.name !== 'end') throw templateError('expected end; found {{else}}');
    return { kind, pipe, then, otherwise };
  }
}

function keywordOf(all: readonly Word[]): {
  readonly name: string | null;
  readonly words: readonly Word[];
} {
  const words = all[0]?.kind === 'space' ? all.slice(1) : all;
  const [first, ...rest] = words;
  if (first?.kind !== 'name') return { name: null, words };
  if (unsupported.has(first.text)) {
    throw templateError(`{{${first.text}}} is not for one line: named templates are not supported`);
  }
  return keywords.has(first.text) ? { name: first.text, words: rest } : { name: null, words };
}

function parsePipe(words: readonly Word[], context: string): Pipe {
  const parser = new PipeParser(words);
  const pipe = parser.pipe(context);
  if (!parser.isAtEnd) throw templateError(`unexpected "${parser.word?.text ?? ''}" in ${context}`);
  return pipe;
}

class PipeParser {
  readonly #words: readonly Word[];
  #at = 0;

  constructor(words: readonly Word[]) {
    this.#words = words;
  }

  get word(): Word | undefined {
    return this.#words[this.#at];
  }

  get isAtEnd(): boolean {
    this.#skipSpace();
    return this.word === undefined;
  }

  pipe(context: string): Pipe {
    const { variables, isAssignment } = this.#declaration(context);
    const commands = [this.#command(context)];
    while (this.#take('|')) commands.push(this.#command(context));
    return { variables, isAssignment, commands };
  }

  /** `$x :=`, `$i, $x :=` or nothing. */
  #declaration(context: string): Pick<Pipe, 'variables' | 'isAssignment'> {
    const start = this.#at;
    const variables: string[] = [];
    this.#skipSpace();
    while (this.word?.kind === 'variable') {
      variables.push(this.word.text);
      this.#at += 1;
      if (context === 'range' && variables.length < 2 && this.#take(',')) {
        this.#skipSpace();
        continue;
      }
      if (this.#take(':=')) return { variables, isAssignment: false };
      if (this.#take('=')) return { variables, isAssignment: true };
      break;
    }
    this.#at = start;
    return { variables: [], isAssignment: false };
  }

  #command(context: string): Operand[] {
    const operands: Operand[] = [];
    for (;;) {
      this.#skipSpace();
      const operand = this.#operand(context);
      if (operand === null) break;
      operands.push(operand);
    }
    if (operands.length === 0) throw templateError(`missing value for ${context}`);
    return operands;
  }

  #operand(context: string): Operand | null {
    const { word } = this;
    if (word === undefined) return null;
    if (word.kind === 'mark' && word.text !== '.' && word.text !== '(') return null;
    this.#at += 1;
    if (word.kind === 'literal') return { kind: 'literal', value: word.value };
    if (word.kind === 'name') return nameOperand(word.text);
    if (word.kind === 'variable') {
      return { kind: 'path', base: { kind: 'variable', name: word.text }, fields: this.#fields() };
    }
    if (word.kind === 'field') {
      this.#at -= 1;
      return { kind: 'path', base: { kind: 'dot' }, fields: this.#fields() };
    }
    if (word.text === '.') return { kind: 'path', base: { kind: 'dot' }, fields: [] };
    const pipe = this.pipe(context);
    if (!this.#take(')')) throw templateError('unclosed left paren');
    return { kind: 'path', base: { kind: 'pipe', pipe }, fields: this.#fields() };
  }

  #fields(): string[] {
    const fields: string[] = [];
    while (this.word?.kind === 'field') {
      fields.push(this.word.text.slice(1));
      this.#at += 1;
    }
    return fields;
  }

  #take(mark: string): boolean {
    const start = this.#at;
    this.#skipSpace();
    if (this.word?.kind === 'mark' && this.word.text === mark) {
      this.#at += 1;
      return true;
    }
    this.#at = start;
    return false;
  }

  #skipSpace(): void {
    while (this.word?.kind === 'space') this.#at += 1;
  }
}

function nameOperand(name: string): Operand {
  if (name === 'true' || name === 'false') return { kind: 'literal', value: name === 'true' };
  return name === 'nil' ? { kind: 'nil' } : { kind: 'function', name };
}
