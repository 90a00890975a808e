/** The plan of `run`: what a service depends on, and one container more that is nobody's replica. */
import type { ServiceMount } from '../model/mount.ts';
import type { ServicePort } from '../model/port.ts';
import type { Project } from '../model/project.ts';
import type { Service } from '../model/service.ts';
import { containerCreate } from './container-create.ts';
import { planService } from './containers.ts';
import { planFiles } from './injected-files.ts';
import type { Observed } from './observed.ts';
import type { ReconcileOptions } from './options.ts';
import type { Plan } from './plan.ts';
import { finishPlan, newState, planOrphans, planUsedResources } from './reconcile.ts';
import { selectServices } from './selection.ts';
import { dependencyEdges, type ReconcileState, resourceEdges } from './state.ts';
import { imageIdOf } from './wanted-image.ts';

/** What a one-off has in place of its service's own. Absent is the service's. */
export interface OneOffOverrides {
  readonly command?: readonly string[];
  /** The service's command goes with its entrypoint. */
  readonly entrypoint?: readonly string[];
  /** null: passed on where the service sets it, and not set here. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workingDir?: string;
  /** On top of the service's, in place of those with the same target. */
  readonly volumes?: readonly ServiceMount[];
  /** In place of none: a one-off publishes nothing by itself. */
  readonly ports?: readonly ServicePort[];
  readonly servicePorts?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
}

export interface OneOffOptions extends Pick<
  ReconcileOptions,
  'build' | 'ignoreOrphans' | 'noDeps' | 'pull' | 'removeOrphans'
> {
  readonly service: string;
  /** 64 hexadecimal digits that nobody else has. */
  readonly slug: string;
  readonly name?: string;
  readonly overrides: OneOffOverrides;
  readonly isTty: boolean;
  /** It reads standard input, until that ends. */
  readonly isInteractive: boolean;
  readonly isDetached: boolean;
  /** Gone as soon as it has ended. */
  readonly autoRemove: boolean;
  /** It answers to the names of its service as well. */
  readonly useAliases: boolean;
}

export function oneOffName(project: Project, { service, slug, name }: OneOffOptions): string {
  return name ?? `${project.name}-${service}-run-${slug.slice(0, 12)}`;
}

/** The last container it creates is the one-off; it is started only where nobody has to attach to it first. */
export function planOneOff(project: Project, observed: Observed, options: OneOffOptions): Plan {
  const { service: name } = options;
  const [, ...others] = selectServices(project, [name], {
    withDependencies: options.noDeps !== true,
  }).reverse();
  const dependencies = others.reverse();
  const service = oneOffService(project.services[name], options);
  const changed = { ...project, services: { ...project.services, [name]: service } };
  const state = newState({ project: changed, observed, options, services: dependencies });
  planUsedResources(state, [...dependencies, name]);
  for (const dependency of dependencies) planService(state, dependency);
  planOrphans(state);
  const imageId = imageIdOf(state, name, service);
  planContainer(state, { options, service, imageId });
  return finishPlan(state);
}

function planContainer(
  state: ReconcileState,
  {
    options,
    service,
    imageId,
  }: { readonly options: OneOffOptions; readonly service: Service; readonly imageId: string },
): void {
  const { project, builder } = state;
  const { slug, isTty, isInteractive, isDetached, autoRemove, useAliases } = options;
  const name = oneOffName(project, options);
  const body = containerCreate({
    ...{ project, serviceName: options.service, service, imageId, name },
    number: null,
    oneOff: { slug, useAliases },
  });
  const target = { name, service: options.service, ref: name };
  const created = builder.add(
    {
      kind: 'createContainer',
      ...target,
      body: {
        ...body,
        Tty: isTty,
        OpenStdin: isInteractive,
        StdinOnce: isInteractive,
        AttachStdin: isInteractive && !isDetached,
        AttachStdout: !isDetached,
        AttachStderr: !isDetached,
        HostConfig: { ...body.HostConfig, ...(autoRemove && { AutoRemove: true }) },
      },
      cause: 'run',
    },
    [
      ...resourceEdges(state, { name: options.service, service, imageId }),
      ...(options.noDeps === true ? [] : dependencyEdges(state, service)),
    ],
  );
  const scope = { name: options.service, service };
  const complete = planFiles(state, scope, { target, created });
  if (!isDetached) return;
  const cause = `created by #${created}`;
  builder.add({ kind: 'startContainer', ...target, cause }, [{ node: complete }]);
}

/** Without what belongs to a service that is meant to stay: its name, its ports, its restart policy. */
function oneOffService(service: Service | undefined, { overrides }: OneOffOptions): Service {
  if (service === undefined) throw new TypeError('the service was selected, so it is there');
  const { container_name: _name, restart: _restart, deploy, ports, ...rest } = service;
  const { environment, labels, user, workingDir, volumes, capAdd, capDrop } = overrides;
  const published = overrides.servicePorts === true ? ports : overrides.ports;
  return {
    ...rest,
    ...(deploy !== undefined && { deploy: withoutPolicy(deploy) }),
    ...(published !== undefined && { ports: published }),
    ...commandOf(service, overrides),
    ...(environment !== undefined && { environment: { ...service.environment, ...environment } }),
    ...(labels !== undefined && { labels: { ...service.labels, ...labels } }),
    ...(user !== undefined && { user }),
    ...(workingDir !== undefined && { working_dir: workingDir }),
    ...(volumes !== undefined && { volumes: mergedMounts(service.volumes ?? [], volumes) }),
    ...(capAdd !== undefined && { cap_add: moved(service.cap_add, capAdd, capDrop) }),
    ...(capDrop !== undefined && { cap_drop: moved(service.cap_drop, capDrop, capAdd) }),
  };
}

function withoutPolicy({
  restart_policy: _policy,
  ...rest
}: NonNullable<Service['deploy']>): NonNullable<Service['deploy']> {
  return rest;
}

function commandOf(
  service: Service,
  { command, entrypoint }: OneOffOverrides,
): Pick<Service, 'command' | 'entrypoint'> {
  const own = entrypoint === undefined ? service.command : [];
  return { entrypoint: entrypoint ?? service.entrypoint, command: command ?? own };
}

function mergedMounts(
  own: readonly ServiceMount[],
  added: readonly ServiceMount[],
): readonly ServiceMount[] {
  const isReplaced = ({ target }: ServiceMount): boolean =>
    added.some((mount) => mount.target === target);
  return [...own.filter((mount) => !isReplaced(mount)), ...added];
}

function moved(
  own: readonly string[] = [],
  added: readonly string[],
  elsewhere: readonly string[] = [],
): readonly string[] {
  return [...new Set([...own.filter((name) => !elsewhere.includes(name)), ...added])];
}
