/**
 * System-call tracing of a running process, thread by thread and without its children: what it starts (shims) must not
 * be traced, still less killed. strace(1) counts invocations per thread.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './eventually.ts';

const patienceMs = 2_000;

export interface Tracer {
  /** Detaches; the traced process goes on. Resolves when strace has ended, also if what it traced has. */
  stop(): Promise<void>;
}

/** `options` are strace's own, such as `-e inject=fsync:signal=KILL:when=3`. Resolves when every thread is traced. */
export async function traceThreads(pid: number, options: readonly string[]): Promise<Tracer> {
  const threads = await readdir(`/proc/${pid}/task`);
  const strace = spawn('strace', ['-qq', ...options, ...threads.flatMap((id) => ['-p', id])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  strace.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const ended = once(strace, 'exit');
  await eventually(async () => {
    // What an injected signal has killed already is traced well enough.
    if (complaint.includes('+++ killed by SIGKILL +++')) return;
    if (strace.exitCode !== null) throw new Error(`strace ended: ${complaint}`);
    for (const thread of threads) {
      const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8').catch(() => '');
      if (/^TracerPid:\s+0$/m.test(status)) throw new Error(`thread ${thread} is not traced yet`);
    }
  });
  return {
    async stop() {
      if (strace.exitCode === null && strace.signalCode === null) strace.kill('SIGINT');
      // strace(1) detaches by stopping each thread, and waits for ever for one of a process that was killed meanwhile.
      const patience = new AbortController();
      const impatient = delay(patienceMs, undefined, { signal: patience.signal }).then(
        () => strace.kill('SIGKILL'),
        () => false,
      );
      await ended;
      patience.abort();
      await impatient;
    },
  };
}

/** The largest number of times that one thread made each call, from a trace written with `-ff -o PREFIX`. */
export async function countCalls(prefixDirectory: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const file of await readdir(prefixDirectory)) {
    const text = await readFile(`${prefixDirectory}/${file}`, 'utf8');
    const ofThread = new Map<string, number>();
    for (const [, call = ''] of text.matchAll(/^(\w+)\(/gm)) {
      ofThread.set(call, (ofThread.get(call) ?? 0) + 1);
    }
    for (const [call, count] of ofThread) counts.set(call, Math.max(count, counts.get(call) ?? 0));
  }
  return counts;
}
