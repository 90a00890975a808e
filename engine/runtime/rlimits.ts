/** ulimits → RLIMIT_* triples of getrlimit(2); numbers of asm-generic/resource.h, equal on x86-64 and aarch64. */
import { EngineError } from '../api/index.ts';

const resources = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

export type ResourceName = keyof typeof resources;

export interface UlimitRequest {
  readonly name: string;
  /** -1 is unlimited. */
  readonly soft: number;
  readonly hard: number;
}

export type Rlimit = readonly [resource: number, soft: bigint, hard: bigint];

const unlimited = 2n ** 64n - 1n;

/**
 * systemd's default, which containerd 2 and so Docker pass on: select(2) users break above 1024 descriptors, and
 * programs that close every descriptor up to a soft limit of a billion take minutes to start.
 */
const defaultNofile = { soft: 1024n, hard: 524_288n };

/** `hardNofile` is the engine's own limit: without CAP_SYS_RESOURCE nobody can raise it. */
export function chooseRlimits(
  ulimits: readonly UlimitRequest[],
  hardNofile: bigint,
): readonly Rlimit[] {
  const byResource = new Map<number, Rlimit>();
  const hard = defaultNofile.hard < hardNofile ? defaultNofile.hard : hardNofile;
  const soft = defaultNofile.soft < hard ? defaultNofile.soft : hard;
  byResource.set(resources.nofile, [resources.nofile, soft, hard]);
  for (const ulimit of ulimits) {
    const rlimit = toRlimit(ulimit);
    byResource.set(rlimit[0], rlimit);
  }
  return [...byResource.values()].sort(([a], [b]) => a - b);
}

function toRlimit({ name, soft, hard }: UlimitRequest): Rlimit {
  if (!isResource(name))
    throw new EngineError('invalid-argument', `invalid ulimit type: ${JSON.stringify(name)}`, {
      hint: `use one of ${Object.keys(resources).join(', ')}`,
    });
  const limits = [toLimit(name, soft), toLimit(name, hard)] as const;
  if (limits[0] > limits[1])
    throw new EngineError(
      'invalid-argument',
      `ulimit soft limit must be less than or equal to hard limit: ${name} ${soft} > ${hard}`,
    );
  return [resources[name], limits[0], limits[1]];
}

function toLimit(name: string, value: number): bigint {
  if (value === -1) return unlimited;
  if (!Number.isSafeInteger(value) || value < 0)
    throw new EngineError('invalid-argument', `ulimit ${name} cannot be ${value}`);
  return BigInt(value);
}

function isResource(name: string): name is ResourceName {
  return Object.hasOwn(resources, name);
}

/** null: there is none of this name. */
export function resourceNumber(name: string): number | null {
  return isResource(name) ? resources[name] : null;
}

export function resourceName(resource: number): string {
  const found = Object.entries(resources).find(([, number]) => number === resource);
  return found?.[0] ?? String(resource);
}
