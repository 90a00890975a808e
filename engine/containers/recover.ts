/**
 * After an engine's end, however it came: records and kernel are made to agree.
 *  1. ask every container's shim; one that is there goes on, also when it is stopped and cannot answer yet; one that is
 *     not has left an exit file;
 *  2. networks adopt what lives and take the rest down, cgroups likewise;
 *  3. removals that were under way are finished, snapshots and directories that no record names are swept;
 *  4. exits that happened meanwhile are announced; restart policies decide about them, and about what had ended before.
 */
import { connectShim, readExitFile } from '../runtime/index.ts';
import type { ExitStatus } from '../runtime/index.ts';
import { finishConnections } from './connect.ts';
import { Container } from './container.ts';
import type { ContainerRecord } from './container.ts';
import type { ContainerContext, RunningProcess } from './context.ts';
import { endOfRun, endRun, withRestart } from './exit.ts';
import type { EndOfRun } from './exit.ts';
import { discardForeign } from './foreign.ts';
import { volumeNames } from './held-volumes.ts';
import { networkFacts } from './network-request.ts';
import { removeStopped } from './remove.ts';
import { howToContinue } from './responsive.ts';
import { nextRestart } from './restart-policy.ts';
import { findOwnerless, sweepUnknown } from './ownerless.ts';
import type { OwnerlessContext } from './ownerless.ts';
import { adopt, resume } from './supervise.ts';
import { nowNs } from './time.ts';

/** Beside the verbs' context: what only recovery touches. */
export interface RecoverContext extends ContainerContext, OwnerlessContext {
  readonly recovery: OwnerlessContext['recovery'] & {
    recoverNetworks(liveIds: readonly string[]): Promise<void>;
    removeStrayCgroups(liveIds: readonly string[]): Promise<void>;
    /** Ids of the live containers by the volumes that they mount. */
    recoverVolumes(held: ReadonlyMap<string, readonly string[]>): Promise<void>;
  };
}

export async function recoverContainers(
  ctx: RecoverContext,
  records: readonly ContainerRecord[],
): Promise<void> {
  for (const record of records) {
    ctx.containers.add(new Container(withFreeName(ctx, record)));
    ctx.cgroups.place(record.id, record.hostConfig.CgroupParent ?? '');
  }
  const all = [...ctx.containers];
  const live = await findLive(ctx, all);
  const ownerless = await findOwnerless(ctx);
  const liveIds = [...live.map(({ id }) => id), ...ownerless];
  const dead = all.filter((container) => !live.includes(container));
  await Promise.all(dead.map((container) => discardLeft(ctx, container)));
  await ctx.recovery.recoverNetworks(liveIds);
  await ctx.recovery.removeStrayCgroups(liveIds);
  await ctx.recovery.recoverVolumes(heldBy(live));
  adoptNetworks(ctx, live);
  await Promise.all(live.map((container) => finishConnections(ctx, container)));
  for (const container of live) container.isPaused = ctx.cgroups.isFrozen(container.id);
  for (const container of live) void tellOfStopped(ctx, container);
  for (const container of live) void adopt(ctx, container);
  await Promise.all(all.filter(isBeingRemoved).map((container) => finishRemoval(ctx, container)));
  await sweepUnknown(ctx, ownerless);
  const others = [...ctx.containers].filter((container) => !live.includes(container));
  await Promise.all(others.map((container) => takeUp(ctx, container)));
}

async function tellOfStopped(ctx: RecoverContext, { id, process }: Container): Promise<void> {
  if (process === null || process.isResponsive) return;
  ctx.log.error('the shim of a container does not answer; the container is kept as it is', {
    container: id,
    hint: howToContinue(id),
  });
  if (await process.answers) ctx.log.warn('the shim of a container answers', { container: id });
}

/** What another runtime still has of it would keep its cgroups busy. */
async function discardLeft(ctx: RecoverContext, { record }: Container): Promise<void> {
  try {
    await discardForeign(ctx, record);
  } catch (error) {
    ctx.log.error('cannot remove what a runtime has left of a container', {
      container: record.id,
      error: String(error),
    });
  }
}

/** Two of a name are there after a record of an earlier day was put back: the second is called by its id. */
function withFreeName(ctx: RecoverContext, record: ContainerRecord): ContainerRecord {
  const { id, name } = record;
  if (!ctx.containers.has(name)) return record;
  ctx.log.error('two containers have one name', { container: id, name });
  return { ...record, name: `${name}-${id.slice(0, 12)}` };
}

