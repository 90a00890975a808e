import { defineCommand, type Command } from '../command.ts';

interface CompleteRequest {
  readonly words?: readonly string[];
}

/** What the shells' scripts ask; see completion.ts. `commands` are those it completes, itself among them. */
export function completeCommandOf(commands: () => readonly Command[]): Command {
  return defineCommand<CompleteRequest>({
    name: '__complete',
    isHidden: true,
    summary: 'print what could stand at the end of a line',
    arguments: [{ name: '[words...]', description: 'the line, and the word that is being typed' }],
    options: { words: null },
    passesThrough: true,
    run: async ({ words = [] }, context) => {
      const { candidatesFor } = await import('../completion-names.ts');
      const found = await candidatesFor(words, commands(), context);
      const lines = found.map(({ word, description }) => `${word}\t${description}\n`);
      await context.ui.stdout.write(lines.join(''));
      return undefined;
    },
  });
}
