/** A question with yes or no, on a terminal or through a pipe: `yes | tscompose rm`. */
import { processTerminal } from './remote/consent.ts';
import type { Context } from './context.ts';

/** No answer is no. */
export async function askYes(question: string, context: Context): Promise<boolean> {
  const terminal = processTerminal({
    input: process.stdin,
    output: process.stdout,
    signal: context.interrupts.graceful,
  });
  const answer = await terminal.readLine(question);
  if (!terminal.isInteractive) await context.ui.stdout.write('\n');
  return /^\s*(y|yes|t|true|1|on)\s*$/iu.test(answer ?? '');
}