function heldBy(live: readonly Container[]): ReadonlyMap<string, readonly string[]> {
  const held = new Map<string, string[]>();
  for (const { id, record } of live)
    for (const name of volumeNames(record)) held.set(name, [...(held.get(name) ?? []), id]);
  return held;
}

/** Resolves when a container that does not run is shown as it is; what its policy wants comes later. */
async function takeUp(ctx: RecoverContext, container: Container): Promise<void> {
  const { status } = container.record.run;
  if (status !== 'running' && status !== 'exited') return;
  if (status === 'running') await endRun(ctx, container, endMeanwhile(ctx, container));
  const delayMs = container.restart === null ? restartAtEngineStart(container.record) : null;
  if (delayMs !== null) {
    container.restart = { delayMs, cancel: new AbortController() };
    container.record = withRestart(container.record);
  }
  void resume(ctx, container);
}

/**
 * `always` means this one as well, if it was stopped by hand; the other policies leave that down. What is left to wait of
 * a restart that was pending: the back-off of a container that fails again and again is not cut short by engines.
 */
function restartAtEngineStart({ run, hostConfig }: ContainerRecord): number | null {
  const policy = hostConfig.RestartPolicy ?? {};
  const finishedMs = Number(BigInt(run.finishedNs) / 1_000_000n);
  const delayMs = nextRestart(policy, {
    ...run,
    isStoppedByUser: run.isStoppedByUser && policy.Name !== 'always',
    ranForMs: Math.max(0, finishedMs - Number(BigInt(run.startedNs) / 1_000_000n)),
    lastDelayMs: run.restartDelayMs ?? 0,
  });
  if (delayMs === null) return null;
  // A clock that was set back makes it no longer than it was meant.
  return Math.min(delayMs, Math.max(0, finishedMs + delayMs - Date.now()));
}

async function findLive(
  ctx: RecoverContext,
  containers: readonly Container[],
): Promise<readonly Container[]> {
  const answers = await Promise.all(
    containers.map(async (container) => {
      const process = await connect(ctx, container.id);
      if (container.record.run.status === 'running') container.process = process;
      // Its end is on record, and it is about to go.
      else if (process !== null) container.lastShimGone = process.gone;
      return container.process !== null;
    }),
  );
  return containers.filter((_container, index) => answers[index] === true);
}

/** null: no shim answers. */
function connect(ctx: RecoverContext, id: string): Promise<RunningProcess | null> {
  return connectShim({
    controlPath: ctx.layout.sandbox(id).shimSocket,
    exitPath: ctx.layout.container(id).exit,
  });
}

/** Addresses and ports as the network controller has them recorded. */
function adoptNetworks(ctx: RecoverContext, live: readonly Container[]): void {
  const networks = ctx.networks.list();
  for (const container of live) {
    const sandbox = ctx.networks.sandbox(container.id);
    if (sandbox !== undefined) {
      container.network = networkFacts(container.record, networks, sandbox);
    }
  }
}

function isBeingRemoved({ record }: Container): boolean {
  return record.run.status === 'removing';
}

/** One that fails again is left to its user; it must not keep the engine down. */
async function finishRemoval(ctx: RecoverContext, container: Container): Promise<void> {
  const withVolumes = container.record.run.removesVolumes === true;
  try {
    await removeStopped(ctx, container, { withVolumes });
  } catch (error) {
    ctx.log.error('cannot finish the removal of a container', {
      container: container.id,
      error: String(error),
    });
  }
}

/** From the exit file of the run under way; without one the machine or the shim went down with it. */
function endMeanwhile(ctx: RecoverContext, { id, record }: Container): EndOfRun {
  const exit = readExit(ctx, id);
  if (exit !== null && belongsToRun(exit, record)) return endOfRun(exit);
  return {
    exitCode: 255,
    isOomKilled: false,
    finishedAtNs: nowNs(),
    error: 'the engine and the container went down together',
  };
}

function belongsToRun(exit: ExitStatus, { run }: ContainerRecord): boolean {
  return exit.finishedAtNs >= BigInt(run.startedNs);
}

/** null: there is none, or none that says anything. */
function readExit(ctx: RecoverContext, id: string): ExitStatus | null {
  const path = ctx.layout.container(id).exit;
  try {
    return readExitFile(path);
  } catch (error) {
    ctx.log.error('cannot read how a container ended', { path, error: String(error) });
    return null;
  }
}
