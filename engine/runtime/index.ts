/**
 * One sandbox: what it is (`buildSandboxSpec`), where its processes are counted (`Cgroups`), and the shim that makes
 * and outlives it. Belongs here: kernel-facing decisions and the shim's protocol. Does not belong here: a container's
 * lifecycle, images, networks.
 */
export { emptyCgroup } from './cgroup-empty.ts';
export { Cgroups } from './cgroup.ts';
export type { CgroupOptions, CgroupRequest } from './cgroup.ts';
export type { BlockLimit, CgroupLimits } from './cgroup-limits.ts';
export type { CgroupStats, IoCount } from './cgroup-stats.ts';
export { capabilitiesOf, capabilityNames, defaultCapabilities } from './capabilities.ts';
export type { CapabilityName } from './capabilities.ts';
export type { EtcFiles } from './default-mounts.ts';
export {
  blockDeviceNumber,
  consoleRule,
  defaultDeviceRules,
  everyDeviceRule,
  parseDeviceRule,
  readDevice,
  readHostDevices,
} from './devices.ts';
export type { DeviceRequest, DeviceRule, RequestedDevice } from './devices.ts';
export { readHostFacts } from './host-facts.ts';
export type { HostFacts } from './host-facts.ts';
export { defaultMaskedPaths, defaultReadonlyPaths } from './masked-paths.ts';
export { privateNamespaces } from './namespaces.ts';
export type { NamespaceOptions } from './namespaces.ts';
export { chooseAppArmor, defaultProfile, defaultProfileText, parseProfiles } from './apparmor.ts';
export { mountOf } from './default-mounts.ts';
export { bundleFilesName } from './encode.ts';
export { ociConfigOf, ociProcessOf, printOciJson } from './oci-write.ts';
export type { BundleFacts } from './oci-write.ts';
export { ownRuntime, Runtimes } from './runtimes.ts';
export type { ForeignRuntime, RuntimeSettings } from './runtimes.ts';
export { ociNamespaceTypes, ociVersion } from './oci-config.ts';
export type * from './oci-config.ts';
export { ociDeviceAccess } from './oci-devices.ts';
export { mountOptionNames } from './oci-mount-options.ts';
export { ociNamespaces } from './oci-namespaces.ts';
export type { OciNamespaces } from './oci-namespaces.ts';
export { ociProgram } from './oci-process.ts';
export { readOciConfig, readOciProcess } from './oci-read.ts';
export { readOciResources } from './oci-read-resources.ts';
export { ociResourceWrites } from './oci-resources.ts';
export { hasHooks, hookProgram, ociSandbox, ociState } from './oci.ts';
export { printSandboxSpec } from './print-spec.ts';
export type { UlimitRequest } from './rlimits.ts';
export type {
  ForeignCommands,
  ForeignExec,
  SandboxDescriptor,
  SandboxDevice,
  SandboxFile,
  SandboxJoin,
  SandboxLog,
  SandboxMount,
  SandboxPaths,
  SandboxProcess,
  SandboxSpec,
  TerminalSize,
} from './sandbox-spec.ts';
export { readProcess } from './process-facts.ts';
export { parseSecurityOptions } from './security-options.ts';
export { chooseLabels, levelOf, mayBeRelabelled, sharedLabel } from './selinux.ts';
export type { ContainerLabels } from './selinux.ts';
export { buildExecProcess, buildOciSeccomp, buildSandboxSpec } from './spec.ts';
export type { CgroupPlacement, ProcessRequest, SandboxRequest, SecurityRequest } from './spec.ts';
export { followFrames, readShimLog } from './shim-log.ts';
export { compressLog } from './shim-log-compress.ts';
export { discardLog } from './shim-log-discard.ts';
export { LineAssembler } from './shim-log-lines.ts';
export type { Frame } from './shim-log-frames.ts';
export { endOfLog, startOfLog } from './shim-log-walk.ts';
export type { Position as LogPosition } from './shim-log-walk.ts';
export type { FrameBatch, LogQuery, LogRecord } from './shim-log.ts';
export { createHandedOver, execHandedOver } from './shim-handover.ts';
export type {
  AdoptedExec,
  ExecDescriptors,
  ExecOutcome,
  ShimExecs,
  StartedExec,
} from './shim-exec.ts';
export { EarlyShim } from './early-shim.ts';
export {
  connectShim,
  isShimFailure,
  readExitFile,
  Shim,
  ShimError,
  startShim,
  WaitingShim,
} from './shim.ts';
export type { ExitStatus, ShimAddress, ShimFailure } from './shim.ts';
