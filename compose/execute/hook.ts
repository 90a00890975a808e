import { ComposeError } from '../errors.ts';
import type { ActionOf } from '../plan/action.ts';
import type { Run } from './run.ts';

/** A hook's command, to its end. A failing one fails the run and undoes nothing. */
export async function runHook(
  run: Run,
  { name, service, ref, hook }: ActionOf<'runHook'>,
): Promise<void> {
  const lines = { stdout: new Lines(), stderr: new Lines() };
  const last = new LastLines();
  const print = (stream: 'stdout' | 'stderr', texts: readonly string[]): void => {
    for (const text of texts) {
      last.add(text);
      run.print({ container: name, service, stream, text });
    }
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
  if (exitCode !== 0) throw failure(service ?? name, { exitCode, last });
}

/** An init container, to its end. One that fails stays, and so does all that was made before it. */
export async function runInit(
  run: Run,
  { name, service, ref, owner }: ActionOf<'runInit'>,
): Promise<void> {
  const { containers } = run.engine;
  const id = run.idOf(ref);
  const event = { resource: 'container', name, id } as const;
  run.report({ ...event, status: 'starting' });
  await containers.start(id);
  run.report({ ...event, status: 'waiting' });
  const last = new LastLines();
  for await (const { stream, text } of containers.logs(id, { follow: true, signal: run.signal })) {
    last.add(text);
    run.print({ container: owner, service, stream, text });
  }
  const { StatusCode } = await containers.wait(id, { signal: run.signal });
  run.report({ ...event, status: 'exited' });
  if (StatusCode !== 0) throw failure(service ?? owner, { exitCode: StatusCode, last });
}

/** In docker compose's words, and with what was printed last: who is not attached sees it nowhere else. */
function failure(
  name: string,
  { exitCode, last }: { readonly exitCode: number; readonly last: LastLines },
): ComposeError {
  const message = `${name} hook exited with status ${exitCode}`;
  return new ComposeError('dependency-failed', [message, ...last.lines].join('\n  '));
}

const mostLines = 10;

class LastLines {
  readonly lines: string[] = [];

  add(text: string): void {
    this.lines.push(text);
    if (this.lines.length > mostLines) this.lines.shift();
  }
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
