/** A SandboxSpec as text with a stable order, for tests that compare all of it and for the engine's debug output. */
import { capabilitiesOf } from './capabilities.ts';
import { instructionBytes } from './bpf.ts';
import { printMountFlags } from './mount-flags.ts';
import { namespaceNames } from './namespaces.ts';
import { resourceName } from './rlimits.ts';
import type { SandboxDevice, SandboxFile, SandboxMount, SandboxSpec } from './sandbox-spec.ts';

export function printSandboxSpec(spec: SandboxSpec): string {
  return [
    `id ${spec.id}`,
    `hostname ${spec.hostname}${spec.domainname === '' ? '' : `.${spec.domainname}`}`,
    `namespaces ${namespaceNames(spec.namespaces).join(' ')}`,
    `network ${spec.networkNamespace ?? (joinsNetwork(spec) ? 'joined' : 'host')}`,
    ...spec.joins.map(({ kind, fd }) => `join ${kind} ${fd}`),
    ...spec.cgroups.map(
      (path, index) => `cgroup${index === 0 && spec.hasCgroup2 ? '2' : ''} ${path}`,
    ),
    ...spec.mounts.map(printMount),
    ...spec.devices.map(printDevice),
    ...spec.links.map(([path, target]) => `link ${path} -> ${target}`),
    ...spec.maskedPaths.map((path) => `masked ${path}`),
    ...spec.readonlyPaths.map((path) => `readonly ${path}`),
    ...(spec.isRootReadonly ? ['readonly /'] : []),
    ...spec.sysctls.map(([path, value]) => `sysctl ${path} = ${value}`),
    ...printProcess(spec),
    ...(spec.process.attributes ?? []).map(([path, value]) => `attribute ${path} = ${value}`),
    ...(spec.process.hasCoreScheduling === true ? ['core scheduling'] : []),
    `log ${spec.log.path} ${spec.log.maxBytes} x ${spec.log.maxFiles}`,
    `paths control ${spec.paths.control}, exit ${spec.paths.exit}`,
    '',
  ].join('\n');
}

function joinsNetwork({ joins }: SandboxSpec): boolean {
  return joins.some(({ kind }) => kind === 'network');
}

function printMount(mount: SandboxMount): string {
  const parts = [`mount ${mount.kind} ${mount.target}`];
  if (mount.source !== '')
    parts.push(`from ${mount.isJoined === true ? 'joined ' : ''}${mount.source}`);
  if (mount.subpath !== undefined && mount.subpath !== '') parts.push(`below ${mount.subpath}`);
  if (mount.lowerDirs.length > 0) parts.push(`lower ${mount.lowerDirs.join(':')}`);
  if (mount.upperDir !== '') parts.push(`upper ${mount.upperDir} work ${mount.workDir}`);
  if (mount.flags !== 0) parts.push(printMountFlags(mount.flags));
  if (mount.isReadonlyTop === true) parts.push('not below');
  if (mount.owners !== undefined)
    parts.push(`owners ${mount.owners.fd}${mount.owners.isTopOnly ? ' not below' : ''}`);
  if (mount.propagation !== 0) parts.push(`propagation ${printMountFlags(mount.propagation)}`);
  if (mount.data !== '') parts.push(`"${mount.data}"`);
  if (mount.create !== 'directory') parts.push(`create ${mount.create}`);
  return [parts.join(' '), ...(mount.files ?? []).map(printFile)].join('\n');
}

/** Its size and not its content, which may be a secret. */
function printFile({ path, uid, gid, mode, content }: SandboxFile): string {
  return `file ${path} ${mode.toString(8).padStart(4, '0')} ${uid}:${gid} ${content.length} bytes`;
}

function printDevice({ path, type, major, minor, mode, uid, gid }: SandboxDevice): string {
  return `device ${path} ${type} ${major}:${minor} ${mode.toString(8).padStart(4, '0')} ${uid}:${gid}`;
}

function printProcess({ process }: SandboxSpec): readonly string[] {
  const { capabilities } = process;
  const instructions = process.seccomp.length / instructionBytes;
  return [
    `args ${JSON.stringify(process.args)}`,
    ...process.env.map((entry) => `env ${JSON.stringify(entry)}`),
    `cwd ${process.cwd}`,
    `user ${process.uid}:${process.gid}${process.groups.length === 0 ? '' : ` groups ${process.groups.join(' ')}`}`,
    ...(['bounding', 'effective', 'permitted', 'inheritable', 'ambient'] as const).map(
      (set) => `${set} ${capabilitiesOf(capabilities[set]).join(' ') || '-'}`,
    ),
    `no_new_privs ${process.hasNoNewPrivileges}`,
    `umask ${process.umask.toString(8).padStart(4, '0')}`,
    ...process.rlimits.map(
      ([resource, soft, hard]) => `rlimit ${resourceName(resource)} ${soft} ${hard}`,
    ),
    `seccomp ${instructions === 0 ? 'unconfined' : `${instructions} instructions`}`,
    `oom_score_adj ${process.oomScoreAdj ?? 'inherited'}`,
    `init ${process.hasInit}`,
    ...(process.terminal === null
      ? []
      : [`terminal ${process.terminal.rows}x${process.terminal.columns}`]),
    ...(process.hasInput ? ['input from clients'] : []),
  ];
}
