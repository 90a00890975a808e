/**
 * How containers of a service are replaced (compose-spec deploy.md#update_config, #rollback_config). What is left out is
 * as in Swarm: one at a time, the old one stops first, the first failure stops the update.
 */
import type { Service } from '../model/service.ts';
import { nanosecondsOf } from '../units.ts';

export interface UpdatePolicy {
  /** Containers in one batch; 0 is all. */
  readonly parallelism: number;
  /** Between two batches. */
  readonly delayMs: number;
  readonly isStartFirst: boolean;
  readonly failureAction: 'pause' | 'continue' | 'rollback';
  /**
   * How long a container is watched before it counts as replaced; null: until it is healthy where it has a healthcheck,
   * and five seconds where it has none. Zero is as nothing in the file, as in Swarm.
   */
  readonly monitorMs: number | null;
  /** Share of containers that may fail without the action. */
  readonly maxFailureRatio: number;
}

/** The containers of one service that are replaced under one policy, on the way or on the way back. */
export interface ServiceUpdate {
  readonly service: string;
  readonly kind: 'update' | 'rollback';
  readonly policy: UpdatePolicy;
  /** How many are to be replaced. */
  readonly total: number;
}

type Rollout = NonNullable<NonNullable<Service['deploy']>['update_config']>;

/** null: the service asks for no way of its own. */
export function updatePolicy({ deploy }: Service): UpdatePolicy | null {
  const config = deploy?.update_config;
  return config === undefined ? null : policyOf(config);
}

/** A rollback that fails is not taken back. */
export function rollbackPolicy({ deploy }: Service): UpdatePolicy {
  const policy = policyOf(deploy?.rollback_config ?? {});
  return policy.failureAction === 'rollback' ? { ...policy, failureAction: 'pause' } : policy;
}

const actions = ['pause', 'continue', 'rollback'] as const;

function policyOf({
  parallelism = 1,
  delay,
  order,
  failure_action = 'pause',
  monitor,
  max_failure_ratio = 0,
}: Rollout): UpdatePolicy {
  return {
    parallelism,
    delayMs: nanosecondsOf(delay) / 1e6,
    isStartFirst: order === 'start-first',
    // What is no action is the careful one.
    failureAction: actions.find((action) => action === failure_action) ?? 'pause',
    monitorMs: monitor === undefined ? null : nanosecondsOf(monitor) / 1e6,
    maxFailureRatio: max_failure_ratio,
  };
}

/** Why two containers of the service cannot run at the same time; null where they can. */
export function loneliness(service: Service): string | null {
  const fixed = (service.ports ?? []).find(({ published = '' }) => /^[1-9]\d*$/.test(published));
  if (fixed !== undefined && service.network_mode !== 'host')
    return `publishes port ${fixed.published ?? ''}`;
  if (service.mac_address !== undefined) return `has the address ${service.mac_address}`;
  for (const network of Object.values(service.networks ?? {})) {
    const address = network?.ipv4_address ?? network?.ipv6_address ?? network?.mac_address;
    if (address !== undefined) return `has the address ${address}`;
  }
  return null;
}

/** In batches, in the order given. */
export function batchesOf<T>(items: readonly T[], { parallelism }: UpdatePolicy): T[][] {
  const size = parallelism === 0 ? Math.max(1, items.length) : parallelism;
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
