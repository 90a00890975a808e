/**
 * The shim is killed before its state-changing system calls while it starts a container, one at a time, and so is what it
 * makes of itself in the container until that is the program. The start must say so within two seconds, the same engine
 * must be able to do it again at once, and nothing may be left.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome, Point } from '../lib/kills/bench.ts';
import { KillSeries, spread } from '../lib/kills/series.ts';
import type { SeriesResult } from '../lib/kills/series.ts';
import { missing } from '../lib/requires.ts';
import { tempDir } from '../lib/temp-dir.ts';
import type { TempDir } from '../lib/temp-dir.ts';

/** As with those of the engine: `KILL_POINTS=all` for every one. */
const wanted = process.env['KILL_POINTS'] ?? '160';
const mostMs = 2_000;
const timeoutMs = 3_600_000;
const absent = missing('root', 'cc', 'overlayfs', 'nftables');

describe.skipIf(absent.length > 0)(
  `a shim killed while it starts a container (missing: ${absent.join() || 'nothing'})`,
  () => {
    let directory: TempDir;
    let all: readonly Point[] = [];
    let result: SeriesResult;

    beforeAll(async () => {
      directory = await tempDir();
      const series = await KillSeries.prepare(directory.path);
      all = await series.plan('shim');
      result = await series.run(wanted === 'all' ? all : spread(all, Number(wanted)));
    }, timeoutMs);
    afterAll(async () => {
      await directory[Symbol.asyncDispose]();
    });

    function where(outcomes: readonly Outcome[]): readonly string[] {
      return outcomes.map(
        ({ point, answer, findings, recoveryMs }) =>
          `${point.operation}: ${point.call} ${point.occurrence}: ${answer ?? 'no failure'} in ${recoveryMs.toFixed(0)} ms ${findings.join(', ')}`,
      );
    }

    test('must be one whose calls are known, before and in the container', () => {
      const unknown = all.filter(({ call }) => call.includes('unclassified'));
      expect([...new Set(unknown.map(({ call }) => call))]).toEqual([]);
      const callsOf = (who: string): number =>
        all.filter(({ call }) => call.startsWith(who)).length;
      expect(callsOf('shim ')).toBeGreaterThanOrEqual(8);
      expect(callsOf('first ')).toBeGreaterThan(100);
    });

    test('must have been killed at nearly all of them', () => {
      const missed = result.outcomes.filter(({ wasKilled }) => !wasKilled);
      expect(missed.length, where(missed).join('\n')).toBeLessThan(result.outcomes.length * 0.03);
    });

    test('must be told as what it is, unless the program runs already', () => {
      const killed = result.outcomes.filter(({ wasKilled }) => wasKilled);
      const wrong = killed.filter(
        ({ answer }) => answer !== null && !/was killed while it (made|started)/.test(answer),
      );
      expect(where(wrong)).toEqual([]);
      // The last words of a shim may have been said.
      const silent = killed.filter(({ answer }) => answer === null);
      expect(silent.length, where(silent).join('\n')).toBeLessThan(killed.length * 0.2);
    });

    test('must leave nothing, and the same engine able to start the container', () => {
      expect(where(result.outcomes.filter(({ findings }) => findings.length > 0))).toEqual([]);
      expect(result.left).toEqual([]);
    });

    test('must be told within two seconds', () => {
      expect(where(result.outcomes.filter(({ recoveryMs }) => recoveryMs > mostMs))).toEqual([]);
    });
  },
);
