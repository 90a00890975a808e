/** Runs a parsed template on one value. */
import { CliError } from '../../cli-error.ts';
import { findFunction, type TemplateFunction } from './functions.ts';
import { parseTemplate, type Branch, type Node, type Operand, type Pipe } from './parse.ts';
import { templateError } from './scan.ts';
import { isTrue, noValue, printed, typeName } from './values.ts';

export interface Template {
  /** `overrides` take the place of functions, as docker's headers do. */
  readonly run: (data: unknown, overrides?: Readonly<Record<string, TemplateFunction>>) => string;
}

/** Throws CliError for what Go would refuse; also for functions and variables that nobody has defined. */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source);
  checkNames(nodes, new Set(['$']));
  return {
    run: (data, overrides = {}) => {
      const run = new Run(data, overrides);
      run.list(nodes, data);
      return run.text;
    },
  };
}

/** Before anything runs: a template with a wrong name fails also where there is no row. */
function checkNames(nodes: readonly Node[], known: ReadonlySet<string>): void {
  const seen = new Set(known);
  for (const node of nodes) {
    if (node.kind === 'output') checkPipe(node.pipe, seen);
    if (!('then' in node)) continue;
    const inner = new Set(seen);
    checkPipe(node.pipe, inner);
    checkNames(node.then, inner);
    checkNames(node.otherwise, inner);
  }
}

function checkPipe({ variables, isAssignment, commands }: Pipe, known: Set<string>): void {
  for (const operand of commands.flat()) {
    if (operand.kind === 'function' && findFunction(operand.name) === null) {
      throw templateError(`function "${operand.name}" not defined`);
    }
    if (operand.kind !== 'path') continue;
    if (operand.base.kind === 'pipe') checkPipe(operand.base.pipe, known);
    if (operand.base.kind === 'variable') requireVariable(operand.base.name, known);
  }
  for (const name of variables) {
    if (isAssignment) requireVariable(name, known);
    known.add(name);
  }
}

function requireVariable(name: string, known: ReadonlySet<string>): void {
  if (!known.has(name)) throw templateError(`undefined variable "${name}"`);
}

type Flow = 'next' | 'break' | 'continue';

class Run {
  text = '';
  readonly #overrides: Readonly<Record<string, TemplateFunction>>;
  /** Innermost last. */
  readonly #scopes: Map<string, unknown>[];

  constructor(data: unknown, overrides: Readonly<Record<string, TemplateFunction>>) {
    this.#overrides = overrides;
    this.#scopes = [new Map([['$', data]])];
  }

  list(nodes: readonly Node[], dot: unknown): Flow {
    for (const node of nodes) {
      const flow = this.#node(node, dot);
      if (flow !== 'next') return flow;
    }
    return 'next';
  }

