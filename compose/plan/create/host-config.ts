import type {
  HostConfig,
  PortBinding,
  PortMap,
  RestartPolicy,
  Ulimit,
} from '../../../engine/api/index.ts';
import type { ServicePort } from '../../model/port.ts';
import type { RestartPolicyOfDeploy } from '../../model/deploy.ts';
import type { Project } from '../../model/project.ts';
import type { Service } from '../../model/service.ts';
import { containerName } from '../../names.ts';
import { nanosecondsOf } from '../../units.ts';
import { mountsOf } from './mounts.ts';
import { namespaceMode, networkMode } from './networks.ts';
import { resourcesOf } from './resources.ts';

export function hostConfig(project: Project, service: Service): HostConfig {
  return {
    ...mountsOf(project, service),
    NetworkMode: networkMode(project, service),
    ...portsOf(service),
    RestartPolicy: restartPolicy(service),
    ...(service.logging !== undefined && {
      LogConfig: {
        ...(service.logging.driver !== undefined && { Type: service.logging.driver }),
        ...(service.logging.options !== undefined && { Config: service.logging.options }),
      },
    }),
    ...namespacesOf(project, service),
    ...securityOf(service),
    ...namesOf(service),
    ...resourcesOf(service),
    ...(service.volumes_from !== undefined && {
      VolumesFrom: volumesFrom(project, service.volumes_from),
    }),
    ...(service.devices !== undefined && {
      Devices: service.devices.map(({ source, target = source, permissions = 'rwm' }) => ({
        PathOnHost: source,
        PathInContainer: target,
        CgroupPermissions: permissions,
      })),
    }),
    ...(service.ulimits !== undefined && { Ulimits: ulimitsOf(service.ulimits) }),
    ...(service.shm_size !== undefined && { ShmSize: Number(service.shm_size) }),
    ...(service.sysctls !== undefined && { Sysctls: service.sysctls }),
    ...(service.init !== undefined && { Init: service.init }),
    ...(service.runtime !== undefined && { Runtime: service.runtime }),
    ...(service.isolation !== undefined && { Isolation: service.isolation }),
    ...(service.annotations !== undefined && { Annotations: service.annotations }),
    ...(service.storage_opt !== undefined && { StorageOpt: storageOptions(service.storage_opt) }),
  };
}

function portsOf({ ports, network_mode }: Service): { readonly PortBindings?: PortMap } {
  // With the host's network there is nothing to publish.
  if (ports === undefined || ports.length === 0 || network_mode === 'host') return {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const port of ports) {
    const key = `${port.target}/${port.protocol ?? 'tcp'}`;
    (bindings[key] ??= []).push(bindingOf(port));
  }
  return { PortBindings: bindings };
}

function bindingOf({ host_ip, published }: ServicePort): PortBinding {
  return {
    ...(host_ip !== undefined && { HostIp: host_ip }),
    HostPort: published ?? '',
  };
}

/** deploy.restart_policy wins over restart (compose-spec deploy.md#restart_policy). */
function restartPolicy({ restart, deploy }: Service): RestartPolicy {
  const policy = deploy?.restart_policy;
  if (policy !== undefined) return deployedPolicy(policy);
  const [name = 'no', count] = (restart ?? 'no').split(':');
  return { Name: name, ...(count !== undefined && { MaximumRetryCount: Number(count) }) };
}

/** Engines know `always` only without an end: with attempts that are counted it is an `on-failure` for this engine's. */
function deployedPolicy({
  condition = 'any',
  max_attempts = 0,
  delay,
  window,
}: RestartPolicyOfDeploy): RestartPolicy {
  const name = policyNames[condition] ?? condition;
  if (name === 'no') return { Name: name };
  const isCounted = max_attempts > 0 && name !== 'unless-stopped';
  return {
    Name: isCounted ? 'on-failure' : name,
    ...(isCounted && { MaximumRetryCount: max_attempts }),
    ...(isCounted && name === 'always' && { AfterSuccess: true }),
    ...(delay !== undefined && { Delay: nanosecondsOf(delay) }),
    ...(window !== undefined && { Window: nanosecondsOf(window) }),
  };
}

const policyNames: Readonly<Record<string, string>> = { none: 'no', any: 'always' };

function namespacesOf(project: Project, service: Service): Partial<HostConfig> {
  const { pid, ipc, uts, cgroup, userns_mode, cgroup_parent } = service;
  const pidMode = namespaceMode(project, pid);
  const ipcMode = namespaceMode(project, ipc);
  return {
    ...(pidMode !== undefined && { PidMode: pidMode }),
    ...(ipcMode !== undefined && { IpcMode: ipcMode }),
    ...(uts !== undefined && { UTSMode: uts }),
    ...(cgroup !== undefined && { CgroupnsMode: cgroup }),
    ...(userns_mode !== undefined && { UsernsMode: userns_mode }),
    ...(cgroup_parent !== undefined && { CgroupParent: cgroup_parent }),
  };
}

function securityOf(service: Service): Partial<HostConfig> {
  const { privileged, read_only, cap_add, cap_drop } = service;
  return {
    ...(privileged !== undefined && { Privileged: privileged }),
    ...(read_only !== undefined && { ReadonlyRootfs: read_only }),
    ...(cap_add !== undefined && { CapAdd: cap_add }),
    ...(cap_drop !== undefined && { CapDrop: cap_drop }),
    ...(service.group_add !== undefined && { GroupAdd: service.group_add }),
    ...(service.device_cgroup_rules !== undefined && {
      DeviceCgroupRules: service.device_cgroup_rules,
    }),
  };
}

function namesOf({ dns, dns_search, dns_opt, extra_hosts }: Service): Partial<HostConfig> {
  return {
    ...(dns !== undefined && { Dns: dns }),
    ...(dns_search !== undefined && { DnsSearch: dns_search }),
    ...(dns_opt !== undefined && { DnsOptions: dns_opt }),
    // The wire separates by the first colon, which keeps IPv6 addresses whole.
    ...(extra_hosts !== undefined && {
      ExtraHosts: extra_hosts.map((host) => host.replace('=', ':')),
    }),
  };
}

function volumesFrom(project: Project, sources: readonly string[]): string[] {
  return sources.map((source) => {
    const [name = '', ...rest] = source.split(':');
    if (name === 'container') return rest.join(':');
    const own = project.services[name]?.container_name ?? containerName(project.name, name, 1);
    return [own, ...rest].join(':');
  });
}

function ulimitsOf(ulimits: NonNullable<Service['ulimits']>): Ulimit[] {
  return Object.entries(ulimits).map(([name, limit]) => ({
    Name: name,
    Soft: typeof limit === 'number' ? limit : limit.soft,
    Hard: typeof limit === 'number' ? limit : limit.hard,
  }));
}

function storageOptions(options: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)]));
}
