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
  const found = (compiled.errors ?? []).map((error, at) => findingOf(error, tree, at < maxAdvised));
  return withoutConsequences(found);
}

/** Where a list stands instead of a mapping, its items are not judged as well. */
function withoutConsequences(found: readonly SchemaFinding[]): SchemaFinding[] {
  const wrong = new Set(
    found.filter(({ code }) => code === 'invalid-type').map(({ path }) => JSON.stringify(path)),
  );
  if (wrong.size === 0) return [...found];
  return found.filter(
    ({ path }) => !path.some((_, end) => wrong.has(JSON.stringify(path.slice(0, end)))),
  );
}

/** To find the nearest of a hundred names for each of 20,000 unknown keys takes seconds, and a few are shown. */
const maxAdvised = 500;

function findingOf(error: SchemaError, tree: unknown, isAdvised: boolean): SchemaFinding {
  const path = pathOf(error.instancePath, tree);
  const describe = describers[error.keyword] ?? describeOther;
  return describe(error, path, isAdvised);
}

type Describe = (
  error: SchemaError,
  path: (string | number)[],
  isAdvised: boolean,
) => SchemaFinding;

const describers: Readonly<Record<string, Describe>> = {
  additionalProperties: describeUnknownKey,
  required: describeMissing,
  type: describeType,
  enum: describeEnum,
  uniqueItems: describeRepetition,
};

function describeUnknownKey(
  { params, parentSchema, data }: SchemaError,
  path: (string | number)[],
  isAdvised: boolean,
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
  return {
    code: 'unknown-key',
    message: `unknown key "${key}" in ${placeOf(path)}`,
    ...at,
    ...(isAdvised &&
      adviceOn(key, { path, known, value: (data as Readonly<Record<string, unknown>>)[key] })),
  };
}

interface UnknownKey {
  readonly path: readonly (string | number)[];
  readonly known: readonly string[];
  readonly value: unknown;
}

interface Advice {
  readonly label?: string;
  readonly hint?: string;
}

/** What to do about a key that is not known where it stands. */
function adviceOn(key: string, { path, known, value }: UnknownKey): Advice {
  const odd = oddSpace(key);
  if (odd !== null) return { label: `this line starts with ${odd}`, hint: 'retype the spaces' };
  const misplaced = misplacedKey(key, path, value);
  const label = didYouMean(key, known);
  if (misplaced !== null && (label === undefined || misplaced.label !== undefined))
    return misplaced;
  if (label === undefined) return { hint: `valid here: ${some(known)}` };
  // Where the right key is known, a list that shows a part of the keys only distracts.
  return known.length <= maxNames ? { label, hint: `valid here: ${some(known)}` } : { label };
}

/** Spaces that look like the usual one and are none to YAML. */
function oddSpace(key: string): string | null {
  const first = key.charAt(0);
  if (first === '\u00a0') return 'a no-break space';
  return /^[\u2000-\u200f\u3000\ufeff]/.test(first) ? 'a space that YAML does not know' : null;
}

/** Where keys belong that are often written one level too high. */
const homes: Readonly<Record<string, string>> = {
  action: 'develop.watch',
  args: 'build',
  cache_from: 'build',
  constraints: 'deploy.placement',
  context: 'build',
  dockerfile: 'build',
  dockerfile_inline: 'build',
  endpoint_mode: 'deploy',
  interval: 'healthcheck',
  limits: 'deploy.resources',
  memory: 'deploy.resources.limits',
  placement: 'deploy',
  replicas: 'deploy',
  reservations: 'deploy.resources',
  resources: 'deploy',
  restart_policy: 'deploy',
  retries: 'healthcheck',
  rollback_config: 'deploy',
  start_period: 'healthcheck',
  test: 'healthcheck',
  timeout: 'healthcheck',
  update_config: 'deploy',
  watch: 'develop',
};

