import type { StringMap } from './containers.ts';

/** What GET and HEAD /_ping say in their headers. */
export interface PingResult {
  readonly apiVersion: string;
  readonly osType: string;
  readonly server: string;
}

export interface VersionComponent {
  readonly Name: string;
  readonly Version: string;
  readonly Details?: StringMap;
}

/** Body of GET /version. */
export interface VersionInfo {
  readonly Platform: { readonly Name: string };
  readonly Components: readonly VersionComponent[];
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly GitCommit: string;
  readonly GoVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly KernelVersion: string;
  readonly BuildTime: string;
}

/** Body of GET /info: the part of it that has one meaning on every engine. */
export interface SystemInfo {
  readonly ID: string;
  readonly Name: string;
  readonly ServerVersion: string;
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly ContainersPaused: number;
  readonly ContainersStopped: number;
  readonly Images: number;
  readonly Driver: string;
  readonly DriverStatus: readonly (readonly [string, string])[];
  readonly DockerRootDir: string;
  readonly SystemTime: string;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly OSVersion: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly CgroupDriver: string;
  readonly CgroupVersion: string;
  readonly LoggingDriver: string;
  readonly SecurityOptions: readonly string[];
  readonly LiveRestoreEnabled: boolean;
  readonly Swarm: { readonly LocalNodeState: string };
  readonly Warnings: readonly string[] | null;
  readonly Debug?: boolean;
  readonly ExperimentalBuild?: boolean;
  readonly Labels?: readonly string[] | null;
  readonly Plugins?: Readonly<Record<string, readonly string[] | null>>;
  readonly Runtimes?: Readonly<Record<string, object>>;
  readonly DefaultRuntime?: string;
  readonly InitBinary?: string;
  readonly ContainerdCommit?: { readonly ID: string };
  readonly RuncCommit?: { readonly ID: string };
  readonly InitCommit?: { readonly ID: string };
  readonly CDISpecDirs?: readonly string[] | null;
  readonly HttpProxy?: string;
  readonly HttpsProxy?: string;
  readonly NoProxy?: string;
  readonly RegistryConfig?: {
    readonly InsecureRegistryCIDRs?: readonly string[] | null;
    readonly Mirrors?: readonly string[] | null;
  };
}
