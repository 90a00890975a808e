/**
 * A bundle of the OCI runtime specification → a sandbox that is handed over to whoever creates it. Pure: what the
 * machine has and what was opened for it comes in. Throws EngineError that names the field.
 */
import { defaultLinks } from './devices.ts';
import type { HostFacts } from './host-facts.ts';
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS } from './namespaces.ts';
import type { OciConfig, OciHook, OciHookName, OciState } from './oci-config.ts';
import { ociDevices } from './oci-devices.ts';
import { refuse } from './oci-fields.ts';
import { ociMounts } from './oci-mounts.ts';
import type { OciMountFacts } from './oci-mounts.ts';
import type { OciNamespaces } from './oci-namespaces.ts';
import { ociProgram } from './oci-process.ts';
import type {
  SandboxDescriptor,
  SandboxHook,
  SandboxJoin,
  SandboxPaths,
  SandboxSpec,
} from './sandbox-spec.ts';
import { chooseSysctls } from './sysctls.ts';
import type { Sysctl, SysctlScope } from './sysctls.ts';

export interface OciSandboxRequest {
  readonly id: string;
  readonly config: OciConfig;
  readonly facts: OciMountFacts;
  readonly namespaces: OciNamespaces;
  readonly host: HostFacts;
  readonly paths: SandboxPaths;
  readonly joins: readonly SandboxJoin[];
  readonly descriptors: readonly SandboxDescriptor[];
}

export interface OciSandbox {
  readonly spec: SandboxSpec;
  /** What was asked for and cannot be given. */
  readonly warnings: readonly string[];
}

export function ociSandbox(request: OciSandboxRequest): OciSandbox {
  const { config, namespaces, facts } = request;
  const { linux = {} } = config;
  if (config.process === undefined) return refuse('process', 'is missing');
  refuseUnsupported(config);
  const program = ociProgram(config.process, linux, request.host);
  const { mounts, readonlyPaths } = ociMounts(config, facts);
  const hooks = containerHooks(request);
  const spec: SandboxSpec = {
    id: request.id,
    hostname: nameOf(config, 'hostname', namespaces),
    domainname: nameOf(config, 'domainname', namespaces),
    namespaces: namespaces.made,
    networkNamespace: null,
    joins: request.joins,
    cgroups: facts.cgroup.directories,
    hasCgroup2: facts.cgroup.hasCgroup2,
    mounts,
    ...ownDev(config),
    maskedPaths: linux.maskedPaths ?? [],
    readonlyPaths: [...(linux.readonlyPaths ?? []), ...readonlyPaths],
    isRootReadonly: config.root?.readonly ?? false,
    sysctls: ociSysctls(linux.sysctl ?? {}, namespaces),
    process: program.process,
    log: { path: '', maxBytes: 0n, maxFiles: 0 },
    paths: request.paths,
    handover: {
      descriptors: request.descriptors,
      holds: hasHooks(config, 'prestart') || hasHooks(config, 'createRuntime') || hooks.length > 0,
      hooks,
      timeOffsets: namespaces.timeOffsets,
      ...program.attributes,
    },
  };
  return { spec, warnings: program.warnings };
}

function refuseUnsupported({ linux = {} }: OciConfig): void {
  if ((linux.mountLabel ?? '') !== '')
    refuse('linux.mountLabel', 'cannot be applied by this runtime');
  if (linux.intelRdt !== undefined) refuse('linux.intelRdt', 'cannot be applied by this runtime');
  for (const field of ['uidMappings', 'gidMappings'] as const) {
    if ((linux[field] ?? []).length > 0) {
      refuse(`linux.${field}`, 'needs a user namespace, which this runtime cannot make');
    }
  }
}

/** A name needs a namespace that is not the host's. */
function nameOf(
  config: OciConfig,
  field: 'hostname' | 'domainname',
  { made }: OciNamespaces,
): string {
  const name = config[field] ?? '';
  if (name === '') return '';
  if ((made & CLONE_NEWUTS) === 0) refuse(field, 'needs a uts namespace of its own');
  if (Buffer.byteLength(name) > 64) refuse(field, `"${name}" is longer than 64 bytes`);
  return name;
}

/** A /dev that is bound from elsewhere is whole; without any, the root's own gets the nodes. */
function ownDev({ mounts = [], linux = {} }: OciConfig): Pick<SandboxSpec, 'devices' | 'links'> {
  const dev = mounts.find(({ destination }) => /^\/+dev\/*$/.test(destination));
  const isBound = dev !== undefined && dev.type !== 'tmpfs';
  if (isBound) return { devices: [], links: [] };
  return { devices: ociDevices(linux.devices ?? []), links: defaultLinks };
}

function ociSysctls(
  wanted: Readonly<Record<string, string>>,
  { own }: OciNamespaces,
): readonly Sysctl[] {
  const scope: SysctlScope = {
    // "own" would add what Docker sets and a bundle does not ask for.
    network: (own & CLONE_NEWNET) === 0 ? 'host' : 'joined',
    hasOwnIpc: (own & CLONE_NEWIPC) !== 0,
  };
  const { ['kernel.domainname']: domainname, ...others } = wanted;
  const chosen = Object.entries(others).flatMap(([name, value]) => {
    try {
      return chooseSysctls({ [name]: value }, scope);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return refuse(`linux.sysctl.${name}`, `cannot be set: ${reason}`);
    }
  });
  if (domainname === undefined) return chosen;
  if ((own & CLONE_NEWUTS) === 0) {
    return refuse('linux.sysctl.kernel.domainname', 'needs a uts namespace of its own');
  }
  return [...chosen, ['kernel/domainname', domainname]];
}

export function hasHooks({ hooks }: OciConfig, name: OciHookName): boolean {
  return (hooks?.[name] ?? []).length > 0;
}

/** Those that the container's first process runs; the state that they read has their own number of it. */
function containerHooks({ id, config, facts }: OciSandboxRequest): readonly SandboxHook[] {
  const stages = [
    ['createContainer', 'creating'],
    ['startContainer', 'created'],
  ] as const;
  return stages.flatMap(([stage, status]) =>
    (config.hooks?.[stage] ?? []).map((hook) => {
      // The field at the end is the one place that nothing of the bundle can look like.
      const text = JSON.stringify({
        ...ociState({ id, config, bundle: facts.bundle, status }),
        pid: 0,
      });
      return { stage, ...hookProgram(hook), state: [text.slice(0, -2), '}'] as const };
    }),
  );
}

export interface OciStateRequest {
  readonly id: string;
  readonly config: Pick<OciConfig, 'ociVersion' | 'annotations'>;
  readonly bundle: string;
  readonly status: OciState['status'];
  readonly pid?: number;
}

export function ociState({ id, config, bundle, status, pid }: OciStateRequest): OciState {
  return {
    ociVersion: config.ociVersion,
    id,
    status,
    ...(pid !== undefined && { pid }),
    bundle,
    ...(config.annotations !== undefined && { annotations: config.annotations }),
  };
}

/** Words and variables as given: without words the path is the first, and nothing is inherited (config.md, "Hooks"). */
export function hookProgram(
  hook: OciHook,
): Pick<SandboxHook, 'path' | 'args' | 'env' | 'timeoutSeconds'> {
  const { path, args = [], env = [], timeout = 0 } = hook;
  return { path, args: args.length === 0 ? [path] : args, env, timeoutSeconds: timeout };
}
