/** A series of kills: finds the points, spreads them over two workers, collects what they saw. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { compareAudits } from '../audit.ts';
import { cliPath } from '../engine.ts';
import { recordEngine } from '../run-record.mjs';
import type { Outcome, Point } from './bench.ts';

/** As many as there are processors in CI. */
const workers = 2;

export interface SeriesOptions {
  /** For whoever watches a long series. */
  readonly onLine?: (line: string) => void;
}

export class KillSeries {
  readonly #directory: string;
  readonly #options: SeriesOptions;

  private constructor(directory: string, options: SeriesOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  /** Everything is made below `directory`, which is the caller's. */
  static async prepare(directory: string, options: SeriesOptions = {}): Promise<KillSeries> {
    const sources = ['kill-point.c', 'calls.c', 'describe.c'].map((name) =>
      join(import.meta.dirname, name),
    );
    execFileSync('cc', ['-O1', '-o', join(directory, 'kill-point'), ...sources]);
    await build({
      entryPoints: [join(import.meta.dirname, 'worker.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outfile: join(directory, 'worker.mjs'),
      logLevel: 'error',
    });
    return new KillSeries(directory, options);
  }

  /** All points of all operations, in the order of the calls; or those of the shims that operations start. */
  async plan(victim: Point['victim'] = 'engine'): Promise<readonly Point[]> {
    const lines = await this.#work('plan', null, victim);
    return lines.flatMap(({ points = [] }) => points);
  }

  async run(points: readonly Point[]): Promise<SeriesResult> {
    const shares = Array.from({ length: workers }, (_unused, index) =>
      points.filter((_point, at) => at % workers === index),
    );
    const results = await Promise.all(
      shares.map((share, index) => this.#work(`worker${index}`, share)),
    );
    const lines = results.flat();
    return {
      outcomes: lines.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome])),
      left: lines.flatMap(({ left }) => left ?? []),
    };
  }

  async #work(
    name: string,
    points: readonly Point[] | null,
    victim: Point['victim'] = 'engine',
  ): Promise<readonly Line[]> {
    // The last names of a path tell what a call is about, so they are the same for all.
    const root = join(this.#directory, name, 'engine', 'root');
    await mkdir(root, { recursive: true });
    const job = join(this.#directory, `${name}.json`);
    const paths = {
      root,
      instance: instanceOf(join(root, 'state')),
      cli: cliPath,
      killPoint: join(this.#directory, 'kill-point'),
    };
    recordEngine(paths);
    await writeFile(job, JSON.stringify({ ...paths, points, victim }));
    // Of its own, and gone with it: network, mounts, processes.
    const child = spawn(
      'unshare',
      ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c'].concat([
        // Not exec: the first process of a pid namespace has to reap orphans, and a shell does.
        'ip link set lo up && "$@"; exit $?',
        'worker',
        process.execPath,
        join(this.#directory, 'worker.mjs'),
        job,
      ]),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const lines: Line[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(JSON.parse(line) as Line);
      this.#options.onLine?.(`${name} ${line}`);
    }
    const last = lines.at(-1);
    if (last?.before === undefined || last.after === undefined)
      throw new Error(`a worker has ended early, after ${lines.length} lines`);
    return [...lines, { left: leftBetween(last.before, last.after) }];
  }
}

export interface SeriesResult {
  readonly outcomes: readonly Outcome[];
  /** What stops in order have left, as of audit.ts. */
  readonly left: readonly string[];
}

/** What a worker prints. */
interface Line {
  readonly points?: readonly Point[];
  readonly outcome?: Outcome;
  readonly before?: readonly (readonly [string, readonly string[]])[];
  readonly after?: readonly (readonly [string, readonly string[]])[];
  readonly left?: readonly string[];
}

function leftBetween(
  before: readonly (readonly [string, readonly string[]])[],
  after: readonly (readonly [string, readonly string[]])[],
): readonly string[] {
  return compareAudits(new Map(before), new Map(after));
}

/** As engine/store/layout.ts names it. */
function instanceOf(stateRoot: string): string {
  return `tscompose-${createHash('sha256').update(stateRoot).digest('hex').slice(0, 6)}`;
}

/** `count` of them, evenly, and the same each time. */
export function spread(points: readonly Point[], count: number): readonly Point[] {
  if (count >= points.length) return points;
  return Array.from(
    { length: count },
    (_unused, index) => points[Math.floor((index * points.length) / count)],
  ).filter((point) => point !== undefined);
}
