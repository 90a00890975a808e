/**
 * After an engine's end, however it came: records and kernel are made to agree.
 *  1. ask every container's shim; one that answers goes on, one that does not has left an exit file;
 *  2. networks adopt what lives and take the rest down, cgroups likewise;
 *  3. removals that were under way are finished, snapshots and directories that no record names are swept;
 *  4. exits that happened meanwhile are announced; restart policies decide about them.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connectShim, readExitFile } from '../runtime/index.ts';
import type { ExitStatus } from '../runtime/index.ts';
import { Container } from './container.ts';
import type { ContainerRecord } from './container.ts';
import type { ContainerContext, RunningProcess } from './context.ts';
import type { EndOfRun } from './exit.ts';
import { networkFacts } from './network-request.ts';
import { removeStopped } from './remove.ts';
import { adopt, finish } from './supervise.ts';
import { nowNs } from './time.ts';

/** Beside the verbs' context: what only recovery touches. */
export interface RecoverContext extends ContainerContext {
  readonly containersDirectory: string;
  readonly recovery: {
    recoverNetworks(liveIds: readonly string[]): Promise<void>;
    removeStrayCgroups(liveIds: readonly string[]): Promise<void>;
    sweepSnapshots(knownIds: readonly string[]): Promise<unknown>;
  };
}

export async function recoverContainers(
  ctx: RecoverContext,
  records: readonly ContainerRecord[],
): Promise<void> {
  for (const record of records) ctx.containers.add(new Container(record));
  const all = [...ctx.containers];
  const live = await findLive(ctx, all);
  const liveIds = live.map(({ id }) => id);
  await ctx.recovery.recoverNetworks(liveIds);
  await ctx.recovery.removeStrayCgroups(liveIds);
  adoptNetworks(ctx, live);
  for (const container of live) void adopt(ctx, container);
  await Promise.all(all.filter(isBeingRemoved).map((container) => finishRemoval(ctx, container)));
  await sweep(ctx);
  for (const container of ctx.containers) {
    const hasEnded = container.record.run.status === 'running' && container.process === null;
    if (hasEnded) void finish(ctx, container, endMeanwhile(ctx, container));
  }
}

async function findLive(
  ctx: RecoverContext,
  containers: readonly Container[],
): Promise<readonly Container[]> {
  const answers = await Promise.all(
    containers.map(async (container) => {
      container.process = await connect(ctx, container.id);
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

async function finishRemoval(ctx: RecoverContext, container: Container): Promise<void> {
  // Whether its anonymous volumes were to go is not known any more: volumes are never removed by guess.
  await removeStopped(ctx, container, { withVolumes: false });
}

/** What a creation had made before the engine was killed, without a record to name it. */
async function sweep(ctx: RecoverContext): Promise<void> {
  const known = new Set([...ctx.containers].map(({ id }) => id));
  await ctx.recovery.sweepSnapshots([...known]);
  for (const name of await readdir(ctx.containersDirectory)) {
    if (known.has(name)) continue;
    await rm(join(ctx.containersDirectory, name), { recursive: true, force: true });
  }
}

/** From the exit file of the run under way; without one the machine or the shim went down with it. */
function endMeanwhile(ctx: RecoverContext, { id, record }: Container): EndOfRun {
  const exit = readExitFile(ctx.layout.container(id).exit);
  if (exit !== null && belongsToRun(exit, record)) return fromExit(exit);
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

function fromExit(exit: ExitStatus): EndOfRun {
  return {
    exitCode: exit.code,
    isOomKilled: exit.isOomKilled,
    finishedAtNs: exit.finishedAtNs,
    ...(exit.failure !== null && { error: `cannot start: ${exit.failure.stage}` }),
  };
}
