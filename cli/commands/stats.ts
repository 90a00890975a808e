import type { ContainerStats, ContainerSummary } from '../../engine/api/index.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { formatOption, servicesArgument } from '../options.ts';
import { nameOf } from '../select.ts';

interface StatsRequest {
  readonly services?: readonly string[];
  readonly all?: boolean;
  readonly noStream?: boolean;
  readonly format?: string;
  readonly noTrunc?: boolean;
}

/** Of a terminal: to the upper left, and nothing below. */
const redraw = '\u001B[H\u001B[J';
const pauseMs = 1000;

export const statsCommand: Command = defineCommand<StatsRequest>({
  name: 'stats',
  summary: 'show what containers use, every second',
  arguments: [servicesArgument],
  options: {
    services: null,
    all: { flags: '-a, --all', description: 'stopped ones as well' },
    noStream: { flags: '--no-stream', description: 'only once' },
    format: formatOption,
    noTrunc: { flags: '--no-trunc', description: 'whole ids' },
  },
  examples: ['tscompose stats', 'tscompose stats --no-stream --format json'],
  run: async (request, context) => {
    if (request.noStream === true) await showOnce(request, context);
    else await showAlways(request, context);
    return undefined;
  },
});

async function list(
  { services, all }: StatsRequest,
  context: Context,
): Promise<readonly ContainerSummary[]> {
  const { listContainers } = await import('../listed.ts');
  return listContainers(context, { services, all });
}

async function render(
  containers: readonly ContainerSummary[],
  samples: ReadonlyMap<string, ContainerStats>,
  { format, noTrunc }: StatsRequest,
): Promise<string> {
  const { renderRows } = await import('../ui/rows.ts');
  const { statsFormat, statsRow } = await import('../ui/stats-row.ts');
  const rows = containers.map((container) => {
    const source = { id: container.Id, name: nameOf(container), isCut: noTrunc !== true };
    return statsRow(source, samples.get(container.Id));
  });
  return renderRows(rows, format, statsFormat);
}

async function showOnce(request: StatsRequest, context: Context): Promise<void> {
  const engine = await context.engine();
  const containers = await list(request, context);
  const samples = new Map<string, ContainerStats>();
  await Promise.all(
    containers
      .filter(({ State }) => State === 'running' || State === 'paused')
      .map(async ({ Id }) => {
        const stream = engine.containers.stats(Id, {
          once: true,
          signal: context.interrupts.graceful,
        });
        for await (const sample of stream) samples.set(Id, sample);
      }),
  );
  await context.ui.stdout.write(await render(containers, samples, request));
}

/** Ends with the interrupt. Containers that come and go are shown from the next second on. */
async function showAlways(request: StatsRequest, context: Context): Promise<void> {
  const { setTimeout: sleep } = await import('node:timers/promises');
  const { graceful: signal } = context.interrupts;
  const samples = new Map<string, ContainerStats>();
  const engine = await context.engine();
  const watched = new Map<string, Promise<void>>();
  const watch = async (id: string): Promise<void> => {
    try {
      for await (const sample of engine.containers.stats(id, { signal })) samples.set(id, sample);
    } catch (error) {
      // It ended, or was removed: the next list tells.
      if (signal.aborted) throw error;
    } finally {
      samples.delete(id);
      watched.delete(id);
    }
  };
  for (;;) {
    signal.throwIfAborted();
    const containers = await list(request, context);
    for (const { Id, State } of containers) {
      if (State !== 'running' || watched.has(Id)) continue;
      const watching = watch(Id);
      watching.catch(() => undefined);
      watched.set(Id, watching);
    }
    const text = await render(containers, samples, request);
    const { stdout } = context.ui;
    await stdout.write(stdout.isTerminal ? redraw + text : text);
    await sleep(pauseMs, undefined, { signal });
  }
}
