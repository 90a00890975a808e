/**
 * A process of its own, in namespaces of its own: `plan` prints every point there is, else the points come in a file and
 * one outcome a line goes out. The last line is what a stop in order has left.
 */
import { readFileSync } from 'node:fs';
import { takeAudit } from '../audit.ts';
import { KillBench } from './bench.ts';
import type { BenchPaths, Point } from './bench.ts';
import { isOf, operations } from './operations.ts';

interface Job extends BenchPaths {
  /** null: find them. */
  readonly points: readonly Point[] | null;
}

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Job;
const bench = new KillBench(job);

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function plan(): Promise<void> {
  for (const operation of operations) {
    // The first run makes what is made once.
    await bench.dryRun(operation);
    const calls = (await bench.dryRun(operation)).filter((call) => isOf(operation.name, call));
    const seen = new Map<string, number>();
    const points = calls.map((call) => {
      const occurrence = (seen.get(call) ?? 0) + 1;
      seen.set(call, occurrence);
      return { operation: operation.name, call, occurrence, isWithChildren: false };
    });
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
if (job.points === null) await plan();
else for (const point of job.points) say({ outcome: await bench.killAt(point) });
await bench.stop();
const after = await takeAudit(scope);
say({ before: [...before], after: [...after] });
