/**
 * Probes of a container that runs: the program of its health check, executed inside it again and again. What they say
 * is kept in a file beside the container's, so that an engine that starts anew goes on where the last one was, and
 * nobody who waits for `healthy` sees it lost.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';
import { writeFileAtomic } from '../lib/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { execInContainer } from './exec.ts';
import {
  afterEnd,
  afterProbe,
  healthSettings,
  mostOutputBytes,
  newHealth,
  untilNextProbe,
} from './health-state.ts';
import type { Health, HealthSettings, ProbeResult } from './health-state.ts';
import { nowNs } from './time.ts';

/** Runs until `signal` aborts, which is when the container has ended. Never rejects. */
export async function watchHealth(
  ctx: ContainerContext,
  container: Container,
  signal: AbortSignal,
): Promise<void> {
  const settings = healthSettings(container.record.config);
  if (settings === null) return;
  const log = container.health?.log ?? [];
  container.health = readHealth(ctx, container) ?? { ...newHealth, log };
  try {
    await probeUntil(ctx, container, { settings, signal });
  } catch (error) {
    if (!signal.aborted) {
      ctx.log.error('a health check has stopped', {
        container: container.id,
        error: String(error),
      });
    }
  }
}

/** Whoever inspects a container that has ended finds what Docker shows. */
export function endHealth(container: Container): void {
  if (container.health !== null) container.health = afterEnd(container.health);
}

interface Watch {
  readonly settings: HealthSettings;
  readonly signal: AbortSignal;
}

async function probeUntil(
  ctx: ContainerContext,
  container: Container,
  { settings, signal }: Watch,
): Promise<void> {
  for (;;) {
    const health = container.health ?? newHealth;
    await delay(untilNextProbe(health, settings, sinceStart(container)), undefined, { signal });
    // What cannot answer says nothing about its health.
    if (cannotAnswer(container)) continue;
    const result = await probe(ctx, container, { settings, signal });
    // What was asked of this run says nothing about the next.
    signal.throwIfAborted();
    if (cannotAnswer(container)) continue;
    await note(ctx, container, { settings, result });
  }
}

function cannotAnswer({ isPaused, process }: Container): boolean {
  return isPaused || process === null || !process.isResponsive;
}

function sinceStart({ record }: Container): number {
  return Number(nowNs() - BigInt(record.run.startedNs)) / 1e6;
}

async function probe(
  ctx: ContainerContext,
  container: Container,
  { settings, signal }: Watch,
): Promise<ProbeResult> {
  const startNs = nowNs();
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
  }, settings.timeoutMs);
  const giveUp = (): void => {
    limit.abort();
  };
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const { exitCode, output, wasAborted, error } = await execInContainer(ctx, container, {
      args: settings.args,
      maxOutputBytes: mostOutputBytes + 1,
      signal: limit.signal,
    });
    const text = shownOutput(Buffer.from(output));
    const end = { startNs, endNs: nowNs() };
    if (wasAborted) return { ...end, exitCode: -1, output: timedOut(settings.timeoutMs, text) };
    return { ...end, exitCode: error === undefined ? exitCode : -1, output: error ?? text };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { startNs, endNs: nowNs(), exitCode: -1, output: error.message };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

/** What is cut says so, as dockerd does it. */
function shownOutput(output: Buffer): string {
  if (output.length <= mostOutputBytes) return output.toString('utf8');
  return `${output.subarray(0, mostOutputBytes).toString('utf8')}...`;
}

function timedOut(timeoutMs: number, output: string): string {
  const text = `Health check exceeded timeout (${printSeconds(timeoutMs)})`;
  return output === '' ? text : `${text}: ${output}`;
}

/** Go's way of writing a duration, for the round numbers that people choose. */
function printSeconds(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const minutes = Math.trunc(milliseconds / 60_000);
  const seconds = (milliseconds % 60_000) / 1000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}

async function note(
  ctx: ContainerContext,
  container: Container,
  { settings, result }: { readonly settings: HealthSettings; readonly result: ProbeResult },
): Promise<void> {
  const before = container.health ?? newHealth;
  const startedNs = BigInt(container.record.run.startedNs);
  const after = afterProbe(before, result, { settings, startedNs });
  container.health = after;
  await writeHealth(ctx, container, after);
  if (after.status !== before.status)
    publishContainer(ctx, container, { action: `health_status: ${after.status}` });
}

/** What the file holds; times as decimal strings, which JSON numbers are too short for. */
interface HealthFile {
  readonly startedNs: string;
  readonly status: Health['status'];
  readonly failingStreak: number;
}

async function writeHealth(
  ctx: Pick<ContainerContext, 'layout'>,
  { id, record }: Container,
  { status, failingStreak }: Health,
): Promise<void> {
  const { startedNs } = record.run;
  const content: HealthFile = { startedNs, status, failingStreak };
  const path = ctx.layout.container(id).health;
  await writeFileAtomic(path, JSON.stringify(content), { durability: 'boot' });
}

/** null: there is none of this run, or none that can be read, which costs a few probes at most. */
function readHealth(
  ctx: Pick<ContainerContext, 'layout'>,
  { id, record }: Container,
): Health | null {
  try {
    const text = readFileSync(ctx.layout.container(id).health, 'utf8');
    const found = JSON.parse(text) as Partial<HealthFile>;
    if (found.startedNs !== record.run.startedNs) return null;
    const { status = 'starting', failingStreak = 0 } = found;
    return { status, failingStreak, log: [] };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT')
      return null;
    throw error;
  }
}