  #node(node: Node, dot: unknown): Flow {
    switch (node.kind) {
      case 'text':
        this.text += node.text;
        return 'next';
      case 'output': {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.text += printed(value);
        else this.#declare(node.pipe, [value]);
        return 'next';
      }
      case 'if':
      case 'with':
      case 'range':
        return this.#branch(node, dot);
      case 'break':
      case 'continue':
        return node.kind;
    }
  }

  #branch(node: Branch, dot: unknown): Flow {
    this.#scopes.push(new Map());
    try {
      const value = this.#pipe(node.pipe, dot);
      if (node.kind === 'range') return this.#range(node, value, dot);
      this.#declare(node.pipe, [value]);
      if (!isTrue(value)) return this.list(node.otherwise, dot);
      return this.list(node.then, node.kind === 'with' ? value : dot);
    } finally {
      this.#scopes.pop();
    }
  }

  #range({ pipe, then, otherwise }: Branch, value: unknown, dot: unknown): Flow {
    const entries = entriesOf(value);
    if (entries.length === 0) return this.list(otherwise, dot);
    for (const [key, item] of entries) {
      this.#declare(pipe, pipe.variables.length > 1 ? [key, item] : [item]);
      if (this.list(then, item) === 'break') break;
    }
    return 'next';
  }

  #declare({ variables, isAssignment }: Pipe, values: readonly unknown[]): void {
    for (const [at, name] of variables.entries()) {
      const holder = isAssignment
        ? this.#scopes.findLast((scope) => scope.has(name))
        : this.#scopes.at(-1);
      holder?.set(name, values[at]);
    }
  }

  #pipe({ commands }: Pipe, dot: unknown): unknown {
    let values: unknown[] = [];
    for (const command of commands) values = [this.#command(command, dot, values)];
    return values[0];
  }

  /** `piped`: what the command before has made, as the last argument. */
  #command(operands: readonly Operand[], dot: unknown, piped: readonly unknown[]): unknown {
    const [first, ...rest] = operands;
    if (first === undefined) return undefined;
    const values = (): unknown[] => [
      ...rest.map((operand) => unwrapped(this.#operand(operand, dot))),
      ...piped,
    ];
    if (first.kind === 'nil') throw failure('nil', 'nil is not a command');
    if (first.kind === 'function') return this.#call(first.name, values);
    const value = this.#operand(first, dot, values);
    if (rest.length + piped.length > 0 && !isMethod(first, value)) {
      throw failure(printed(value), `can't give argument to non-function ${printed(value)}`);
    }
    return unwrapped(value);
  }

  #call(name: string, values: () => readonly unknown[]): unknown {
    const override = Object.hasOwn(this.#overrides, name) ? this.#overrides[name] : undefined;
    const found = override ?? findFunction(name);
    if (found === null) throw templateError(`function "${name}" not defined`);
    try {
      return found(...values());
    } catch (error) {
      throw error instanceof TypeError ? failure(name, error.message) : error;
    }
  }

  #operand(operand: Operand, dot: unknown, values: () => unknown[] = () => []): unknown {
    if (operand.kind === 'literal') return operand.value;
    if (operand.kind === 'nil') return null;
    if (operand.kind === 'function') return this.#call(operand.name, () => []);
    const { base, fields } = operand;
    let value: unknown = dot;
    if (base.kind === 'pipe') value = this.#pipe(base.pipe, dot);
    if (base.kind === 'variable') {
      value = this.#scopes.findLast((scope) => scope.has(base.name))?.get(base.name);
    }
    for (const [at, field] of fields.entries()) {
      value = fieldOf(value, field, at === fields.length - 1 ? values : () => []);
    }
    return value;
  }
}

/** The result of a method that took the command's arguments. */
class Called {
  readonly result: unknown;

  constructor(result: unknown) {
    this.result = result;
  }
}

function unwrapped(value: unknown): unknown {
  return value instanceof Called ? value.result : value;
}

function isMethod(operand: Operand, value: unknown): boolean {
  return operand.kind === 'path' && value instanceof Called;
}

function fieldOf(holder: unknown, name: string, values: () => unknown[]): unknown {
  const owner = unwrapped(holder);
  if (owner instanceof Map) {
    const entries = owner as ReadonlyMap<string, unknown>;
    return entries.has(name) ? asMethod(name, entries.get(name), values) : noValue;
  }
  if (
    typeof owner === 'object' &&
    owner !== null &&
    !Array.isArray(owner) &&
    Object.hasOwn(owner, name)
  ) {
    return asMethod(name, (owner as Readonly<Record<string, unknown>>)[name], values);
  }
  const fields = typeof owner === 'object' && owner !== null ? Object.keys(owner) : [];
  throw failure(`.${name}`, `can't evaluate field ${name} in type ${typeName(owner)}`, fields);
}

function asMethod(name: string, value: unknown, values: () => unknown[]): unknown {
  if (typeof value !== 'function') return value;
  const method = value as TemplateFunction & { readonly length: number };
  const given = values();
  if (given.length !== method.length) {
    throw failure(
      `.${name}`,
      `wrong number of args for ${name}: want ${method.length} got ${given.length}`,
    );
  }
  return new Called(method(...given));
}

function entriesOf(value: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return [...(value as readonly unknown[]).entries()];
  if (value instanceof Map) {
    return [...(value as ReadonlyMap<string, unknown>)].sort(([left], [right]) =>
      left < right ? -1 : 1,
    );
  }
  if (value === null || value === undefined || value === noValue) return [];
  if (typeof value === 'number') return Array.from({ length: value }, (_, at) => [at, at] as const);
  throw failure(printed(value), `range can't iterate over ${printed(value)}`);
}

function failure(where: string, message: string, fields: readonly string[] = []): CliError {
  return new CliError(
    `template parsing error: template: :1: executing "" at <${where}>: ${message}`,
    fields.length === 0 ? {} : { hint: `there are: ${[...fields].sort().join(', ')}` },
  );
}
