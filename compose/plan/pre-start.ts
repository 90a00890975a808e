/** Init containers: `pre_start` of a service, each in a container of its own after the service's was made and before it runs. */
import type { Hook } from '../model/develop.ts';
import type { Service } from '../model/service.ts';
import { labels } from '../labels.ts';
import { errorAt } from '../positions.ts';
import type { ContainerTarget } from './action.ts';
import { containerCreate } from './container-create.ts';
import { findImage } from './images.ts';
import { planFiles } from './injected-files.ts';
import type { ObservedContainer } from './observed.ts';
import { planRemoval } from './removal.ts';
import {
  dependencyEdges,
  edgesTo,
  type ReconcileState,
  resourceEdges,
  type ServiceScope,
} from './state.ts';

/** Failed ones stay for a look at them, until their service is brought up again. */
export function planInitLeftovers(state: ReconcileState, service: string): void {
  for (const container of state.observed.containers) {
    if (isInit(container) && container.service === service) {
      planRemoval(state, container, 'left by an earlier run');
    }
  }
}

export function isInit({ labels: own }: Pick<ObservedContainer, 'labels'>): boolean {
  return own[labels.hook] === 'pre_start';
}

export interface Starting {
  readonly target: ContainerTarget;
  readonly imageId: string;
  /** The node after which the container is there under its name; null: it already is. */
  readonly ready: number | null;
}

/**
 * Nodes that a start has to wait for. Once for the service, before the first replica of those that start while none
 * runs; `per_replica` before each. As docker compose 5.3 does, so that scaling up does not run them again.
 */
export function planPreStart(
  state: ReconcileState,
  scope: Pick<ServiceScope, 'name' | 'service'>,
  starting: Starting,
): readonly number[] {
  const { name, service } = scope;
  const hooks = (service.pre_start ?? []).map((hook, index) => ({ hook, index }));
  if (hooks.length === 0) return [];
  let once = state.inits.get(name);
  if (once === undefined) {
    const shared = state.running.has(name)
      ? []
      : hooks.filter(({ hook }) => hook.per_replica !== true);
    once = planChain(state, scope, { hooks: shared, starting, after: [] });
    state.inits.set(name, once);
  }
  const own = hooks.filter(({ hook }) => hook.per_replica === true);
  return planChain(state, scope, { hooks: own, starting, after: once });
}

interface Chain {
  readonly hooks: readonly { readonly hook: Hook; readonly index: number }[];
  readonly starting: Starting;
  readonly after: readonly number[];
}

function planChain(
  state: ReconcileState,
  scope: Pick<ServiceScope, 'name' | 'service'>,
  { hooks, starting, after }: Chain,
): readonly number[] {
  let before = after;
  for (const { hook, index } of hooks) {
    before = [planInit(state, scope, { hook, index, starting, before })];
  }
  return before;
}

interface Init {
  readonly hook: Hook;
  readonly index: number;
  readonly starting: Starting;
  readonly before: readonly number[];
}

/** Create, run to its end, remove: a failure in between leaves it. */
function planInit(
  state: ReconcileState,
  { name, service }: Pick<ServiceScope, 'name' | 'service'>,
  { hook, index, starting, before }: Init,
): number {
  const { builder, project } = state;
  const { target: owner, ready } = starting;
  const own = `${owner.name}_pre_start_${index + 1}`;
  const target: ContainerTarget = { name: own, service: name, ref: own };
  const imageId = initImage(state, { name, hook, index, imageId: starting.imageId });
  const init = initService(service, hook);
  const body = containerCreate({
    ...{ project, serviceName: name, service: init, imageId, name: own, number: null },
    oneOff: { slug: own, useAliases: false },
  });
  const created = builder.add(
    {
      kind: 'createContainer',
      ...target,
      body: {
        ...body,
        Labels: { ...body.Labels, [labels.hook]: 'pre_start' },
        HostConfig: { ...body.HostConfig, VolumesFrom: [owner.ref] },
      },
      cause: `pre_start of ${owner.name}`,
    },
    [
      ...edgesTo([
        ...before,
        ...(ready === null ? [] : [ready]),
        ...leftovers(state, name),
        ...resourceEdges(state, { name, service, imageId }).flatMap((edge) =>
          'node' in edge ? [edge.node] : [],
        ),
      ]),
    ],
  );
  // What is wrong with them is said of the service itself.
  const complete = planFiles(
    { ...state, errors: [] },
    { name, service: init },
    { target, created },
  );
  const path = ['services', name, 'pre_start', index];
  const ran = builder.add(
    { kind: 'runInit', ...target, owner: owner.name, path, cause: `created by #${created}` },
    [...dependencyEdges(state, service), { node: complete }],
  );
  return builder.add(
    { kind: 'removeContainer', ...target, withVolumes: false, cause: 'completed' },
    [{ node: ran }],
  );
}

function leftovers(state: ReconcileState, service: string): number[] {
  return state.observed.containers.flatMap((container) => {
    const removal = state.removals.get(container.id);
    return removal !== undefined && isInit(container) && container.service === service
      ? [removal.node]
      : [];
  });
}

function initImage(
  { project, observed, errors }: ReconcileState,
  init: Pick<Init, 'hook' | 'index'> & { readonly name: string; readonly imageId: string },
): string {
  const { hook, index, name, imageId } = init;
  if (hook.image === undefined) return imageId;
  const found = findImage(observed.images, hook.image);
  if (found !== null) return found;
  const message = `image "${hook.image}" of pre_start of service "${name}" is not on this engine`;
  errors.push(
    errorAt(project, ['missing-image', message], {
      path: ['services', name, 'pre_start', index, 'image'],
      hint: 'load or import it (pulling is not possible yet)',
    }),
  );
  return '';
}

/** The service with another image and command, without what belongs to a program that stays and is reached by others. */
function initService(service: Service, hook: Hook): Service {
  const {
    container_name: _name,
    deploy: _deploy,
    expose: _expose,
    healthcheck: _healthcheck,
    hostname: _hostname,
    mac_address: _mac,
    ports: _ports,
    restart: _restart,
    stdin_open: _stdin,
    tty: _tty,
    volumes: _volumes,
    volumes_from: _from,
    ...rest
  } = service;
  const { image, command, environment, privileged, user, working_dir } = hook;
  return {
    ...rest,
    ...(image !== undefined && { image }),
    entrypoint: null,
    command: command ?? null,
    ...(environment !== undefined && { environment: { ...service.environment, ...environment } }),
    ...(privileged !== undefined && { privileged }),
    ...(user !== undefined && { user }),
    ...(working_dir !== undefined && { working_dir }),
    ...(service.networks !== undefined && { networks: withoutAddresses(service.networks) }),
  };
}

/** They are the service's own. */
function withoutAddresses(
  networks: NonNullable<Service['networks']>,
): NonNullable<Service['networks']> {
  return Object.fromEntries(
    Object.entries(networks).map(([key, settings]) => {
      if (settings === null) return [key, settings];
      const {
        aliases: _aliases,
        ipv4_address: _ipv4,
        ipv6_address: _ipv6,
        link_local_ips: _local,
        mac_address: _mac,
        ...rest
      } = settings;
      return [key, rest];
    }),
  );
}
