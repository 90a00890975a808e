/** `list`, `ps` and `events`: looking at containers. */
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../api/index.ts';
import type { Options } from './arguments.ts';
import { cgroupsOf, observe, stateOf } from './context.ts';
import type { Context } from './context.ts';

export async function list(context: Context, options: Options): Promise<void> {
  const found = [];
  for (const record of context.containers.list()) {
    const observed = await observe(context, record.id);
    observed.shim?.close();
    const { rootfs, created } = record;
    found.push({ ...stateOf(context, observed), rootfs, created, owner: 'root' });
  }
  if (options.flag('quiet')) {
    context.print(found.map(({ id }) => `${id}\n`).join(''));
  } else if (formatOf(options) === 'json') {
    context.print(`${JSON.stringify(found)}\n`);
  } else {
    const rows = found.map(({ id, pid = 0, status, bundle, created }) => [
      ...[id, String(pid), status, bundle, created],
    ]);
    context.print(printTable([['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED'], ...rows]));
  }
}

export async function ps(context: Context, id: string, options: Options): Promise<void> {
  const observed = await observe(context, id);
  observed.shim?.close();
  const pids = cgroupsOf(observed.record).pids(observed.record.cgroup.name);
  if (formatOf(options) === 'json') context.print(`${JSON.stringify(pids)}\n`);
  else context.print(printTable([['PID'], ...pids.map((pid) => [String(pid)])]));
}

function formatOf(options: Options): 'table' | 'json' {
  const format = options.text('format') ?? 'table';
  if (format === 'table' || format === 'json') return format;
  throw new EngineError('invalid-argument', `--format "${format}" is neither table nor json`);
}

function printTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Counters once with `--stats`, else again and again until the container has stopped. */
export async function events(context: Context, id: string, options: Options): Promise<void> {
  const interval = options.text('interval') ?? '5s';
  const seconds = /^(\d{1,6})s?$/.exec(interval)?.[1];
  if (seconds === undefined || Number(seconds) === 0) {
    throw new EngineError('invalid-argument', `--interval "${interval}" is no number of seconds`);
  }
  for (;;) {
    const observed = await observe(context, id);
    observed.shim?.close();
    const { record, status } = observed;
    if (status === 'stopped') {
      if (!options.flag('stats')) return;
      throw new EngineError('conflict', `container "${id}" is stopped and has no counters`);
    }
    const stats = cgroupsOf(record).stats(record.cgroup.name);
    context.print(`${JSON.stringify({ type: 'stats', id, data: stats }, bigAsNumber)}\n`);
    if (options.flag('stats')) return;
    await delay(Number(seconds) * 1000);
  }
}

function bigAsNumber(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
