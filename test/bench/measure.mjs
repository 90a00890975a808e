// Timing and statistics of the benchmarks. All times are milliseconds.
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

/** Runs `work` `runs` times after `warmUp` uncounted ones; `before` and `after` are not timed. */
export async function measure({ runs, warmUp = 1, before, work, after }) {
  const times = [];
  for (let run = -warmUp; run < runs; run++) {
    const context = await before?.(run);
    const startedAt = performance.now();
    const result = await work(context);
    const elapsed = performance.now() - startedAt;
    await after?.(context ?? result);
    if (run >= 0) times.push(elapsed);
  }
  return statistics(times);
}

export function statistics(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { runs: sorted.length, p50: at(0.5), p90: at(0.9), min: sorted[0], max: sorted.at(-1) };
}

/** A command that must succeed; rejects with its output. */
export function run([file, ...args], { env = process.env, cwd, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env,
      cwd,
      stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    if (input) input.pipe(child.stdin);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${[file, ...args].join(' ')} exited ${code}:\n${output}`));
    });
  });
}

/** Proportional set size in KiB of every process whose program matches, see proc_pid_smaps(5). */
export async function pssOf(isWanted) {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
      if (!isWanted(command, Number(pid))) continue;
      const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
      found.push(Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0));
    } catch (error) {
      // A process that has just ended has no memory to count.
      if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error;
    }
  }
  return { count: found.length, kib: found.reduce((sum, kib) => sum + kib, 0) };
}

/** Kernel memory that containers cost beside their processes: slab, page tables, kernel stacks, per-CPU. In KiB. */
export async function kernelMemory() {
  const text = await readFile('/proc/meminfo', 'utf8');
  const value = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return ['SUnreclaim', 'PageTables', 'KernelStack', 'Percpu'].reduce(
    (sum, n) => sum + value(n),
    0,
  );
}
