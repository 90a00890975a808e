import { binding } from './binding.ts';
import { watchReadable, type Watch } from './descriptors.ts';
import { attempt, attemptAsync, isSyscallError } from './errors.ts';
import type { Fd } from './fd.ts';

export interface SpawnRequest {
  /** Absolute path of the program. */
  readonly file: string;
  /** argv, with argv[0]. */
  readonly args: readonly string[];
  /** "KEY=value"; nothing is inherited. */
  readonly env: readonly string[];
  /** Becomes descriptor i in the child; null is /dev/null. Descriptors 0 to 2 that are missing are /dev/null. */
  readonly fds?: readonly (Fd | null)[];
}

export interface Spawned {
  readonly pid: number;
  readonly pidfd: Fd;
}

/**
 * Starts a program in a session of its own, with default signals and only the descriptors named. Returns when the
 * program has been exec'ed; a failed exec is thrown, and nothing of it is left. The caller's copies stay open.
 */
export function spawnProcess({ file, args, env, fds = [] }: SpawnRequest): Spawned {
  const numbers = fds.map((fd) => fd ?? -1);
  const [pid, pidfd] = attempt(`start "${file}"`, () =>
    binding().spawn(file, [...args], [...env], numbers),
  );
  return { pid, pidfd };
}

/** The same off the event loop. The descriptors must stay open until it is settled. */
export async function spawnProcessLater({
  file,
  args,
  env,
  fds = [],
}: SpawnRequest): Promise<Spawned> {
  const numbers = fds.map((fd) => fd ?? -1);
  const [pid, pidfd] = await attemptAsync(`start "${file}"`, () =>
    binding().spawnLater(file, [...args], [...env], numbers),
  );
  return { pid, pidfd };
}

/** Check the process's start time after this: a pid alone proves nothing. */
export function openPidfd(pid: number): Fd {
  return attempt(`open process ${pid}`, () => binding().pidfdOpen(pid));
}

/** Signal 0 only checks that the process has not been reaped. */
export function sendSignal(pidfd: Fd, signal: number): void {
  attempt(`send signal ${signal} to process of descriptor ${pidfd}`, () => {
    binding().pidfdSignal(pidfd, signal);
  });
}

/**
 * Whether processes can have the hardware threads of a core to themselves (PR_SCHED_CORE of prctl(2), Linux 5.14).
 * `not-built`: the kernel cannot (CONFIG_SCHED_CORE); `no-threads`: no core has several of them.
 */
export type CoreScheduling = 'available' | 'not-built' | 'no-threads';

export function coreScheduling(): CoreScheduling {
  try {
    attempt('ask for core scheduling', () => {
      binding().coreCookie();
    });
    return 'available';
  } catch (error) {
    if (isSyscallError(error, 'EINVAL')) return 'not-built';
    if (isSyscallError(error, 'ENODEV')) return 'no-threads';
    throw error;
  }
}

/** How a process ended: an exit code, or the signal that ended it. */
export type ProcessExit =
  | { readonly code: number; readonly signal: null }
  | { readonly code: null; readonly signal: number };

/**
 * Calls back once, when the process has ended, and reaps it if it is a child of ours; `null` when it is not, because
 * then only its parent knows how it ended. `pidfd` stays open.
 */
export function onExit(pidfd: Fd, callback: (exit: ProcessExit | null) => void): Watch {
  let retry: NodeJS.Timeout | undefined;
  const finish = (): void => {
    const ended = reap(pidfd);
    if (ended === 'traced') retry = setTimeout(finish, tracedMs);
    else callback(ended);
  };
  const watch = watchReadable(pidfd, () => {
    watch.close();
    finish();
  });
  const close = (): void => {
    clearTimeout(retry);
    watch.close();
  };
  return { close, [Symbol.dispose]: close };
}

/** Between two looks at one whose tracer has not yet seen that it has ended. */
const tracedMs = 10;

// si_code of waitid(2): CLD_EXITED carries an exit code, CLD_KILLED and CLD_DUMPED a signal.
const CLD_EXITED = 1;

/** null: no child of ours. */
function reap(pidfd: Fd): ProcessExit | 'traced' | null {
  const ended = attempt(`reap process of descriptor ${pidfd}`, () => binding().pidfdReap(pidfd));
  if (ended === null) return null;
  const [code, status] = ended;
  if (code === 0) return 'traced';
  return code === CLD_EXITED ? { code: status, signal: null } : { code: null, signal: status };
}
