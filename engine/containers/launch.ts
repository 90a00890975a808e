/**
 * One start of a container, in this order; each step that takes something knows how to give it back:
 *  1. the record says `running` on disk while the network sandbox is opened, cgroups are made and the snapshot is
 *     prepared: whoever finds the one without the other after a crash knows what to finish;
 *  2. once the sandbox has a namespace and addresses, the files below /etc are written and the shim builds the rest,
 *     while the kernel still makes the links;
 *  3. when all that is done, the shim is told to execute the program.
 */
import { rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';
import type { Image } from '../images/index.ts';
import { reasonOf, Rollback } from '../lib/index.ts';
import {
  buildSandboxSpec,
  EarlyShim,
  ShimError,
  startShim,
  WaitingShim,
} from '../runtime/index.ts';
import type { CgroupPlacement, DeviceRule, SandboxRequest } from '../runtime/index.ts';
import { closeFd } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { SandboxHandle, SandboxOpening } from '../../network/index.ts';
import { profileOf } from './app-armor.ts';
import { giveOwners } from './bind-owners.ts';
import type { Container, ContainerRecord } from './container.ts';
import type { ContainerContext, RunningProcess } from './context.ts';
import { requireDeviceDrivers } from './device-requests.ts';
import { hostsOfHost, writeEtcFiles } from './etc-files.ts';
import { givenMounts, withoutCopied } from './given/given-mounts.ts';
import { holdVolumes } from './held-volumes.ts';
import { etcFilesOf, firstHeldFd, openJoins, sharedFiles, withSharedNames } from './joined.ts';
import { sandboxMounts } from './mounts.ts';
import { explainMount } from './mount-failure.ts';
import { networkFacts, sandboxRequest } from './network-request.ts';
import {
  discardForeign,
  exitCodeOf,
  explainFailure,
  RuntimeFailure,
  writeBundle,
} from './foreign.ts';
import { limitsOf } from './limits.ts';
import { linkedHosts } from './links.ts';
import { devicesOf, sandboxRequestOf } from './sandbox-request.ts';
import { LevelClaims, relabelMounts, withLabels } from './selinux.ts';
import { nowNs } from './time.ts';
import { lookUpUser } from './user-lookup.ts';
import type { ResolvedUser } from './user.ts';

export type LaunchContext = Pick<
  ContainerContext,
  | 'layout'
  | 'runtimes'
  | 'records'
  | 'containers'
  | 'images'
  | 'snapshots'
  | 'volumes'
  | 'given'
  | 'networks'
  | 'cgroups'
  | 'host'
>;

/**
 * Resolves when the program runs. The caller holds the container's lock and follows the run. It cannot be broken off: a
 * client that leaves finds a container that runs, as with Docker, and never one between two states.
 */
export async function launch(ctx: LaunchContext, container: Container): Promise<void> {
  const { record } = container;
  const image = imageOf(ctx, record);
  requireDeviceDrivers(record);
  // Two overlay mounts must not share an upper directory (Documentation/filesystems/overlayfs.rst).
  await Promise.all([container.lastShimGone, container.released]);
  await container.files.idle();
  // The last run's: an engine that finds an exit file takes it for the end of the run under way.
  rmSync(ctx.layout.container(record.id).exit, { force: true });
  const held: Fd[] = [];
  using claims = new LevelClaims(ctx.containers);
  try {
    await Rollback.guard(async (rollback) => {
      await holdVolumes(ctx, record, { holder: record.id, rollback });
      const profile = await profileOf(record, ctx.host);
      const labelled = withLabels(ctx, record, claims);
      const started = beginRun(withSharedNames(ctx, labelled), profile);
      rollback.add('record', () => ctx.records.put(record.id, record));
      const early = EarlyShim.spawn(record.id);
      rollback.add('process of the shim', () => early.abandon());
      const opening = openSandbox(ctx, record, rollback);
      // Before the sandbox, whose end lets others have the ports that these hold.
      rollback.add('descriptors', () => {
        closeAll(held);
      });
      // The kernel works on links and the disk on the record while the rest is prepared.
      const [opened, { sandbox, run }] = await settleAll([
        opening?.opened ?? Promise.resolve(null),
        prepareRun(ctx, started, { image, early, opening, rollback, held }),
        ctx.records.put(record.id, started),
      ]);
      const network = sandbox === null ? null : networkFacts(record, ctx.networks.list(), sandbox);
      const process = await run({ isAnew: opened?.isRemade === true });
      container.noteStart({ record: started, network, process });
    });
  } finally {
    closeAll(held);
    ctx.networks.heldClosed(record.id);
  }
}

function closeAll(held: Fd[]): void {
  for (const fd of held.splice(0)) closeFd(fd);
}

function beginRun(record: ContainerRecord, profile: string | null): ContainerRecord {
  const { appArmorProfile: _last, ...run } = record.run;
  return {
    ...record,
    run: {
      ...run,
      ...(profile !== null && { appArmorProfile: profile }),
      status: 'running',
      startedNs: String(nowNs()),
      exitCode: 0,
      isOomKilled: false,
      error: '',
      isStoppedByUser: false,
    },
  };
}

function imageOf(ctx: LaunchContext, record: ContainerRecord): Image {
  const image = ctx.images.resolve(record.imageId);
  if (image !== null) return image;
  throw new EngineError('not-found', `No such image: ${record.config.Image ?? record.imageId}`, {
    hint: 'the image of this container was removed; create the container again',
  });
}

/** Both steps must have come to an end before anything is undone. */
async function settleAll<T extends readonly unknown[]>(work: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}

function openSandbox(
  ctx: LaunchContext,
  record: ContainerRecord,
  rollback: Rollback,
): SandboxOpening | null {
  const request = sandboxRequest(record, ctx.networks.list());
  if (request === null) return null;
  const extraHosts = [...(request.extraHosts ?? []), ...linkedHosts(ctx, record)];
  const opening = ctx.networks.openSandbox({ ...request, extraHosts });
  rollback.add('network sandbox', () => ctx.networks.closeSandbox(record.id));
  return opening;
}

interface Preparation {
  readonly image: Image;
  readonly early: EarlyShim;
  readonly opening: SandboxOpening | null;
  readonly rollback: Rollback;
  /** Given to the shim; closed by the caller when it has them. */
  readonly held: Fd[];
}

interface Prepared {
  readonly sandbox: SandboxHandle | null;
  /** `isAnew`: what was prepared in the sandbox counts no more. */
  readonly run: (how: { readonly isAnew: boolean }) => Promise<RunningProcess>;
}

async function prepareRun(
  ctx: LaunchContext,
  record: ContainerRecord,
  { image, early, opening, rollback, held }: Preparation,
): Promise<Prepared> {
  const named = async (): Promise<SandboxHandle | null> => {
    const handle = (await opening?.named) ?? null;
    // At once: they are ours from now on, whatever becomes of the rest.
    held.push(...(handle?.held ?? []));
    return handle;
  };
  const [sandbox, place] = await settleAll([
    named(),
    prepareProgram(ctx, record, { image, rollback }),
  ]);
  // Settings of interfaces find none before.
  if (hasNetworkSysctls(record)) await opening?.opened;
  return {
    sandbox,
    run: await prepareShim(ctx, record, { place, early, sandbox, rollback, held }),
  };
}

function hasNetworkSysctls({ hostConfig }: ContainerRecord): boolean {
  return Object.keys(hostConfig.Sysctls ?? {}).some((name) => name.startsWith('net.'));
}

/** What a program needs that no address is needed for. */
interface Place {
  readonly cgroup: CgroupPlacement;
  readonly devices: SandboxRequest['devices'];
  readonly deviceRules: readonly DeviceRule[];
  readonly rootMounts: SandboxRequest['rootMounts'];
  readonly user: ResolvedUser;
}

async function prepareProgram(
  ctx: LaunchContext,
  record: ContainerRecord,
  { image, rollback }: { readonly image: Image; readonly rollback: Rollback },
): Promise<Place> {
  const { devices, rules } = devicesOf(record);
  const makeCgroup = async (): Promise<CgroupPlacement> => {
    // The rest of this start has work for other threads: this takes ours for a millisecond.
    await nextTurn();
    const cgroup = ctx.cgroups.create(record.id, {
      devices: rules,
      limits: limitsOf(record.hostConfig),
      parent: record.hostConfig.CgroupParent,
    });
    rollback.add('cgroups', () => ctx.cgroups.remove(record.id));
    return cgroup;
  };
  const [cgroup, { mounts }, user] = await settleAll([
    makeCgroup(),
    ctx.snapshots.prepare(record.id, image),
    lookUpUser(ctx, image, {
      user: record.config.User ?? '',
      groupAdd: record.hostConfig.GroupAdd ?? [],
    }),
  ]);
  return { cgroup, devices, deviceRules: rules, rootMounts: mounts, user };
}

interface Parts {
  readonly place: Place;
  readonly early: EarlyShim;
  readonly sandbox: SandboxHandle | null;
  readonly rollback: Rollback;
  readonly held: Fd[];
}

async function prepareShim(
  ctx: LaunchContext,
  record: ContainerRecord,
  { place, early, sandbox, rollback, held }: Parts,
): Promise<Prepared['run']> {
  const paths = ctx.layout.container(record.id);
  writeEtcFiles(paths, {
    hosts: sandbox?.hosts ?? (await hostsOfHost(record)),
    resolvConf: sandbox?.resolvConf ?? '',
    hostname: record.config.Hostname ?? '',
  });
  const { joins, fds, paths: joinPaths } = openJoins(ctx, record, held.length);
  held.push(...fds);
  const given = giveOwners(sandboxMounts(ctx, withoutCopied(record)), {
    user: place.user,
    firstFd: firstHeldFd + held.length,
  });
  held.push(...given.fds);
  const files = sharedFiles(ctx, record) ?? etcFilesOf(ctx, record);
  await relabelMounts(ctx, record, files);
  const facts = {
    ...{ ...place, joins, files, log: paths.log, networkNamespace: sandbox?.path ?? null },
    mounts: [...given.mounts, ...(await givenMounts(ctx, record, given.mounts))],
    paths: { control: ctx.layout.sandbox(record.id).shimSocket, exit: paths.exit },
  };
  const request = sandboxRequestOf(record, facts, ctx.host);
  const spec = buildSandboxSpec(request, ctx.host);
  const runtime = ctx.runtimes.find(record.hostConfig.Runtime);
  if (runtime === null) {
    const waiting = await WaitingShim.begin({ spec, held, early });
    rollback.add('shim', () => waiting.abandon());
    return async ({ isAnew }) => {
      try {
        if (!isAnew) return await waiting.start();
        await waiting.abandon();
        return await startShim({ spec, held });
      } catch (error) {
        throw explainMount(error, given.mounts);
      }
    };
  }
  rollback.add('runtime', () => discardForeign(ctx, record));
  const foreign = await writeBundle(ctx, record, {
    ...{ runtime, spec, request, joinPaths },
    deviceRules: place.deviceRules,
  });
  return async () => {
    try {
      return await startShim({ spec, held, foreign, early });
    } catch (error) {
      throw explainFailure(error, foreign.directory);
    }
  };
}

/** What a failed start means to a client: Docker's CLI maps these words to exit codes 127 and 126. */
export function startFailure(failure: unknown): {
  readonly exitCode: number;
  readonly message: string;
} {
  const error = reasonOf(failure);
  if (error instanceof ShimError && error.stage === 'exec') {
    const isLookedUp = error.errno === 'ENOENT' && !error.path.includes('/');
    const reason = isLookedUp ? notInPath : (reasons[error.errno] ?? error.errno);
    // runc looks for a program that is named by a path before it executes it.
    const at = error.errno === 'ENOENT' && !isLookedUp ? `stat ${error.path}: ` : '';
    const message = `failed to create task for container: exec: "${error.path}": ${at}${reason}`;
    return { exitCode: error.errno === 'ENOENT' ? 127 : 126, message };
  }
  if (error instanceof RuntimeFailure) {
    const message = `failed to create task for container: failed to create shim task: OCI runtime create failed: ${error.message}: unknown`;
    return { exitCode: exitCodeOf(error.message), message };
  }
  return { exitCode: 128, message: error instanceof Error ? error.message : String(error) };
}

const notInPath = 'executable file not found in $PATH';
const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENOEXEC: 'exec format error',
};
