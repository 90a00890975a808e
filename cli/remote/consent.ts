/** Before a compose file from elsewhere runs anything, somebody says that it may. */
import { createInterface } from 'node:readline/promises';
import { CliError } from '../cli-error.ts';
import type { RemoteSource, Remotes } from './remotes.ts';
import { isBelow } from './remotes.ts';

export interface ConsentRequest {
  readonly remotes: Pick<Remotes, 'sources' | 'texts'>;
  /** The compose files that were named by -f or COMPOSE_FILE. */
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `-y`. */
  readonly assumeYes: boolean;
  readonly terminal: Terminal;
}

/** Who can be asked. */
export interface Terminal {
  readonly isInteractive: boolean;
  readonly write: (text: string) => Promise<unknown>;
  /** One line; null when there will be none. */
  readonly readLine: (prompt: string) => Promise<string | null>;
}

/**
 * A local compose file that includes others from elsewhere has been chosen by whoever wrote it, as it has the images. One
 * that is itself from elsewhere may be anything: it decides what runs with which rights. Throws CliError without consent.
 */
export async function askConsent(request: ConsentRequest): Promise<void> {
  const { remotes, files, env, assumeYes, terminal } = request;
  const isRemote = files.some((file) =>
    remotes.sources.some(({ directory }) => isBelow(file, directory)),
  );
  if (!isRemote || assumeYes || /^(1|t|true|y|yes|on)$/i.test(env['COMPOSE_ASSUME_YES'] ?? '')) {
    return;
  }
  const what = describeSources(remotes.sources);
  if (!terminal.isInteractive) {
    throw new CliError(
      `the compose file comes from elsewhere, and nobody can be asked whether it may run: ${what.join('; ')}`,
      {
        hint: '`tscompose config` with the same -f shows what it would run; if you trust it, say so with `-y` after the command or COMPOSE_ASSUME_YES=1',
      },
    );
  }
  await terminal.write(questionText(what, variablesOf(remotes.texts, env)));
  const answer = await terminal.readLine('Run it? [y/N] ');
  if (/^\s*y(es)?\s*$/i.test(answer ?? '')) return;
  throw new CliError('not run: the compose file from elsewhere was not accepted', {
    hint: '`tscompose config` with the same -f shows what it would run',
  });
}

function describeSources(sources: readonly RemoteSource[]): string[] {
  return sources.map(({ shown, identity }) => `${shown} (${identity})`);
}

function questionText(sources: readonly string[], variables: readonly string[]): string {
  const lines = [
    'The compose file comes from elsewhere:',
    ...sources.map((source) => `  ${source}`),
    'It decides which programs run, with which rights, and which of your files they see.',
  ];
  if (variables.length > 0) {
    lines.push(`It reads these variables of yours: ${variables.join(', ')}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Names only: a secret should not end up in a terminal's or a CI system's memory because we warn of it. */
export function variablesOf(
  texts: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const names = new Set<string>();
  for (const text of texts) {
    for (const match of text.matchAll(/(?<!\$)(?:\$\$)*\$\{?([A-Za-z_]\w*)/g)) {
      const name = match[1] ?? '';
      if (env[name] !== undefined) names.add(name);
    }
  }
  return [...names].sort();
}

export function processTerminal(streams: {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}): Terminal {
  const { input, output, signal } = streams;
  return {
    isInteractive: input.isTTY && output.isTTY,
    write: (text) =>
      new Promise((resolve) => {
        output.write(text, resolve);
      }),
    readLine: async (prompt) => {
      const lines = createInterface({ input, output });
      const closed = new Promise<null>((resolve) => {
        lines.once('close', () => {
          resolve(null);
        });
      });
      try {
        return await Promise.race([lines.question(prompt, { signal }), closed]);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        lines.close();
      }
    },
  };
}
