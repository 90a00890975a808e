/** What a template can call: text/template's own functions, and docker's. */
import { formatGo } from './printf.ts';
import { isTrue, printed, toJson, typeName } from './values.ts';

export type TemplateFunction = (...values: readonly unknown[]) => unknown;

/** How many arguments, and of which type where only one will do. */
interface Described {
  readonly parameters?: readonly ('any' | 'string' | 'int' | 'list')[];
  readonly call: TemplateFunction;
}

const docker: Readonly<Record<string, Described>> = {
  json: { parameters: ['any'], call: (value) => toJson(value, { escapesHtml: false }) },
  split: {
    parameters: ['string', 'string'],
    call: (text, separator) => (text as string).split(separator as string),
  },
  join: {
    parameters: ['list', 'string'],
    call: (list, separator) => (list as readonly unknown[]).map(printed).join(separator as string),
  },
  lower: { parameters: ['string'], call: (text) => (text as string).toLowerCase() },
  upper: { parameters: ['string'], call: (text) => (text as string).toUpperCase() },
  title: {
    parameters: ['string'],
    call: (text) =>
      (text as string).replaceAll(/(?<![\p{L}\p{N}_'])\p{Ll}/gu, (letter) => letter.toUpperCase()),
  },
  pad: {
    parameters: ['string', 'int', 'int'],
    call: (text, before, behind) =>
      text === '' ? '' : ' '.repeat(Number(before)) + (text as string) + ' '.repeat(Number(behind)),
  },
  truncate: {
    parameters: ['string', 'int'],
    call: (text, length) => (text as string).slice(0, Number(length)),
  },
};

const comparisons: Readonly<Record<string, Described>> = {
  eq: { call: isOneOf },
  ne: { parameters: ['any', 'any'], call: (left, right) => !isSame(left, right) },
  lt: { parameters: ['any', 'any'], call: (left, right) => compare(left, right) < 0 },
  le: { parameters: ['any', 'any'], call: (left, right) => compare(left, right) <= 0 },
  gt: { parameters: ['any', 'any'], call: (left, right) => compare(left, right) > 0 },
  ge: { parameters: ['any', 'any'], call: (left, right) => compare(left, right) >= 0 },
};

const builtins: Readonly<Record<string, Described>> = {
  and: { call: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1) },
  or: { call: (...values) => values.find(isTrue) ?? values.at(-1) },
  not: { parameters: ['any'], call: (value) => !isTrue(value) },
  len: { parameters: ['any'], call: lengthOf },
  index: { call: (value, ...keys) => keys.reduce(itemOf, value) },
  slice: { call: sliceOf },
  print: { call: (...values) => printAll(values) },
  println: { call: (...values) => `${values.map(printed).join(' ')}\n` },
  printf: { call: (format, ...values) => formatGo(String(format), values) },
  html: { call: (...values) => escapeHtml(printAll(values)) },
  js: { call: (...values) => JSON.stringify(printAll(values)).slice(1, -1) },
  urlquery: {
    call: (...values) => encodeURIComponent(printAll(values)).replaceAll('%20', '+'),
  },
};

const all: Readonly<Record<string, Described>> = { ...builtins, ...comparisons, ...docker };

/** null for a name that means nothing. */
export function findFunction(name: string): TemplateFunction | null {
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (found === undefined) return null;
  const { parameters, call } = found;
  if (parameters === undefined) return call;
  return (...values) => {
    checkArguments(name, values, parameters);
    return call(...values);
  };
}

function checkArguments(
  name: string,
  values: readonly unknown[],
  parameters: NonNullable<Described['parameters']>,
): void {
  if (values.length !== parameters.length) {
    throw new TypeError(
      `wrong number of args for ${name}: want ${parameters.length} got ${values.length}`,
    );
  }
  for (const [at, wanted] of parameters.entries()) {
    const value = values[at];
    const type = Array.isArray(value) ? 'list' : typeName(value);
    if (wanted !== 'any' && wanted !== type) {
      throw new TypeError(`expected ${wanted}; found ${printed(value)}`);
    }
  }
}

/** As fmt.Sprint: a space between two values of which neither is a string. */
function printAll(values: readonly unknown[]): string {
  let text = '';
  for (const [at, value] of values.entries()) {
    const isApart = at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string';
    text += (isApart ? ' ' : '') + printed(value);
  }
  return text;
}

function isOneOf(first: unknown, ...rest: readonly unknown[]): boolean {
  if (rest.length === 0) throw new TypeError('error calling eq: missing argument for comparison');
  return rest.some((value) => isSame(first, value));
}

function isSame(left: unknown, right: unknown): boolean {
  if (typeName(left) !== typeName(right)) {
    throw new TypeError('error calling eq: incompatible types for comparison');
  }
  return left === right;
}

function compare(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'string' && typeof right === 'string') {
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  }
  throw new TypeError('error calling lt: incompatible types for comparison');
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  throw new TypeError(`error calling len: len of type ${typeName(value)}`);
}

function itemOf(value: unknown, key: unknown): unknown {
  if (value instanceof Map) return (value as ReadonlyMap<unknown, unknown>).get(key) ?? '';
  const items: readonly unknown[] | null =
    typeof value === 'string' ? [...Buffer.from(value)] : Array.isArray(value) ? value : null;
  if (items === null) {
    throw new TypeError(`error calling index: can't index item of type ${typeName(value)}`);
  }
  if (typeof key !== 'number') {
    throw new TypeError(`error calling index: cannot index slice/array with type ${typeName(key)}`);
  }
  if (key < 0 || key >= items.length) {
    throw new TypeError(`error calling index: index out of range: ${key}`);
  }
  return items[key];
}

function sliceOf(value: unknown, from: unknown = 0, to?: unknown): unknown {
  const length = lengthOf(value);
  const [start, end] = [Number(from), to === undefined ? length : Number(to)];
  if (start < 0 || start > end || end > length) {
    throw new TypeError(`error calling slice: index out of range: ${Math.max(start, end)}`);
  }
  if (Array.isArray(value)) return value.slice(start, end);
  return Buffer.from(value as string)
    .subarray(start, end)
    .toString();
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/gu, (character) => htmlEscapes[character] ?? character);
}
