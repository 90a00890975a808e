import { EngineError } from '../../api/index.ts';

/** Values by key. A key that is there has at least one value. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** Both `{"k":{"v":true}}` of Go clients and `{"k":["v"]}` of JavaScript and Python ones. */
export function parseFilters(text: string | null, allowed: ReadonlySet<string>): Filters {
  const filters = new Map<string, readonly string[]>();
  if (text === null) return filters;
  for (const [key, value] of Object.entries(parseObject(text))) {
    if (!allowed.has(key)) throw invalidFilter(key);
    const values = valuesOf(key, value);
    if (values.length > 0) filters.set(key, values);
  }
  return filters;
}

/** The value of a filter that is a yes or no; null when it is not given. */
export function flagFilter(filters: Filters, key: string): boolean | null {
  const values = filters.get(key);
  if (values === undefined) return null;
  const answers = new Set(values.map((value) => readFlag(key, value)));
  // Yes and no together exclude nothing.
  return answers.size === 1 ? answers.has(true) : null;
}

/** `k` asks for the label, `k=v` for its value; all of them must hold. */
export function matchesLabels(
  filters: Filters,
  labels: Readonly<Record<string, string>> | null | undefined,
): boolean {
  return (filters.get('label') ?? []).every((wanted) => {
    const [name, value] = splitLabel(wanted);
    if (labels == null || !Object.hasOwn(labels, name)) return false;
    return value === null || labels[name] === value;
  });
}

/** `label!`: none of these may be there. */
export function matchesNoLabels(
  filters: Filters,
  labels: Readonly<Record<string, string>> | null | undefined,
): boolean {
  const unwanted = (filters.get('label!') ?? []).map((text) => new Map([['label', [text]]]));
  return !unwanted.some((one) => matchesLabels(one, labels));
}

/** True when the key is not given, or when one of its values matches. */
export function matchesAny(
  filters: Filters,
  key: string,
  matches: (wanted: string) => boolean,
): boolean {
  const values = filters.get(key);
  return values === undefined || values.some(matches);
}

/** As a regular expression, or as text where it is none. JavaScript's dialect: Go's differs in corners only. */
export function namePattern(text: string): (name: string) => boolean {
  let pattern: RegExp;
  try {
    pattern = new RegExp(text);
  } catch {
    return (name) => name === text;
  }
  return (name) => name === text || pattern.test(name);
}

export function invalidFilter(what: string): EngineError {
  return new EngineError('invalid-argument', `invalid filter '${what}'`);
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidFilter(text);
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidFilter(text);
  return value;
}

function valuesOf(key: string, value: unknown): readonly string[] {
  if (value === null) return [];
  if (Array.isArray(value)) {
    if (!value.every((entry) => typeof entry === 'string')) throw invalidFilter(key);
    return value;
  }
  if (typeof value !== 'object') throw invalidFilter(key);
  const entries = Object.entries(value);
  if (!entries.every(([, isSet]) => typeof isSet === 'boolean')) throw invalidFilter(key);
  return entries.filter(([, isSet]) => isSet === true).map(([name]) => name);
}

function readFlag(key: string, value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new EngineError('invalid-argument', `invalid filter '${key}=[${value}]'`);
}

function splitLabel(text: string): [string, string | null] {
  const at = text.indexOf('=');
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}
