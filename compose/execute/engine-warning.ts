import type { Project } from '../model/project.ts';
import { textAt } from '../positions.ts';
import type { EngineWarning } from './run.ts';

/** The engine's names of what it has no use for → who asked for it. */
const attributes: Readonly<Record<string, string>> = {
  Annotations: 'annotations',
  BlkioDeviceReadBps: 'blkio_config',
  BlkioDeviceReadIOps: 'blkio_config',
  BlkioDeviceWriteBps: 'blkio_config',
  BlkioDeviceWriteIOps: 'blkio_config',
  BlkioWeight: 'blkio_config',
  BlkioWeightDevice: 'blkio_config',
  CgroupParent: 'cgroup_parent',
  CpuRealtimePeriod: 'cpu_rt_period',
  CpuRealtimeRuntime: 'cpu_rt_runtime',
  CpusetCpus: 'cpuset',
  DeviceCgroupRules: 'device_cgroup_rules',
  DriverOpts: 'networks',
  Healthcheck: 'healthcheck',
  Isolation: 'isolation',
  LinkLocalIPs: 'networks',
  Links: 'links',
  'LogConfig.Config': 'logging.options',
  'LogConfig.Type': 'logging.driver',
  MemorySwappiness: 'mem_swappiness',
  OomKillDisable: 'oom_kill_disable',
  OpenStdin: 'stdin_open',
  SecurityOpt: 'security_opt',
  StorageOpt: 'storage_opt',
  Tty: 'tty',
};

/** In the words of the compose file and with its line, where the engine says what it means. */
export function placeWarning({ service, text }: EngineWarning, project: Project | null): string {
  const [, name = '', value = ''] =
    /^([A-Z][A-Za-z.]*)(?: "([^"]*)")? has no effect/.exec(text) ?? [];
  const attribute = attributes[name];
  if (attribute === undefined) return `service "${service}": ${text}`;
  const asked = value === '' ? attribute : `${attribute}: ${value}`;
  const message = `"${asked}" of service "${service}" has no effect on this engine yet`;
  return textAt(project, ['services', service, ...attribute.split('.')], message);
}
