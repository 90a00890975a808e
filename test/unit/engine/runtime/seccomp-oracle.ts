/**
 * What moby's default profile answers, read from the reference folder beside the project and never copied into it. A
 * plain reading of the profile's rules (moby `profiles/seccomp`, libseccomp's seccomp_rule_add(3)), sharing nothing
 * with the code under test.
 */
import { existsSync, readFileSync } from 'node:fs';

export const oraclePath = '/work/shared/reference/moby-seccomp-default.json';

interface OracleArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

interface OracleRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly OracleArgument[];
  readonly includes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
  readonly excludes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
}

export interface Oracle {
  /** 0 allows, else the errno. */
  answer(call: OracleCall): number;
  readonly names: ReadonlySet<string>;
}

export interface OracleCall {
  readonly name: string;
  readonly arguments: readonly bigint[];
  /** "CAP_CHOWN" */
  readonly capabilities: ReadonlySet<string>;
  /** As Docker names the host's: "amd64". */
  readonly architecture: string;
}

export function readOracle(): Oracle | null {
  if (!existsSync(oraclePath)) return null;
  const profile = JSON.parse(readFileSync(oraclePath, 'utf8')) as {
    readonly defaultErrnoRet: number;
    readonly syscalls: readonly OracleRule[];
  };
  const byName = new Map<string, OracleRule[]>();
  for (const rule of profile.syscalls)
    for (const name of rule.names) byName.set(name, [...(byName.get(name) ?? []), rule]);
  return {
    names: new Set(byName.keys()),
    answer: (call) => {
      const rules = (byName.get(call.name) ?? []).filter((rule) => isActive(rule, call));
      const hit =
        rules.find(({ args }) => args === undefined || args.length === 0) ??
        rules.find(({ args = [] }) => args.every((argument) => holds(argument, call)));
      if (hit === undefined) return profile.defaultErrnoRet;
      return hit.action === 'SCMP_ACT_ALLOW' ? 0 : (hit.errnoRet ?? profile.defaultErrnoRet);
    },
  };
}

function isActive({ includes, excludes }: OracleRule, call: OracleCall): boolean {
  const isIncluded =
    (includes?.caps ?? []).every((name) => call.capabilities.has(name)) &&
    (includes?.arches?.includes(call.architecture) ?? true);
  const isExcluded =
    (excludes?.caps ?? []).some((name) => call.capabilities.has(name)) ||
    (excludes?.arches?.includes(call.architecture) ?? false);
  return isIncluded && !isExcluded;
}

function holds({ index, value, valueTwo = 0, op }: OracleArgument, call: OracleCall): boolean {
  const actual = call.arguments[index] ?? 0n;
  switch (op) {
    case 'SCMP_CMP_EQ':
      return actual === BigInt(value);
    case 'SCMP_CMP_LT':
      return actual < BigInt(value);
    case 'SCMP_CMP_GT':
      return actual > BigInt(value);
    case 'SCMP_CMP_MASKED_EQ':
      return (actual & BigInt(value)) === BigInt(valueTwo);
    default:
      throw new Error(`the oracle compares with the unknown ${op}`);
  }
}
