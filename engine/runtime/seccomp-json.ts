/** The JSON of a seccomp profile, checked; errors in Docker's words. */
import { EngineError } from '../api/index.ts';

export interface SeccompProfile {
  /** What becomes of a call that no rule is about: a value of SECCOMP_RET_*. */
  readonly fallback: number;
  readonly architectures: readonly string[];
  readonly archMap: readonly {
    readonly architecture: string;
    readonly subArchitectures: readonly string[];
  }[];
  readonly rules: readonly SyscallRule[];
}

export interface SyscallRule {
  readonly names: readonly string[];
  readonly verdict: number;
  readonly args: readonly ArgumentRule[];
  readonly includes: Filter;
  readonly excludes: Filter;
}

export interface ArgumentRule {
  readonly index: number;
  readonly value: bigint;
  readonly valueTwo: bigint;
  readonly operator: Operator;
}

/** Conditions under which a rule is there at all. */
export interface Filter {
  readonly caps: readonly string[];
  readonly arches: readonly string[];
  /** "4.8" */
  readonly minKernel: string;
}

const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'] as const;
export type Operator = (typeof operators)[number];

const EPERM = 1;
/** linux/seccomp.h; the low 16 bits are data where `hasData`. */
const actions: Readonly<Record<string, { readonly value: number; readonly hasData: boolean }>> = {
  SCMP_ACT_KILL: { value: 0, hasData: false },
  SCMP_ACT_KILL_THREAD: { value: 0, hasData: false },
  SCMP_ACT_KILL_PROCESS: { value: 0x8000_0000, hasData: false },
  SCMP_ACT_TRAP: { value: 0x0003_0000, hasData: false },
  SCMP_ACT_ERRNO: { value: 0x0005_0000, hasData: true },
  SCMP_ACT_TRACE: { value: 0x7ff0_0000, hasData: true },
  SCMP_ACT_LOG: { value: 0x7ffc_0000, hasData: false },
  SCMP_ACT_ALLOW: { value: 0x7fff_0000, hasData: false },
};

const longestProfile = 4 << 20;

export function parseSeccompProfile(json: string): SeccompProfile {
  const { defaultAction, defaultErrnoRet, architectures, archMap, syscalls } = asMap(
    parseJson(json),
    'the profile',
  );
  const listed = texts(architectures, 'architectures');
  const mapped = asList(archMap, 'archMap');
  if (listed.length > 0 && mapped.length > 0) throw both('architectures', 'archMap');
  return {
    fallback: verdictOf(defaultAction, defaultErrnoRet),
    architectures: listed,
    archMap: mapped.map((entry) => {
      const { architecture, subArchitectures } = asMap(entry, 'archMap');
      return {
        architecture: text(architecture, 'architecture'),
        subArchitectures: texts(subArchitectures, 'subArchitectures'),
      };
    }),
    rules: asList(syscalls, 'syscalls').map(parseRule),
  };
}

/** JSON numbers lose bits above 2^53, and values of arguments have 64. A quote inside a JSON text is never bare. */
function parseJson(json: string): unknown {
  if (json.length > longestProfile) throw invalid(`more than ${longestProfile} bytes`);
  const exact = json.replace(/("value(?:Two)?"\s*:\s*)(\d+)/g, '$1"$2"');
  try {
    return JSON.parse(exact) as unknown;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function parseRule(rule: unknown): SyscallRule {
  const fields = asMap(rule, 'a system call');
  const { name, names, action, errnoRet, args, includes, excludes } = fields;
  const listed = texts(names, 'names');
  if (name !== undefined && name !== '' && listed.length > 0) throw both('name', 'names');
  return {
    names: listed.length > 0 ? listed : [text(name, 'name')],
    verdict: verdictOf(action, errnoRet),
    args: asList(args, 'args').map(parseArgument),
    includes: parseFilter(includes),
    excludes: parseFilter(excludes),
  };
}

function verdictOf(action: unknown, errno: unknown): number {
  const word = text(action, 'action');
  if (word === 'SCMP_ACT_NOTIFY') {
    throw new EngineError('not-implemented', 'this engine serves no SCMP_ACT_NOTIFY of seccomp', {
      hint: 'it needs an agent that answers; use SCMP_ACT_ERRNO or SCMP_ACT_ALLOW',
    });
  }
  const known = Object.hasOwn(actions, word) ? actions[word] : undefined;
  if (known === undefined)
    throw new EngineError('invalid-argument', `string ${word} is not a valid action for seccomp`);
  if (!known.hasData) return known.value;
  const number = errno ?? EPERM;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > 0xffff)
    throw invalid('an errno that is none');
  return known.value + number;
}

/** The action of a verdict, and what goes with it. */
export function actionOf(verdict: number): { readonly name: string; readonly data: number | null } {
  const base = (verdict & 0xffff_0000) >>> 0;
  const [name, action] = Object.entries(actions).find(([, { value }]) => value === base) ?? [
    'SCMP_ACT_KILL',
    null,
  ];
  return { name, data: action?.hasData === true ? verdict & 0xffff : null };
}

function parseArgument(argument: unknown): ArgumentRule {
  const { index, value, valueTwo, op } = asMap(argument, 'an argument');
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 0)
    throw invalid('an index of an argument that is none');
  if (index > 5) {
    throw new EngineError(
      'invalid-argument',
      `syscalls only have up to 6 arguments (${index} given)`,
    );
  }
  const word = text(op, 'op');
  const operator = operators.find((name) => word === `SCMP_CMP_${name}`);
  if (operator === undefined)
    throw new EngineError('invalid-argument', `string ${word} is not a valid operator for seccomp`);
  return { index, value: number64(value), valueTwo: number64(valueTwo), operator };
}

function number64(value: unknown): bigint {
  if (value === undefined) return 0n;
  const number = typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : -1n;
  if (number < 0n || number >= 2n ** 64n) throw invalid('a value of an argument that is none');
  return number;
}

function parseFilter(filter: unknown): Filter {
  const { caps, arches, minKernel } = asMap(filter ?? {}, 'a condition');
  return {
    caps: texts(caps, 'caps'),
    arches: texts(arches, 'arches'),
    minKernel: minKernel === undefined ? '' : text(minKernel, 'minKernel'),
  };
}

function asMap(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${what} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

/** null is an empty list, as Go writes one. */
function asList(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(`${what} is no list`);
  return value as readonly unknown[];
}

function texts(value: unknown, what: string): readonly string[] {
  return asList(value, what).map((item) => text(item, what));
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw invalid(`${what} is no text`);
  return value;
}

function both(one: string, other: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `both '${one}' and '${other}' are specified in the seccomp profile, use either '${one}' or '${other}'`,
  );
}

function invalid(reason: string): EngineError {
  return new EngineError('invalid-argument', `Decoding seccomp profile failed: ${reason}`);
}
