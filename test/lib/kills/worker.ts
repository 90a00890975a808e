/**
 * A process of its own, in namespaces of its own: `plan` prints every point there is, else the points come in a file and
 * one outcome a line goes out. The last line is what a stop in order has left.
 */
import { readFileSync } from 'node:fs';
import { instanceCgroups, takeAudit } from '../audit.ts';
import { KillBench } from './bench.ts';
import type { BenchPaths, Point } from './bench.ts';
import { isOf, operations } from './operations.ts';

interface Job extends BenchPaths {
  /** null: find them. */
  readonly points: readonly Point[] | null;
  /** Of the points that are to be found. */
  readonly victim: Point['victim'];
}

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Job;
const bench = new KillBench(job);

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function pointsOf(calls: readonly string[], of: Omit<Point, 'call' | 'occurrence'>): Point[] {
  const seen = new Map<string, number>();
  return calls.map((call) => {
    const occurrence = (seen.get(call) ?? 0) + 1;
    seen.set(call, occurrence);
    return { ...of, call, occurrence };
  });
}

async function planOfShims(): Promise<void> {
  for (const operation of operations.filter(({ startsShim }) => startsShim === true)) {
    await bench.dryRun(operation, 'shim');
    const calls = await bench.dryRun(operation, 'shim');
    const of = { operation: operation.name, isWithChildren: false, victim: 'shim' } as const;
    say({ points: pointsOf(calls, of) });
  }
}

async function plan(): Promise<void> {
  for (const operation of operations) {
    // The first run makes what is made once.
    await bench.dryRun(operation);
    const calls = (await bench.dryRun(operation)).filter((call) => isOf(operation.name, call));
    const of = { operation: operation.name, isWithChildren: false, victim: 'engine' } as const;
    const points = pointsOf(calls, of);
    say({ points });
    if (operation.isWithChildren === true) {
      const from = points.findIndex(({ call }) => call.startsWith('clone'));
      // An exec's, a stop's shim is there from the beginning.
      const later = points.slice(operation.name.startsWith('start') ? from + 1 : 0);
      say({ points: later.map((point) => ({ ...point, isWithChildren: true })) });
    }
  }
}

const scope = { instance: job.instance, directories: [bench.runRoot] };
await bench.start();
await bench.stop();
const before = await takeAudit(scope);
await bench.setUp();
if (job.points !== null)
  for (const point of job.points) say({ outcome: await bench.killAt(point) });
else if (job.victim === 'shim') await planOfShims();
else await plan();
await bench.stop();
const cgroups = await instanceCgroups(job.instance);
if (cgroups.length > 0) throw new Error(`the engine has left ${cgroups.join(', ')}`);
const after = await takeAudit(scope);
say({ before: [...before], after: [...after] });
