import { ComposeError } from '../errors.ts';
import type { ActionOf } from '../plan/action.ts';
import type { Run } from './run.ts';

/** A hook's command, to its end. A failing one fails the run, in docker compose's words, and undoes nothing. */
export async function runHook(
  run: Run,
  { name, service, ref, hook }: ActionOf<'runHook'>,
): Promise<void> {
  const lines = { stdout: new Lines(), stderr: new Lines() };
  const print = (stream: 'stdout' | 'stderr', texts: readonly string[]): void => {
    for (const text of texts) run.print({ container: name, service, stream, text });
  };
  const { command, user, working_dir, environment, privileged } = hook;
  const { exitCode } = await run.engine.execs.run(
    run.idOf(ref),
    {
      Cmd: command ?? [],
      ...(user !== undefined && { User: user }),
      ...(working_dir !== undefined && { WorkingDir: working_dir }),
      ...(privileged !== undefined && { Privileged: privileged }),
      Env: Object.entries(environment ?? {}).flatMap(([key, value]) =>
        value === null ? [] : [`${key}=${value}`],
      ),
    },
    {
      onOutput: (stream, bytes) => {
        print(stream, lines[stream].add(bytes));
      },
      signal: run.signal,
    },
  );
  for (const stream of ['stdout', 'stderr'] as const) print(stream, lines[stream].end());
  if (exitCode === 0) return;
  throw new ComposeError(
    'dependency-failed',
    `${service ?? name} hook exited with status ${exitCode}`,
  );
}

/** Bytes as they come → whole lines. */
class Lines {
  readonly #decoder = new TextDecoder();
  #rest = '';

  add(bytes: Uint8Array): string[] {
    const parts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = parts.pop() ?? '';
    return parts;
  }

  end(): string[] {
    return this.#rest === '' ? [] : [this.#rest];
  }
}
