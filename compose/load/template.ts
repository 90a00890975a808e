/**
 * The `${VAR:-default}` grammar (compose-spec 12-interpolation): parse and substitute in one pass. Defaults are
 * evaluated only when they are used.
 */

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

export interface SubstituteOptions {
  readonly lookup: Lookup;
  /** A variable without value and without default was used; offsets are into the text. */
  readonly onUnset?: (name: string, start: number, end: number) => void;
}

const name = /[a-zA-Z_][a-zA-Z0-9_]*/y;
/** How deep `${A:-${B:-…}}` may nest. */
const maxDepth = 100;

export function substitute(text: string, options: SubstituteOptions): string {
  return text.includes('$') ? expand(text, options, { offset: 0, depth: 0 }) : text;
}

interface Place {
  /** Of this text in the whole, for positions. */
  readonly offset: number;
  readonly depth: number;
}

function expand(text: string, options: SubstituteOptions, place: Place): string {
  let result = '';
  let at = 0;
  for (;;) {
    const dollar = text.indexOf('$', at);
    if (dollar === -1) return result + text.slice(at);
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    if (next === '$') {
      result += '$';
      at = dollar + 2;
      continue;
    }
    const step =
      next === '{'
        ? expandBraced(text, dollar, { options, place })
        : expandNamed(text, dollar, { options, place });
    result += step.value;
    at = step.end;
  }
}

interface Step {
  readonly value: string;
  readonly end: number;
}
interface Scope {
  readonly options: SubstituteOptions;
  readonly place: Place;
}

function expandNamed(text: string, dollar: number, { options, place }: Scope): Step {
  name.lastIndex = dollar + 1;
  const variable = name.exec(text)?.[0];
  // A dollar before anything but a name is a dollar.
  if (variable === undefined) return { value: '$', end: dollar + 1 };
  const end = dollar + 1 + variable.length;
  const value = options.lookup(variable);
  if (value === undefined) options.onUnset?.(variable, place.offset + dollar, place.offset + end);
  return { value: value ?? '', end };
}

function expandBraced(text: string, dollar: number, { options, place }: Scope): Step {
  const close = closingBrace(text, dollar + 2);
  const end = close === -1 ? text.length : close + 1;
  const span = { start: place.offset + dollar, end: place.offset + end };
  const expression = close === -1 ? '' : text.slice(dollar + 2, close);
  const match = /^([a-zA-Z_][a-zA-Z0-9_]*)(?:(:?[-+?])([^]*))?$/.exec(expression);
  if (match === null || place.depth > maxDepth) {
    const reason = close === -1 ? 'the closing "}" is missing' : reasonOf(expression);
    throw new TemplateError(reason, { kind: 'syntax', ...span });
  }
  const [, variable = '', operator, operand = ''] = match;
  const value = options.lookup(variable);
  if (operator === undefined) {
    if (value === undefined) options.onUnset?.(variable, span.start, span.end);
    return { value: value ?? '', end };
  }
  const rest = (): string =>
    expand(operand, options, {
      offset: place.offset + close - operand.length,
      depth: place.depth + 1,
    });
  const present = operator.startsWith(':') && value === '' ? undefined : value;
  return { value: applyOperator({ operator, present, rest, variable, span }), end };
}

interface Operation {
  readonly operator: string;
  /** undefined: not there, as the operator means it. */
  readonly present: string | undefined;
  readonly rest: () => string;
  readonly variable: string;
  readonly span: { readonly start: number; readonly end: number };
}

function applyOperator({ operator, present, rest, variable, span }: Operation): string {
  switch (operator.at(-1)) {
    case '-':
      return present ?? rest();
    case '+':
      return present === undefined ? '' : rest();
    default:
      if (present !== undefined) return present;
      throw new TemplateError(rest(), { kind: 'required', variable, ...span });
  }
}

function reasonOf(expression: string): string {
  if (expression === '') return 'the name is missing';
  return `"\${${expression}}" is not a variable with a default, an alternative or an error`;
}

/** The brace that closes an expression which begins at `from`, counting those in between. */
function closingBrace(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '{') open += 1;
    else if (text[at] === '}') open -= 1;
    if (open === 0) return at;
  }
  return -1;
}
