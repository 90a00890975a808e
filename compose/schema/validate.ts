import { compileSchema, type SchemaError, type Validator } from './compile.ts';
import { didYouMean } from './nearest.ts';

/** A mistake against the schema, in words; the loader adds the position. */
export interface SchemaFinding {
  readonly code:
    'unknown-key' | 'invalid-type' | 'invalid-value' | 'missing-key' | 'duplicate-name';
  readonly message: string;
  /** Keys and indexes from the root to the value, or to the key where `isKey`. */
  readonly path: readonly (string | number)[];
  readonly isKey: boolean;
  readonly label?: string;
  readonly hint?: string;
}

let compiled: Validator | undefined;

/** Every way in which a tree breaks the schema. Compiles on first use. */
export function validateTree(tree: unknown): SchemaFinding[] {
  compiled ??= compileSchema();
  if (compiled(tree)) return [];
  return (compiled.errors ?? []).map((error) => findingOf(error, tree));
}

function findingOf(error: SchemaError, tree: unknown): SchemaFinding {
  const path = pathOf(error.instancePath, tree);
  const describe = describers[error.keyword] ?? describeOther;
  return describe(error, path);
}

type Describe = (error: SchemaError, path: (string | number)[]) => SchemaFinding;

const describers: Readonly<Record<string, Describe>> = {
  additionalProperties: describeUnknownKey,
  required: describeMissing,
  type: describeType,
  enum: describeEnum,
  uniqueItems: describeRepetition,
};

function describeUnknownKey(
  { params, parentSchema }: SchemaError,
  path: (string | number)[],
): SchemaFinding {
  const key = String(params['additionalProperty']);
  const known = Object.keys((parentSchema?.['properties'] as object | undefined) ?? {});
  const at = { path: [...path, key], isKey: true };
  if (known.length === 0) {
    return {
      code: 'invalid-value',
      message: `invalid name "${key}" in ${placeOf(path)}`,
      ...at,
      hint: 'names are made of letters, digits, ".", "_" and "-"',
    };
  }
  const label = didYouMean(key, known);
  return {
    code: 'unknown-key',
    message: `unknown key "${key}" in ${placeOf(path)}`,
    ...at,
    ...(label !== undefined && { label }),
    // Where the right key is known, a list that shows a part of the keys only distracts.
    ...((label === undefined || known.length <= maxNames) && {
      hint: `valid here: ${some(known)}`,
    }),
  };
}

const maxNames = 12;

/** Enough names to find the right one among them; all of a service's would fill the screen. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, maxNames).join(', ');
  return names.length > maxNames ? `${shown}, … (${names.length} in all)` : shown;
}

function describeMissing({ params }: SchemaError, path: (string | number)[]): SchemaFinding {
  const key = String(params['missingProperty']);
  return {
    code: 'missing-key',
    message: `${placeOf(path)} needs the key "${key}"`,
    path,
    isKey: true,
  };
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
};

function describeType({ params, data }: SchemaError, path: (string | number)[]): SchemaFinding {
  const types = [params['type'] as string | readonly string[]].flat();
  const words = types.filter((type) => type !== 'null').map((type) => typeWords[type] ?? type);
  const wanted =
    words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}` : words[0];
  const isScalar = typeof data === 'number' || typeof data === 'boolean';
  const onlyString = types.every((type) => type === 'string');
  return {
    code: 'invalid-type',
    message: `${subject(path)} must be ${wanted ?? 'null'}, not ${kindOf(data)}`,
    path,
    isKey: false,
    ...(isScalar && onlyString && { label: 'put it in quotes' }),
  };
}

function describeEnum({ params, data }: SchemaError, path: (string | number)[]): SchemaFinding {
  const allowed = (params['allowedValues'] as readonly string[]).map(String);
  const label = didYouMean(String(data), allowed);
  return {
    code: 'invalid-value',
    message: `${subject(path)} must be one of ${allowed.join(', ')}, not "${String(data)}"`,
    path,
    isKey: false,
    ...(label !== undefined && { label }),
  };
}

function describeRepetition({ params }: SchemaError, path: (string | number)[]): SchemaFinding {
  const at = Math.max(Number(params['i']), Number(params['j']));
  return {
    code: 'duplicate-name',
    message: `${subject(path)} has an item twice`,
    path: [...path, at],
    isKey: false,
  };
}

const patternHints: Readonly<Record<string, string>> = {
  container_name:
    'use at least two of letters, digits, ".", "_" and "-", with a letter or digit first',
  pull_policy: 'use always, missing, never, build, daily, weekly or every_<duration>',
  gpus: 'use "all" or a list of requests',
};

function describeOther(
  { keyword, params, data }: SchemaError,
  path: (string | number)[],
): SchemaFinding {
  const text = JSON.stringify(data);
  const hint = patternHints[String(path.at(-1))];
  const bound = keyword === 'minimum' ? 'at least' : keyword === 'maximum' ? 'at most' : null;
  const rule =
    bound === null
      ? `cannot be ${text}`
      : `must be ${bound} ${String(params['limit'])}, not ${text}`;
  return {
    code: 'invalid-value',
    message: `${subject(path)} ${rule}`,
    path,
    isKey: false,
    ...(bound === null && hint !== undefined && { hint }),
  };
}

function kindOf(data: unknown): string {
  if (data === null || data === undefined) return 'empty';
  if (Array.isArray(data)) return 'a list';
  if (typeof data === 'object') return 'a mapping';
  const text = JSON.stringify(data);
  return typeof data === 'string' ? text : `the ${typeof data} ${text}`;
}

const singular: Readonly<Record<string, string>> = {
  services: 'service',
  networks: 'network',
  volumes: 'volume',
  secrets: 'secret',
  configs: 'config',
  models: 'model',
};

/** `service "web"`, `build of service "web"`: where a key stands. */
export function placeOf(path: readonly (string | number)[]): string {
  const [section, name, ...rest] = path;
  if (section === undefined) return 'the compose file';
  const kind = singular[section];
  if (kind === undefined || name === undefined) return `"${[section, ...path.slice(1)].join('.')}"`;
  const owner = `${kind} "${name}"`;
  return rest.length === 0 ? owner : `"${dotted(rest)}" of ${owner}`;
}

/** As placeOf, for the value that is wrong. */
function subject(path: readonly (string | number)[]): string {
  return path.length === 0 ? 'the compose file' : placeOf(path);
}

function dotted(path: readonly (string | number)[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

/** A JSON pointer as keys and indexes. */
function pathOf(pointer: string, tree: unknown): (string | number)[] {
  let value = tree;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(value) ? Number(key) : key;
      value = (value as Record<string | number, unknown> | null)?.[step];
      return step;
    });
}