const serviceKeys = new Set(
  (
    'build command container_name depends_on deploy entrypoint env_file environment expose extends ' +
    'healthcheck hostname image labels networks ports privileged profiles restart secrets user ' +
    'volumes working_dir'
  ).split(' '),
);

const sections = ['services', 'networks', 'volumes', 'secrets', 'configs', 'models', 'include'];

function misplacedKey(
  key: string,
  path: readonly (string | number)[],
  value: unknown,
): Advice | null {
  if (path.length === 0) return misplacedAtTop(key, value);
  if (path.length < 2 || path[0] !== 'services') return null;
  const home = Object.hasOwn(homes, key) ? homes[key] : undefined;
  if (path.length === 2) {
    if (home !== undefined) return { hint: `"${key}" belongs below "${home}"` };
    if (!sections.includes(key)) return null;
    return { hint: `"${key}" belongs to the top level: take its indentation away` };
  }
  if (home?.startsWith(String(path[2])) === true)
    return { hint: `"${key}" belongs below "${home}"` };
  if (!serviceKeys.has(key)) return null;
  return { hint: `"${key}" belongs to the service itself: indent it less` };
}

function misplacedAtTop(key: string, value: unknown): Advice | null {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isMapping && ['image', 'build', 'extends'].some((own) => own in value)) {
    return { label: 'a service?', hint: `put "${key}" below "services:" and indent it` };
  }
  if (serviceKeys.has(key)) return { hint: `"${key}" belongs to a service: indent it below one` };
  if (!isMapping) return null;
  return { hint: `a key of your own starts with "x-": "x-${key.replace(/^x_/, '')}"` };
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
  const key = String(path[1]);
  if (path.length === 2 && path[0] === 'services' && serviceKeys.has(key)) {
    return {
      code: 'invalid-type',
      message: `"${key}" stands where the name of a service is expected`,
      path,
      isKey: true,
      hint: `give the service a name, "web:", and indent "${key}" below it`,
    };
  }
  return {
    code: 'invalid-type',
    message: `${subject(path)} must be ${wanted ?? 'null'}, not ${kindOf(data)}`,
    path,
    isKey: false,
    ...adviceOnType(types, path, data),
  };
}

function adviceOnType(
  types: readonly string[],
  path: readonly (string | number)[],
  data: unknown,
): Advice {
  const key = path.at(-1);
  const isScalar = typeof data === 'number' || typeof data === 'boolean';
  if (data === null && path.length === 2 && path[0] === 'services') {
    return { hint: 'give it attributes, indented below its name: "image:" at least' };
  }
  if (data === null && path.length === 1) return { hint: 'remove it, or put something below it' };
  if (isScalar && types.every((type) => type === 'string')) {
    if (typeof data === 'number' && durations.has(String(key))) {
      return { label: `with a unit: ${data}s` };
    }
    return { label: 'put it in quotes' };
  }
  if (typeof data === 'string' && types.includes('object') && /^[a-z_]+:\S/.test(data)) {
    return { label: 'a space is missing after the colon' };
  }
  if (typeof data === 'string' && types.includes('array') && !types.includes('string')) {
    return { hint: `write a list: [${JSON.stringify(data)}]` };
  }
  if (Array.isArray(data) && types.includes('object') && !types.includes('array')) {
    return { hint: 'write "key: value" lines without "-"' };
  }
  return {};
}

const durations = new Set([
  'delay',
  'interval',
  'monitor',
  'start_interval',
  'start_period',
  'stop_grace_period',
  'timeout',
  'window',
]);

function describeEnum({ params, data }: SchemaError, path: (string | number)[]): SchemaFinding {
  const allowed = (params['allowedValues'] as readonly string[]).map(String);
  const label = typeof data === 'string' ? didYouMean(data, allowed) : undefined;
  const shown = typeof data === 'string' ? `"${data}"` : kindOf(data);
  return {
    code: 'invalid-value',
    message: `${subject(path)} must be one of ${allowed.join(', ')}, not ${shown}`,
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
