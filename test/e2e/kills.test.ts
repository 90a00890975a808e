/**
 * The engine is killed before its state-changing system calls, one at a time, in every operation of `lib/kills`. The next
 * engine must serve within two seconds, and nothing may be left of the kernel or of files that it does not know of.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome, Point } from '../lib/kills/bench.ts';
import { operations } from '../lib/kills/operations.ts';
import { KillSeries, spread } from '../lib/kills/series.ts';
import type { SeriesResult } from '../lib/kills/series.ts';
import { missing } from '../lib/requires.ts';
import { tempDir } from '../lib/temp-dir.ts';
import type { TempDir } from '../lib/temp-dir.ts';

/** `npm run test:kills -- --all` sets it to "all"; see test/README.md. */
const wanted = process.env['KILL_POINTS'] ?? '520';
const onlyOperation = process.env['KILL_OPERATION'];
const mostMs = 2_000;
const timeoutMs = 10 * 3_600_000;

const absent = missing('root', 'cc', 'overlayfs', 'nftables');

describe.skipIf(absent.length > 0)(
  `an engine killed before a system call (missing: ${absent.join() || 'nothing'})`,
  () => {
    let directory: TempDir;
    let all: readonly Point[] = [];
    let result: SeriesResult;

    beforeAll(async () => {
      directory = await tempDir();
      const series = await KillSeries.prepare(directory.path, { onLine: watch });
      all = (await series.plan()).filter(
        ({ operation }) => onlyOperation === undefined || operation === onlyOperation,
      );
      result = await series.run(wanted === 'all' ? all : spread(all, Number(wanted)));
      report(all, result);
    }, timeoutMs);
    afterAll(async () => {
      await directory[Symbol.asyncDispose]();
    });

    test('has no call that nobody has classified', () => {
      expect(all.filter(({ call }) => call.startsWith('unclassified'))).toEqual([]);
    });

    test('was killed at nearly all of them: a point that does not come proves nothing', () => {
      const missed = result.outcomes.filter(({ wasKilled }) => !wasKilled);
      expect(missed.length, describePoints(missed)).toBeLessThan(result.outcomes.length * 0.03);
    });

    test.each(operations.map(({ name }) => name))('in %s leaves nothing', (name) => {
      const ofIt = result.outcomes.filter(({ point }) => point.operation === name);
      const found = ofIt.filter(({ findings }) => findings.length > 0);
      expect(found.map(({ point, findings }) => ({ ...point, findings }))).toEqual([]);
    });

    test('is followed by one that serves within two seconds of work', () => {
      const slow = result.outcomes.filter(({ recoveryMs }) => recoveryMs > mostMs);
      expect(slow.map(({ point, recoveryMs }) => ({ ...point, recoveryMs }))).toEqual([]);
    });

    test('leaves nothing after all of them and an end in order', () => {
      expect(result.left).toEqual([]);
    });
  },
);

function describePoints(outcomes: readonly Outcome[]): string {
  return outcomes
    .map(({ point: { operation, call, occurrence } }) => `${operation}: ${call} ${occurrence}`)
    .join('\n');
}

/** KILL_REPORT: a file for all that was seen; what is seen while it runs goes to the same name and ".lines". */
const reportPath = process.env['KILL_REPORT'];

function watch(line: string): void {
  if (reportPath !== undefined) appendFileSync(`${reportPath}.lines`, `${line.slice(0, 2000)}\n`);
}

function report(all: readonly Point[], result: SeriesResult): void {
  if (reportPath === undefined) return;
  writeFileSync(reportPath, JSON.stringify({ all, ...result }, null, 1));
}
