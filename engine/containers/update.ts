/** New limits and a new restart policy for a container as it is, running or not. */
import { EngineError } from '../api/index.ts';
import type { ContainerUpdateRequest, HostConfig, RestartPolicy } from '../api/index.ts';
import { changeRecord } from './change.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { limitsOf } from './limits.ts';
import { withContainer } from './locked.ts';
import { isAlive } from './state.ts';
import { validatePolicy } from './validate.ts';

type Context = Pick<ContainerContext, 'containers' | 'locks' | 'records' | 'events' | 'cgroups'>;

/** Returns warnings. The kernel refuses before the record changes, and then has the old limits again. */
export async function updateContainer(
  ctx: Context,
  ref: string,
  request: ContainerUpdateRequest,
): Promise<readonly string[]> {
  const policy = request.RestartPolicy;
  if (policy !== undefined) validatePolicy(policy);
  let warnings: readonly string[] = [];
  const work = async (container: Container): Promise<void> => {
    requireMayChange(container, policy);
    const before = container.record.hostConfig;
    const after = mergeResources(before, request);
    warnings = ctx.cgroups.check(limitsOf(after));
    if (container.process !== null && isAlive(container.status))
      ctx.cgroups.update(container.id, limitsOf(after));
    await changeRecord(ctx, container, (record) => ({
      ...record,
      hostConfig: { ...after, ...((policy?.Name ?? '') !== '' && { RestartPolicy: policy }) },
    }));
    publishContainer(ctx, container, { action: 'update' });
  };
  await withContainer(ctx, ref, { work });
  return warnings;
}

function requireMayChange(container: Container, policy: RestartPolicy | undefined): void {
  const { status, record, name } = container;
  if (status === 'removing' || status === 'dead') {
    throw new EngineError(
      'conflict',
      `cannot update container "${name}": container is marked for removal and cannot be "update"`,
    );
  }
  const wantsRestarts = !['', 'no', undefined].includes(policy?.Name);
  if (record.hostConfig.AutoRemove === true && wantsRestarts) {
    throw new EngineError(
      'invalid-argument',
      'Restart policy cannot be updated because AutoRemove is enabled for the container',
    );
  }
}

/** CPUs by number and by quota are two ways to say one thing: what is set already decides (moby `container_unix.go`). */
function mergeResources(before: HostConfig, request: ContainerUpdateRequest): HostConfig {
  const { RestartPolicy: _policy, ...resources } = request;
  const given = Object.entries(resources).filter(([, value]) => isSet(value));
  refuseConflicts(before, request);
  const after: HostConfig = { ...before, ...Object.fromEntries(given) };
  const memory = request.Memory ?? 0;
  const swap = after.MemorySwap ?? 0;
  if (memory > 0 && swap > 0 && memory > swap && (request.MemorySwap ?? 0) === 0) {
    throw new EngineError(
      'invalid-argument',
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  }
  return after;
}

function refuseConflicts(
  before: HostConfig,
  { NanoCpus, CpuPeriod, CpuQuota }: ContainerUpdateRequest,
): void {
  const conflicts: readonly (readonly [unknown, unknown, string])[] = [
    [NanoCpus, before.CpuPeriod, 'Nano CPUs cannot be updated as CPU Period has already been set'],
    [NanoCpus, before.CpuQuota, 'Nano CPUs cannot be updated as CPU Quota has already been set'],
    [CpuPeriod, before.NanoCpus, 'CPU Period cannot be updated as NanoCPUs has already been set'],
    [CpuQuota, before.NanoCpus, 'CPU Quota cannot be updated as NanoCPUs has already been set'],
  ];
  for (const [asked, present, message] of conflicts)
    if (isSet(asked) && isSet(present))
      throw new EngineError('invalid-argument', `Conflicting options: ${message}`);
}

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== 0 && value !== '';
}
