/**
 * The `${VAR:-default}` grammar (compose-spec 12-interpolation): text → parts → value. What stands behind an operator
 * is evaluated only when it is used, but a mistake in its syntax is one in any case.
 */
import { maxSubstituted } from './limits.ts';

export type Lookup = (name: string) => string | undefined;

/** What went wrong, and where in the text. */
export class TemplateError extends Error {
  readonly kind: 'syntax' | 'required';
  readonly start: number;
  readonly end: number;
  /** Only for `required`: which variable. */
  readonly variable: string;

  constructor(message: string, options: TemplateErrorOptions) {
    super(message);
    this.name = 'TemplateError';
    this.kind = options.kind;
    this.start = options.start;
    this.end = options.end;
    this.variable = options.variable ?? '';
  }
}

interface TemplateErrorOptions {
  readonly kind: 'syntax' | 'required';
  readonly start: number;
  readonly end: number;
  readonly variable?: string;
}

/** Which value counts as there: `:` takes an empty one for none. */
export type TemplateOperator = '-' | ':-' | '?' | ':?' | '+' | ':+';

/** One `$VAR` or `${VAR…}`; offsets are into the whole text. */
export interface TemplateVariable {
  readonly name: string;
  /** null: the variable alone. */
  readonly operator: TemplateOperator | null;
  /** What stands behind the operator. */
  readonly operand: Template;
  readonly start: number;
  readonly end: number;
}

/** Literal text, already unescaped, and variables. */
export type Template = readonly (string | TemplateVariable)[];

export interface SubstituteOptions {
  readonly lookup: Lookup;
  /** A variable without value and without default was used; offsets are into the text. */
  readonly onUnset?: (name: string, start: number, end: number) => void;
}

export function substitute(text: string, options: SubstituteOptions): string {
  return text.includes('$') ? evaluate(parseTemplate(text), options) : text;
}

/** Throws a TemplateError of kind `syntax`. */
export function parseTemplate(text: string): Template {
  return parse(text, { offset: 0, depth: 0 });
}

const name = /[a-zA-Z_][a-zA-Z0-9_]*/y;
/** How deep `${A:-${B:-…}}` may nest. */
const maxDepth = 100;

interface Place {
  /** Of this text in the whole, for positions. */
  readonly offset: number;
  readonly depth: number;
}

function parse(text: string, place: Place): Template {
  const parts: (string | TemplateVariable)[] = [];
  for (let at = 0; at < text.length;) {
    const dollar = text.indexOf('$', at);
    if (dollar !== at) parts.push(text.slice(at, dollar === -1 ? undefined : dollar));
    if (dollar === -1) break;
    const next = text[dollar + 1];
    if (next === '$') {
      parts.push('$');
      at = dollar + 2;
      continue;
    }
    const variable =
      next === '{' ? parseBraced(text, dollar, place) : parseNamed(text, dollar, place);
    // A dollar before anything but a name is a dollar.
    parts.push(variable ?? '$');
    at = variable === null ? dollar + 1 : variable.end - place.offset;
  }
  return parts;
}

function parseNamed(text: string, dollar: number, { offset }: Place): TemplateVariable | null {
  name.lastIndex = dollar + 1;
  const variable = name.exec(text)?.[0];
  if (variable === undefined) return null;
  const start = offset + dollar;
  const end = start + 1 + variable.length;
  return { name: variable, operator: null, operand: [], start, end };
}

function parseBraced(text: string, dollar: number, { offset, depth }: Place): TemplateVariable {
  const close = closingBrace(text, dollar + 2);
  const span = {
    start: offset + dollar,
    end: offset + (close === -1 ? text.length : close + 1),
  };
  const expression = close === -1 ? '' : text.slice(dollar + 2, close);
  const match = /^([a-zA-Z_][a-zA-Z0-9_]*)(?:(:?[-+?])([^]*))?$/.exec(expression);
  if (match === null || depth > maxDepth) {
    const reason = close === -1 ? 'the closing "}" is missing' : reasonOf(expression);
    throw new TemplateError(reason, { kind: 'syntax', ...span });
  }
  const [, variable = '', operator, operand = ''] = match;
  return {
    name: variable,
    operator: (operator as TemplateOperator | undefined) ?? null,
    operand: parse(operand, { offset: offset + close - operand.length, depth: depth + 1 }),
    ...span,
  };
}

function reasonOf(expression: string): string {
  if (expression === '') return 'the name is missing';
  return `"\${${expression}}" is not a variable with a default, an alternative or an error`;
}

/**
 * The brace that closes an expression which begins at `from`, counting those in between. Where they do not balance, as
 * in `${A:-{}`, it is the last one of the text.
 */
function closingBrace(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '{') open += 1;
    else if (text[at] === '}') open -= 1;
    if (open === 0) return at;
  }
  const last = text.lastIndexOf('}');
  return last < from ? -1 : last;
}

function evaluate(template: Template, options: SubstituteOptions): string {
  let result = '';
  for (const part of template) {
    if (typeof part === 'string') result += part;
    else {
      result += valueOf(part, options);
      if (result.length > maxSubstituted) throw tooLong(part);
    }
  }
  return result;
}

function tooLong({ start, end }: TemplateVariable): TemplateError {
  const message = `the text becomes longer than ${maxSubstituted} characters`;
  return new TemplateError(message, { kind: 'syntax', start, end });
}

function valueOf(variable: TemplateVariable, options: SubstituteOptions): string {
  const { name, operator, operand, start, end } = variable;
  const value = options.lookup(name);
  if (operator === null) {
    if (value === undefined) options.onUnset?.(name, start, end);
    return value ?? '';
  }
  const present = operator.startsWith(':') && value === '' ? undefined : value;
  switch (operator.at(-1)) {
    case '-':
      return present ?? evaluate(operand, options);
    case '+':
      return present === undefined ? '' : evaluate(operand, options);
    default:
      if (present !== undefined) return present;
      throw new TemplateError(evaluate(operand, options), {
        kind: 'required',
        variable: name,
        start,
        end,
      });
  }
}
