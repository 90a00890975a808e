/**
 * Execs after an engine's end: of those on record, the ones that run are followed, the ones that have ended keep their
 * exit code, and one that its shim has never heard of was not started. What runs without a record is a probe of a health
 * check: nobody waits for it any more, so it is ended. Those of a shim that is stopped are not known until it goes on.
 */
import type { RecordStore } from '../store/index.ts';
import { isShimFailure } from '../runtime/index.ts';
import type { AdoptedExec } from '../runtime/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext, RunningProcess } from './context.ts';
import { adoptExec } from './exec.ts';
import type { ExecRecord, Execs } from './exec-store.ts';
import { newExec } from './exec-store.ts';
import { follow, noteEnd } from './execs.ts';

type Context = Pick<ContainerContext, 'containers' | 'events' | 'log'> & {
  readonly execs: Execs;
  readonly execRecords: Pick<RecordStore<ExecRecord>, 'values' | 'delete'>;
};

const sigKill = 9;
/** What the end of its container means to a program in it, pid_namespaces(7). */
const killedCode = 128 + sigKill;

export async function recoverExecs(ctx: Context): Promise<void> {
  const all = [...ctx.containers];
  const stopped = all.filter(({ process }) => process?.isResponsive === false);
  for (const container of stopped) void recoverLater(ctx, container);
  await recoverOf(ctx, new Set(all.filter((container) => !stopped.includes(container))));
  const isOfNobody = ({ containerId }: ExecRecord): boolean =>
    ctx.containers.get(containerId) === undefined;
  const ownerless = [...ctx.execRecords.values()].filter(isOfNobody);
  await Promise.all(ownerless.map(({ id }) => ctx.execRecords.delete(id)));
}

/** Never rejects: nobody waits for it. */
async function recoverLater(ctx: Context, container: Container): Promise<void> {
  try {
    await container.process?.answers;
    if (ctx.containers.get(container.id) === container) await recoverOf(ctx, new Set([container]));
  } catch (error) {
    ctx.log.error('lost track of the execs of a container', {
      container: container.id,
      error: String(error),
    });
  }
}

async function recoverOf(ctx: Context, containers: ReadonlySet<Container>): Promise<void> {
  const known = new Map<string, ReadonlyMap<string, AdoptedExec>>();
  const live = [...containers].filter(({ process }) => process !== null);
  await Promise.all(
    live.map(async ({ id, process }) => known.set(id, (await process?.execs.known()) ?? new Map())),
  );
  const records = [...ctx.execRecords.values()].sort((a, b) => a.endedAtMs - b.endedAtMs);
  const isWanted = new Set(records.filter(({ exitCode }) => exitCode === null).map(({ id }) => id));
  await Promise.all(
    records.map(async (record) => {
      const container = ctx.containers.get(record.containerId);
      if (container === undefined || !containers.has(container)) return;
      await recoverExec(ctx, { record, container, adopted: known.get(container.id) });
    }),
  );
  for (const { id, process } of live) {
    for (const [execId, adopted] of known.get(id) ?? [])
      if (process !== null && !isWanted.has(execId)) void endOrphan(process, execId, adopted);
  }
}

interface Found {
  readonly record: ExecRecord;
  readonly container: Container;
  readonly adopted: ReadonlyMap<string, AdoptedExec> | undefined;
}

async function recoverExec(ctx: Context, { record, container, adopted }: Found): Promise<void> {
  const { id, request, pid, exitCode, endedAtMs, runStartedNs } = record;
  const exec = { ...newExec({ id, container, request }), pid };
  if (exitCode !== null) {
    ctx.execs.add(Object.assign(exec, { state: 'ended', exitCode, endedAtMs } as const));
    await ctx.execs.keep(exec);
    return;
  }
  const found = adopted?.get(id);
  const { process, record: of } = container;
  if (found !== undefined && process !== null) {
    exec.state = 'running';
    ctx.execs.add(exec);
    const running = await adoptExec(process, id, found);
    exec.pid = running.pid;
    exec.running = running;
    follow(ctx, exec, { running, session: null }).catch((error: unknown) => {
      ctx.log.error('lost track of an exec', { exec: id, error: String(error) });
    });
    return;
  }
  if (process !== null && of.run.startedNs === runStartedNs) {
    await ctx.execRecords.delete(id);
    return;
  }
  ctx.execs.add(exec);
  noteEnd(exec, { exitCode: killedCode });
  await ctx.execs.keep(exec);
}

/** Never rejects: a shim that is gone has taken it along. */
async function endOrphan(
  { execs }: RunningProcess,
  id: string,
  { ended }: AdoptedExec,
): Promise<void> {
  await execs.signal(id, sigKill).catch((error: unknown) => {
    if (!isShimFailure(error)) throw error;
  });
  await ended;
  await execs.forget(id);
}
