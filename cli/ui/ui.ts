/** What a command shows things with: two outputs, a style, and a renderer chosen from --progress, --ansi and isTTY. */
import type { AnsiMode, ProgressStyle } from '../options.ts';
import { createOutput, type Output } from './output.ts';
import { jsonProgress } from './progress-json.ts';
import { plainProgress } from './progress-plain.ts';
import { quietProgress, type ProgressView } from './progress.ts';
import { chooseStyle, type Style } from './style.ts';

export interface Ui {
  readonly stdout: Output;
  readonly stderr: Output;
  /** For what goes to standard output; errors and progress have one of their own. */
  readonly stdoutStyle: Style;
  readonly stderrStyle: Style;
  readonly progressStyle: Exclude<ProgressStyle, 'auto'>;
  /** A line on standard error about what happens now. */
  notice(message: string): void;
  /** A line on standard error that is no reason to stop. */
  warn(message: string): void;
  progress(): Promise<ProgressView>;
}

export interface UiRequest {
  readonly progress: ProgressStyle;
  readonly ansi: AnsiMode;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Columns that a name and a status need at least. */
const narrowest = 20;

export function createUi({ progress, ansi, env, stdout, stderr }: UiRequest): Ui {
  const out = createOutput(stdout);
  const err = createOutput(stderr);
  const stderrStyle = chooseStyle(ansi, env, err.isTerminal);
  const progressStyle = chooseProgress({ progress, ansi, env }, err);
  const say = (text: string, json: object): void => {
    if (progressStyle === 'quiet') return;
    void err.write(`${progressStyle === 'json' ? JSON.stringify(json) : text}\n`);
  };
  return {
    stdout: out,
    stderr: err,
    stdoutStyle: chooseStyle(ansi, env, out.isTerminal),
    stderrStyle,
    progressStyle,
    notice: (message) => {
      say(message, { notice: true, message });
    },
    warn: (message) => {
      say(`${stderrStyle.yellow('warning:')} ${message}`, { warning: true, message });
    },
    progress: async () => {
      if (progressStyle === 'quiet') return quietProgress;
      if (progressStyle === 'json') return jsonProgress(err);
      if (progressStyle === 'plain') return plainProgress(err);
      const { ttyProgress } = await import('./progress-tty.ts');
      return ttyProgress({ stream: stderr, style: stderrStyle, now: () => performance.now() });
    },
  };
}

/** CI systems give some steps a terminal, and keep every redraw of it; some pseudo-terminals have no width. */
function chooseProgress(
  { progress, ansi, env }: Pick<UiRequest, 'progress' | 'ansi' | 'env'>,
  { isTerminal, columns }: Output,
): Ui['progressStyle'] {
  if (progress !== 'auto') return progress;
  const isDumb = env['TERM'] === 'dumb' || (env['CI'] ?? '') !== '';
  return isTerminal && columns >= narrowest && ansi !== 'never' && !isDumb ? 'tty' : 'plain';
}
