import type { DeviceRequest as WireDeviceRequest, HostConfig } from '../../../engine/api/index.ts';
import type { DeviceRequest } from '../../model/deploy.ts';
import type { Service } from '../../model/service.ts';

/** CPU, memory, process and device limits; deploy.resources wins, the loader made sure that both agree. */
export function resourcesOf(service: Service): Partial<HostConfig> {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const cpus = limits?.cpus ?? service.cpus;
  const memory = limits?.memory ?? service.mem_limit;
  const reservation = reservations?.memory ?? service.mem_reservation;
  const pids = limits?.pids ?? service.pids_limit;
  const requests = [
    ...(reservations?.devices ?? []).map((request) => deviceRequest(request, [])),
    ...(service.gpus ?? []).map((request) => deviceRequest(request, ['gpu'])),
  ];
  return {
    ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
    ...bytes('Memory', memory),
    ...bytes('MemoryReservation', reservation),
    ...bytes('MemorySwap', service.memswap_limit),
    ...bytes('MemorySwappiness', service.mem_swappiness),
    ...(pids !== undefined && { PidsLimit: pids }),
    ...cpuFields(service),
    ...(service.oom_kill_disable !== undefined && { OomKillDisable: service.oom_kill_disable }),
    ...(service.oom_score_adj !== undefined && { OomScoreAdj: service.oom_score_adj }),
    ...(requests.length > 0 && { DeviceRequests: requests }),
    ...blockFields(service.blkio_config),
  };
}

function bytes(field: keyof HostConfig, value: string | undefined): Partial<HostConfig> {
  return value === undefined ? {} : { [field]: Number(value) };
}

function cpuFields(service: Service): Partial<HostConfig> {
  const { cpu_shares, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime, cpuset } = service;
  return {
    ...(cpu_shares !== undefined && { CpuShares: cpu_shares }),
    ...(cpu_period !== undefined && { CpuPeriod: cpu_period }),
    ...(cpu_quota !== undefined && { CpuQuota: cpu_quota }),
    ...(cpu_rt_period !== undefined && { CpuRealtimePeriod: cpu_rt_period }),
    ...(cpu_rt_runtime !== undefined && { CpuRealtimeRuntime: cpu_rt_runtime }),
    ...(cpuset !== undefined && { CpusetCpus: cpuset }),
  };
}

function deviceRequest(request: DeviceRequest, implied: readonly string[]): WireDeviceRequest {
  const capabilities = [...new Set([...implied, ...(request.capabilities ?? [])])];
  return {
    ...(request.driver !== undefined && { Driver: request.driver }),
    ...(request.count !== undefined && { Count: request.count }),
    ...(request.device_ids !== undefined && { DeviceIDs: request.device_ids }),
    Capabilities: [capabilities],
    ...(request.options !== undefined && { Options: request.options }),
  };
}

type RateKey = `device_${'read' | 'write'}_${'bps' | 'iops'}`;

function blockFields(config: Service['blkio_config']): Partial<HostConfig> {
  if (config === undefined) return {};
  const rates = (key: RateKey, field: keyof HostConfig): Partial<HostConfig> => {
    const list = (config[key] ?? []).map(({ path = '', rate = '0' }) => ({
      Path: path,
      Rate: Number(rate),
    }));
    return list.length === 0 ? {} : { [field]: list };
  };
  const weights = (config.weight_device ?? []).map(({ path = '', weight = 0 }) => ({
    Path: path,
    Weight: weight,
  }));
  return {
    ...(config.weight !== undefined && { BlkioWeight: config.weight }),
    ...(weights.length > 0 && { BlkioWeightDevice: weights }),
    ...rates('device_read_bps', 'BlkioDeviceReadBps'),
    ...rates('device_write_bps', 'BlkioDeviceWriteBps'),
    ...rates('device_read_iops', 'BlkioDeviceReadIOps'),
    ...rates('device_write_iops', 'BlkioDeviceWriteIOps'),
  };
}
