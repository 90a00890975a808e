import type {
  ContainerCreateRequest,
  HostConfig,
  Healthcheck as WireHealthcheck,
} from '../../engine/api/index.ts';
import { labels } from '../labels.ts';
import type { Healthcheck } from '../model/healthcheck.ts';
import type { ServiceMount } from '../model/mount.ts';
import type { Project } from '../model/project.ts';
import type { Service } from '../model/service.ts';
import { builtImageName } from '../names.ts';
import { nanosecondsOf } from '../units.ts';
import { composeVersion } from '../version.ts';
import { serviceHash } from './config-hash.ts';
import { hostConfig } from './create/host-config.ts';
import { bindOwners } from './create/bind-owners.ts';
import { fileModes } from './create/file-modes.ts';
import { coreSchedulingAsked, hardened } from './create/hardening.ts';
import { securityOptions } from './create/security-options.ts';
import { networkingConfig } from './create/networks.ts';

export interface ContainerIdentity {
  readonly project: Project;
  readonly serviceName: string;
  readonly service: Service;
  /** Which replica, from 1; null for what is none. */
  readonly number: number | null;
  /** Its final name, even where it is created under another. */
  readonly name: string;
  readonly imageId: string;
  /** In place of the service's own: with the anonymous volumes of the container that is replaced. */
  readonly volumes?: readonly ServiceMount[];
  /** What `run` makes. */
  readonly oneOff?: { readonly slug: string; readonly useAliases: boolean };
}

/** Service → body of POST /containers/create. */
export function containerCreate(identity: ContainerIdentity): ContainerCreateRequest {
  const { service } = identity;
  const exposed = exposedPorts(service);
  return {
    ...(service.hostname !== undefined && { Hostname: service.hostname }),
    ...(service.domainname !== undefined && { Domainname: service.domainname }),
    ...(service.user !== undefined && { User: service.user }),
    ...(service.tty !== undefined && { Tty: service.tty }),
    ...(service.stdin_open !== undefined && { OpenStdin: service.stdin_open }),
    ...(service.environment !== undefined && { Env: environmentOf(service.environment) }),
    ...commandOf(service),
    ...(service.healthcheck !== undefined && { Healthcheck: healthcheckOf(service.healthcheck) }),
    ...(Object.keys(exposed).length > 0 && { ExposedPorts: exposed }),
    Image: imageOf(identity),
    ...(service.working_dir !== undefined && { WorkingDir: service.working_dir }),
    ...(service.mac_address !== undefined && { MacAddress: service.mac_address }),
    Labels: labelsOf(identity),
    ...(service.stop_signal !== undefined && { StopSignal: service.stop_signal }),
    ...stopTimeoutOf(service),
    HostConfig: hostConfigOf(identity),
    ...networkingConfig(identity),
  };
}

function hostConfigOf(identity: ContainerIdentity): HostConfig {
  const { project, serviceName, service, volumes } = identity;
  const mounting = { ...service, ...(volumes !== undefined && { volumes }) };
  const about = { project, serviceName, service };
  const asked = {
    ...bindOwners(project, serviceName, mounting),
    ...fileModes(project, serviceName, service),
    ...coreSchedulingAsked(about),
  };
  const host = {
    ...hostConfig(project, mounting),
    ...securityOptions(project, serviceName, service),
    // What the service says itself goes before.
    ...(Object.keys(asked).length > 0 && { Annotations: { ...asked, ...service.annotations } }),
  };
  return hardened(about, host);
}

function imageOf({ project, serviceName, service }: ContainerIdentity): string {
  return service.image ?? builtImageName(project.name, serviceName);
}

/** An entrypoint of one's own, even an empty one, leaves the image's command aside (compose-spec 05-services). */
function commandOf({
  entrypoint,
  command,
}: Service): Pick<ContainerCreateRequest, 'Entrypoint' | 'Cmd'> {
  return {
    ...(entrypoint !== null && { Entrypoint: entrypoint.length === 0 ? [''] : entrypoint }),
    ...(command !== null && { Cmd: command }),
  };
}

/** Sorted, so that the same service makes the same body. */
function environmentOf(environment: Readonly<Record<string, string | null>>): string[] {
  return Object.entries(environment)
    .flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}`]))
    .sort();
}

function exposedPorts(service: Service): Record<string, object> {
  const exposed: Record<string, object> = {};
  for (const port of service.expose ?? []) {
    const [range = '', protocol = 'tcp'] = port.split('/');
    const [first = 0, last = first] = range.split('-').map(Number);
    for (let at = first; at <= last; at += 1) exposed[`${at}/${protocol}`] = {};
  }
  for (const { target, protocol } of service.ports ?? []) {
    exposed[`${target}/${protocol ?? 'tcp'}`] = {};
  }
  return exposed;
}

function healthcheckOf(healthcheck: Healthcheck): WireHealthcheck {
  if (healthcheck.disable === true) return { Test: ['NONE'] };
  const { test, interval, timeout, start_period, start_interval, retries } = healthcheck;
  return {
    ...(test !== undefined && { Test: test }),
    ...(interval !== undefined && { Interval: nanosecondsOf(interval) }),
    ...(timeout !== undefined && { Timeout: nanosecondsOf(timeout) }),
    ...(start_period !== undefined && { StartPeriod: nanosecondsOf(start_period) }),
    ...(start_interval !== undefined && { StartInterval: nanosecondsOf(start_interval) }),
    ...(retries !== undefined && { Retries: retries }),
  };
}

function stopTimeoutOf({ stop_grace_period }: Service): { readonly StopTimeout?: number } {
  if (stop_grace_period === undefined) return {};
  return { StopTimeout: Math.ceil(nanosecondsOf(stop_grace_period) / 1e9) };
}

function labelsOf({
  project,
  serviceName,
  service,
  number,
  imageId,
  oneOff,
}: ContainerIdentity): Record<string, string> {
  const dependsOn = Object.entries(service.depends_on ?? {})
    .map(([name, { condition, restart }]) => `${name}:${condition}:${String(restart ?? false)}`)
    .sort();
  return {
    ...service.labels,
    [labels.project]: project.name,
    [labels.service]: serviceName,
    ...(number !== null && { [labels.containerNumber]: String(number) }),
    [labels.oneOff]: oneOff === undefined ? 'False' : 'True',
    ...(oneOff !== undefined && { [labels.slug]: oneOff.slug }),
    [labels.configHash]: serviceHash(service, project),
    [labels.image]: imageId,
    [labels.dependsOn]: dependsOn.join(','),
    [labels.workingDirectory]: project.workingDirectory,
    [labels.configFiles]: project.files.join(','),
    ...(project.environmentFiles.length > 0 && {
      [labels.environmentFile]: project.environmentFiles.join(','),
    }),
    [labels.version]: composeVersion,
  };
}
