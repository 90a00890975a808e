import type { Build } from './build.ts';
import type { Deploy, DeviceRequest } from './deploy.ts';
import type { Develop, Hook } from './develop.ts';
import type { Healthcheck } from './healthcheck.ts';
import type { DeviceMapping, ServiceMount } from './mount.ts';
import type { ServiceNetwork } from './network.ts';
import type { ServicePort } from './port.ts';
import type { FileReference } from './secret.ts';

export type DependencyCondition =
  'service_started' | 'service_healthy' | 'service_completed_successfully';

export interface Dependency {
  readonly condition: DependencyCondition;
  readonly required: boolean;
  readonly restart?: boolean;
}

/** One number for both limits, or each of them. -1 is unlimited. */
export type Ulimit = number | { readonly soft: number; readonly hard: number };

export type StringMap = Readonly<Record<string, string>>;

/**
 * Desired: one image and configuration, run N times. Byte values are decimal strings ("52428800"),
 * durations normalised strings ("1m30s"), as `config` prints them; load/units.ts reads both.
 */
export interface Service {
  readonly image?: string;
  readonly build?: Build;
  readonly platform?: string;
  readonly pull_policy?: string;
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, Dependency>>;
  readonly scale?: number;
  readonly deploy?: Deploy;
  readonly develop?: Develop;
  readonly attach?: boolean;
  readonly provider?: {
    readonly type: string;
    readonly options?: Readonly<Record<string, unknown>>;
  };

  /** null: the image's. An empty list clears it. */
  readonly command: readonly string[] | null;
  readonly entrypoint: readonly string[] | null;
  readonly container_name?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly working_dir?: string;
  readonly user?: string;
  readonly group_add?: readonly string[];
  /** null: named but set nowhere, so not passed on. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  readonly tty?: boolean;
  readonly stdin_open?: boolean;
  readonly init?: boolean;
  readonly restart?: string;
  readonly stop_signal?: string;
  readonly stop_grace_period?: string;
  readonly healthcheck?: Healthcheck;
  readonly logging?: { readonly driver?: string; readonly options?: StringMap };
  readonly links?: readonly string[];
  readonly external_links?: readonly string[];
  readonly post_start?: readonly Hook[];
  readonly pre_stop?: readonly Hook[];
  readonly pre_start?: readonly Hook[];

  readonly networks?: Readonly<Record<string, ServiceNetwork | null>>;
  readonly network_mode?: string;
  readonly mac_address?: string;
  readonly ports?: readonly ServicePort[];
  readonly expose?: readonly string[];
  readonly dns?: readonly string[];
  readonly dns_search?: readonly string[];
  readonly dns_opt?: readonly string[];
  readonly extra_hosts?: readonly string[];

  readonly volumes?: readonly ServiceMount[];
  readonly volumes_from?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly FileReference[];
  readonly configs?: readonly FileReference[];

  readonly privileged?: boolean;
  readonly read_only?: boolean;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly userns_mode?: string;
  readonly pid?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly cgroup?: string;
  readonly cgroup_parent?: string;
  readonly isolation?: string;
  readonly runtime?: string;
  readonly devices?: readonly DeviceMapping[];
  readonly device_cgroup_rules?: readonly string[];
  readonly gpus?: readonly DeviceRequest[];
  readonly sysctls?: StringMap;
  readonly ulimits?: Readonly<Record<string, Ulimit>>;
  readonly storage_opt?: Readonly<Record<string, unknown>>;
  readonly credential_spec?: StringMap;
  readonly use_api_socket?: boolean;
  readonly models?: Readonly<Record<string, unknown>>;

  readonly cpus?: number;
  readonly cpu_count?: number;
  readonly cpu_percent?: number;
  readonly cpu_shares?: number;
  readonly cpu_period?: number;
  readonly cpu_quota?: number;
  readonly cpu_rt_period?: number;
  readonly cpu_rt_runtime?: number;
  readonly cpuset?: string;
  readonly mem_limit?: string;
  readonly mem_reservation?: string;
  readonly mem_swappiness?: string;
  readonly memswap_limit?: string;
  readonly pids_limit?: number;
  readonly shm_size?: string;
  readonly oom_kill_disable?: boolean;
  readonly oom_score_adj?: number;
  readonly blkio_config?: Readonly<Record<string, unknown>>;
}
