/** What the engine says of itself. */
import { isAlive } from '../../containers/state.ts';
import type { Containers } from '../../containers/containers.ts';
import type { ImageStore } from '../../images/index.ts';
import type { HostFacts, Runtimes } from '../../runtime/index.ts';
import type { EventBus } from '../../store/index.ts';
import type { EngineVersion, SystemBackend } from '../routes/index.ts';

export interface SystemBackendContext {
  readonly version: EngineVersion;
  /** Of this state root, for as long as it exists. */
  readonly engineId: string;
  readonly stateRoot: string;
  readonly cgroupVersion: 1 | 2;
  /** Which limits the machine has, as `/info` names them. */
  readonly limits: () => Readonly<Record<string, boolean>>;
  readonly containers: Containers;
  readonly images: ImageStore;
  readonly events: EventBus;
  readonly runtimes: Pick<Runtimes, 'list'>;
  readonly host: Pick<HostFacts, 'hasAppArmor' | 'containerLabels'>;
}

export function createSystemBackend(ctx: SystemBackendContext): SystemBackend {
  return {
    version: () => ctx.version,
    info: () =>
      Promise.resolve({
        id: ctx.engineId,
        containers: countContainers(ctx.containers),
        images: ctx.images.list().length,
        stateRoot: ctx.stateRoot,
        storageDriver: 'overlay2',
        storageStatus: [],
        cgroupVersion: ctx.cgroupVersion,
        limits: ctx.limits(),
        securityOptions: securityOptions(ctx.host),
        networkDrivers: ['bridge', 'host', 'null'],
        volumeDrivers: ['local'],
        eventSubscribers: 0,
        warnings: missingLimits(ctx),
        runtimes: ctx.runtimes.list(),
      }),
    events: (range, abort) =>
      ctx.events.subscribe({
        ...(range.sinceNs !== null && { since: range.sinceNs }),
        ...(range.untilNs !== null && { until: range.untilNs }),
        signal: abort,
      }),
  };
}

/** In dockerd's order. */
function securityOptions({
  hasAppArmor,
  containerLabels,
}: SystemBackendContext['host']): readonly string[] {
  return [
    ...(hasAppArmor ? ['name=apparmor'] : []),
    'name=seccomp,profile=builtin',
    ...(containerLabels === null ? [] : ['name=selinux']),
    'name=cgroupns',
  ];
}

/** In dockerd's words; what v2 has not got by design is no warning. */
const limitNames = {
  MemoryLimit: 'memory limit',
  SwapLimit: 'swap limit',
  OomKillDisable: 'oom kill disable',
  CpuCfsQuota: 'cpu cfs quota',
  CpuCfsPeriod: 'cpu cfs period',
  CPUShares: 'cpu shares',
  CPUSet: 'cpuset',
};

function missingLimits({
  limits,
  cgroupVersion,
}: Pick<SystemBackendContext, 'limits' | 'cgroupVersion'>): readonly string[] {
  const facts = limits();
  return Object.entries(limitNames)
    .filter(([key]) => facts[key] === false && !(key === 'OomKillDisable' && cgroupVersion === 2))
    .map(([, name]) => `WARNING: No ${name} support`);
}

function countContainers(containers: Containers): {
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
} {
  const statuses = [...containers].map(({ status }) => status);
  const paused = statuses.filter((status) => status === 'paused').length;
  const running = statuses.filter(isAlive).length - paused;
  return { running, paused, stopped: statuses.length - running - paused };
}
