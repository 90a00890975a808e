/**
 * Labels of SELinux: decided when a container is made (`label=` of security_opt), given to its programs and mounts at
 * every start, and written on what it mounts of the host where `z` or `Z` ask for it. A kernel without SELinux has nothing
 * to label.
 */
import { readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import type { HostConfig } from '../api/index.ts';
import {
  closeFd,
  getXattrsAt,
  isSyscallError,
  labelTree,
  MS_BIND,
  O_PATH,
  openTrusted,
  setXattrAt,
} from '../../native/index.ts';
import { driverMount } from '../../volumes/index.ts';
import type { Volume } from '../../volumes/index.ts';
import {
  chooseLabels,
  levelOf,
  mayBeRelabelled,
  parseSecurityOptions,
  sharedLabel,
} from '../runtime/index.ts';
import type { ContainerLabels, EtcFiles, HostFacts } from '../runtime/index.ts';
import type { ContainerRecord, MountRecord } from './container.ts';
import type { Layout } from '../store/index.ts';
import type { ContainerContext } from './context.ts';
import { sharedWith } from './joined.ts';

type Facts = Pick<HostFacts, 'hasSelinux' | 'containerLabels'>;
interface Context {
  readonly containers: ContainerContext['containers'];
  readonly host: Facts;
}

/** What has no effect, as warnings. Throws `invalid-argument` for a label that is relied on and cannot be given. */
export function labelProblems(host: HostConfig, facts: Facts): readonly string[] {
  if (facts.containerLabels !== null) return [];
  const labels = (host.SecurityOpt ?? []).filter(
    (option) => /^label[=:]/.test(option) && option.slice('label='.length) !== 'disable',
  );
  if (facts.hasSelinux && labels[0] !== undefined) {
    throw new EngineError(
      'invalid-argument',
      `security option ${JSON.stringify(labels[0])} cannot be applied: the SELinux policy of this machine has no labels for containers (contexts/lxc_contexts)`,
      { hint: 'install the policy for containers (container-selinux), or write label=disable' },
    );
  }
  const parts = [...labels, ...(host.Binds ?? []).flatMap(relabelled)];
  if (parts.length === 0) return [];
  const reason = facts.hasSelinux
    ? 'the SELinux policy of this machine has no labels for containers'
    : 'SELinux is not active in this kernel';
  return [`${parts.join(', ')}: no effect, as ${reason}`];
}

/** SOURCE:TARGET:OPTIONS */
function relabelled(bind: string): readonly string[] {
  const [, target = '', options = ''] = bind.split(':');
  return options
    .split(',')
    .filter((option) => option.toLowerCase() === 'z')
    .map((option) => `"${option}" of the bind on ${target}`);
}

/** Levels that are taken until their container is among the others. */
export class LevelClaims implements Disposable {
  readonly #all: Set<string>;
  readonly #own: string[] = [];

  constructor({ claimedLevels }: { readonly claimedLevels: Set<string> }) {
    this.#all = claimedLevels;
  }

  get all(): ReadonlySet<string> {
    return this.#all;
  }

  add(level: string): void {
    this.#all.add(level);
    this.#own.push(level);
  }

  [Symbol.dispose](): void {
    for (const level of this.#own) this.#all.delete(level);
  }
}

/** What the new container keeps for its life; null: no label. */
export function newLabels(
  ctx: Context,
  host: HostConfig,
  claims: LevelClaims,
): ContainerLabels | null {
  const { containerLabels } = ctx.host;
  if (containerLabels === null) return null;
  const { labels: options } = parseSecurityOptions(host.SecurityOpt ?? []);
  const isUnconfined =
    host.Privileged === true || host.IpcMode === 'host' || host.PidMode === 'host';
  const labels = chooseLabels(
    { options, isUnconfined, sharedProcess: sharedProcess(ctx, host) },
    containerLabels,
    new Set([
      ...claims.all,
      ...[...ctx.containers].flatMap(({ record }) => levelsOf(record.labels)),
    ]),
  );
  for (const label of [labels.process, labels.mount]) if (label !== '') requireKnown(label);
  claims.add(levelOf(labels.mount));
  return labels;
}

/** A container that was made without SELinux, or by an engine that knew none, has its labels from the first start with it. */
export function withLabels(
  ctx: Context,
  record: ContainerRecord,
  claims: LevelClaims,
): ContainerRecord {
  const labels = record.labels ?? newLabels(ctx, record.hostConfig, claims);
  return labels === null ? record : { ...record, labels };
}

/** The kernel is asked, as it is the one that would refuse it later. */
function requireKnown(label: string): void {
  try {
    writeFileSync('/sys/fs/selinux/context', label);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    throw new EngineError(
      'invalid-argument',
      `SELinux label ${JSON.stringify(label)} is not one that the policy of this machine knows`,
      { hint: 'correct it in security_opt, or write label=disable', cause: error },
    );
  }
}

function levelsOf(labels: ContainerLabels | undefined): readonly string[] {
  return labels === undefined ? [] : [levelOf(labels.process), levelOf(labels.mount)];
}

/** Of the container whose processes or memory it shares. Throws `invalid-argument` where these are two with two labels. */
function sharedProcess(ctx: Context, { IpcMode, PidMode }: HostConfig): string | null {
  const labels = [IpcMode, PidMode].flatMap((mode) => {
    const id = sharedWith(mode);
    return id === null ? [] : [ctx.containers.find(id).record.labels?.process ?? ''];
  });
  const [first = null, second = first] = labels;
  if (first === second) return first;
  throw new EngineError(
    'invalid-argument',
    "--ipc and --pid containers SELinux labels aren't the same",
    {
      hint: 'share both with one container, or write label=disable',
    },
  );
}

/** null: none, or none any more, as the machine was started without SELinux. */
export function labelsOf(record: ContainerRecord, { hasSelinux }: Facts): ContainerLabels | null {
  return hasSelinux ? (record.labels ?? null) : null;
}

/** For a start: labels what the container mounts of the host. */
export async function relabelMounts(
  ctx: Pick<ContainerContext, 'volumes'> & { readonly host: Facts },
  record: ContainerRecord,
  files: EtcFiles,
): Promise<void> {
  const labels = labelsOf(record, ctx.host);
  if (labels === null) return;
  const shared = sharedLabel(labels.mount);
  const isShared = sharedWith(record.hostConfig.NetworkMode) !== null;
  const paths =
    record.hostConfig.NetworkMode === 'host' ? [files.hosts, files.hostname] : Object.values(files);
  for (const path of paths as readonly string[])
    await relabel(path, { label: isShared ? shared : labels.mount });
  for (const mount of record.mounts) {
    const volume =
      mount.request.kind === 'volume' ? ctx.volumes.get(mount.request.name) : undefined;
    const how = relabellingOf(mount, volume);
    if (how === null) continue;
    requireOwnDevice(volume);
    await relabel(volume?.mountpoint ?? mount.point.Source, {
      label: how === 'private' ? labels.mount : shared,
      isBestEffort: how === 'default',
    });
  }
}

/**
 * A volume is for several containers unless somebody says otherwise ("default"); what it mounts from elsewhere, and a path
 * of the host, stay as they are until somebody says so.
 */
export function relabellingOf(
  { point, request }: MountRecord,
  volume: Pick<Volume, 'driverOptions'> | undefined,
): 'shared' | 'private' | 'default' | null {
  if (request.kind !== 'bind' && request.kind !== 'volume') return null;
  if (request.kind === 'bind' && request.file !== undefined) return null;
  // Without one the record says what Docker shows.
  const words = request.mode === undefined ? [] : point.Mode.split(',');
  if (words.includes('Z')) return 'private';
  if (words.includes('z')) return 'shared';
  const isOwn = request.kind === 'volume' && driverMount(volume?.driverOptions ?? {}) === null;
  return isOwn ? 'default' : null;
}

/** A volume that is a directory of the host is looked at as what it is, not as where it is mounted. */
function requireOwnDevice(volume: Volume | undefined): void {
  const mount = driverMount(volume?.driverOptions ?? {});
  if (mount === null || (mount.flags & MS_BIND) === 0) return;
  const real = realpathSync(mount.device);
  if (!mayBeRelabelled(real)) throw refused(mount.device, real);
}

/**
 * Layers and what is unpacked of them, when the engine starts: what is made below has the label from its directory. A
 * program's own pages are of the file in the layer, and its label counts beside that of the mount. Without SELinux what is
 * made has none: that is noted at the top, whose label the next start with it will not find.
 */
export async function labelLayers(
  { snapshots, temporary }: Pick<Layout, 'snapshots' | 'temporary'>,
  { hasSelinux, containerLabels }: Facts,
): Promise<void> {
  for (const path of [snapshots, temporary])
    if (containerLabels !== null)
      await relabel(path, { label: containerLabels.layers, isBestEffort: true });
    else if (!hasSelinux) forgetLabel(path);
}

const attribute = 'security.selinux';

function forgetLabel(path: string): void {
  const top = openTrusted(path, O_PATH);
  try {
    if (!getXattrsAt(top, '').has(attribute)) return;
    setXattrAt(top, '', { name: attribute, value: Buffer.from('none') });
  } finally {
    closeFd(top);
  }
}

interface Relabelling {
  readonly label: string;
  /** Nobody asked for it: done where the top has another label and the file system takes one. */
  readonly isBestEffort?: boolean;
}

/** What is looked at is what is labelled, whatever the path means a moment later. */
async function relabel(path: string, { label, isBestEffort = false }: Relabelling): Promise<void> {
  const source = openTrusted(path, O_PATH);
  try {
    const real = readlinkSync(`/proc/self/fd/${source}`);
    if (!mayBeRelabelled(real)) throw refused(path, real);
    await labelTree(source, { name: attribute, value: label, trustsTop: isBestEffort });
  } catch (error) {
    if (error instanceof EngineError) throw error;
    if (isBestEffort && isSyscallError(error, 'EROFS')) return;
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError('internal', `error setting label on mount source '${path}': ${reason}`, {
      ...{ hint: `check that the policy knows ${label}`, details: { path, label }, cause: error },
    });
  } finally {
    closeFd(source);
  }
}

function refused(path: string, real: string): EngineError {
  return new EngineError('invalid-argument', `SELinux relabeling of ${real} is not allowed`, {
    hint: 'mount a directory below it, or leave out "z" and "Z" and write label=disable',
    details: { path },
  });
}
