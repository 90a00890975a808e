/** Containers by the API, quick enough for hundreds of starts: no network, and no command line in between. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { EngineError, type ContainerCreateRequest } from '../../engine/api/index.ts';
import type { EngineClient } from '../../engine/client/index.ts';

export interface Outcome {
  /** null: it was not started, and `output` says why. */
  readonly code: number | null;
  /** Of both streams, line by line. */
  readonly output: string;
}

/** Volumes at `/shared` and the like are the caller's to remove. */
export async function runOnce(
  client: EngineClient,
  request: ContainerCreateRequest,
): Promise<Outcome> {
  let id: string | null = null;
  try {
    id = await createQuick(client, request);
    const { exited } = await client.containers.watchExit(id, { condition: 'next-exit' });
    await client.containers.start(id);
    const { StatusCode } = await exited;
    return { code: StatusCode, output: await outputOf(client, id) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { code: null, output: error.message };
  } finally {
    if (id !== null) await client.containers.remove(id, { force: true, volumes: true });
  }
}

export async function createQuick(
  client: EngineClient,
  { HostConfig, Cmd: [program = '', ...args] = [], ...config }: ContainerCreateRequest,
): Promise<string> {
  const { Id } = await client.containers.create({
    Image: 'app',
    // Instead of the image's, in front of which an argument could not be put.
    Entrypoint: [program],
    Cmd: args,
    ...config,
    HostConfig: { NetworkMode: 'none', ...HostConfig },
  });
  return Id;
}

export async function outputOf(client: EngineClient, id: string): Promise<string> {
  let output = '';
  for await (const { text } of client.containers.logs(id)) output += `${text}\n`;
  return output;
}

/** A program of an exec, to its end. */
export async function execOnce(
  client: EngineClient,
  id: string,
  request: {
    readonly Cmd: readonly string[];
    readonly WorkingDir?: string;
    readonly User?: string;
  },
): Promise<Outcome> {
  let output = '';
  try {
    const { exitCode } = await client.execs.run(id, request, {
      onOutput: (_, bytes) => (output += Buffer.from(bytes).toString()),
    });
    return { code: exitCode, output };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { code: null, output: error.message };
  }
}

/** A shell command with the busybox of the image `app`. */
export function shell(script: string): readonly string[] {
  return ['/bin/busybox', 'sh', '-c', script];
}

/** Static, so that it runs in any image. */
export function compile(name: string, directory: string): string {
  const program = join(directory, name);
  const source = new URL(`programs/${name}.c`, import.meta.url).pathname;
  execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-static', '-o', program, source]);
  return program;
}

/** A few at a time. */
export async function together<T>(
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}
